//! Texts of charts.

words! {
    /// Texts of charts.
    ChartWords {
        by_step: "by step", "스텝별";
        by_time: "by time (UTC)", "시각별 (UTC)";
        by_time_from: "by time (UTC) from {0}", "시각별 (UTC), {0}부터";
        by_relative: "by time since the start", "시작 후 경과 시간별";
        by_run: "latest value of each run, in the order of creation", "생성 순서대로 각 실행의 마지막 값";
        run_unit: "run {0}", "실행 {0}";
        log_scale: "log scale", "로그 눈금";
        smoothed: "smoothed {0} over the raw line", "{0} 평활, 뒤의 선은 원래 값";
        not_finite: "{0} {0|value is|values are} NaN or infinite: the line breaks there", "NaN 또는 무한대인 값 {0}개에서 선이 끊깁니다";
        not_positive: "{0} {0|value is|values are} not above 0, so a log scale cannot show {0|it|them}", "0 이하인 값 {0}개는 로그 눈금에 표시할 수 없습니다";
        no_number: "There is no number to draw.", "그릴 숫자가 없습니다.";
        lines: "{0} {0|line|lines}", "선 {0}개";
        runs: "{0} {0|run|runs}", "실행 {0}개";
        numbers: "Numbers", "숫자";
        step: "Step", "스텝";
        time: "Time (UTC)", "시각 (UTC)";
        relative: "Since the start", "시작 후";
        step_unit: "{0} step", "{0} 스텝";
        other_lines: "The table has only the lines in colour.", "표에는 색이 있는 선만 나옵니다.";
        running: "{0} (running)", "{0} (실행 중)";
        parallel: "Parallel coordinates", "평행 좌표";
        scrolls: "{0}, scrolls sideways", "{0}, 옆으로 스크롤";
        others: "other", "기타";
        against: "{0} against {1}", "{1}에 따른 {0}";
        by_param: "{0} by {1}", "{1}별 {0}";
        box_how: "median, quartiles, every run", "중앙값, 사분위수, 모든 실행";
        run: "Run", "실행";
        lowest: "Lowest", "최저";
        median: "Median", "중앙값";
        highest: "Highest", "최고";
    }
}
