//! Texts of the comparison of runs, and of the charts of an experiment.

words! {
    /// Texts of the comparison of runs, and of the charts of an experiment.
    CompareWords {
        title: "Compare {0} {0|run|runs}", "실행 {0}개 비교";
        empty_title: "Compare runs", "실행 비교";
        how_to: "A comparison shows 2 to {0} runs side by side. Choose them in the table of an experiment, and press Compare.", "실행 2~{0}개를 나란히 비교합니다. 실험의 표에서 실행을 선택하고 비교를 누르세요.";
        one_more: "This is one run. Choose another one to compare it with.", "실행이 하나뿐입니다. 비교할 실행을 하나 더 선택하세요.";
        too_many: "A comparison shows {0} runs at most. These were left out: {1}", "최대 {0}개의 실행만 비교합니다. 제외된 실행: {1}";
        not_found: "No such run in this project: {0}", "이 프로젝트에 없는 실행: {0}";
        against_first: "differences are shown against {0}", "{0}와(과)의 차이를 표시합니다";
        of: "of {0}", "{0}의 실행";
        choose_others: "Choose others", "다른 실행 선택";
        charts: "Charts", "차트";
        metric: "Metric", "메트릭";
        all_metrics: "first metrics", "앞의 메트릭들";
        more_metrics: "{0} of {1} {1|metric|metrics} {0|is|are} drawn. Choose one to see another.", "메트릭 {1}개 중 {0}개를 그렸습니다. 다른 메트릭은 선택하세요.";
        thinned: "Some histories are too long for one page. Of these, points from even spaces of time are shown.", "일부 기록은 한 페이지에 담기에 너무 깁니다. 이런 기록은 시간 간격마다 고른 점을 표시합니다.";
        horizontal: "Horizontal axis", "가로축";
        vertical: "Vertical axis", "세로축";
        smoothing: "Smoothing", "평활";
        step: "step", "스텝";
        time: "time", "시각";
        relative: "relative", "경과 시간";
        linear: "linear", "선형";
        log: "log", "로그";
        raw: "raw", "원래 값";
        side_by_side: "Parameters and metrics", "매개변수와 메트릭";
        region: "Parameters and metrics side by side", "나란히 놓은 매개변수와 메트릭";
        rows: "Rows", "행";
        differences: "differences", "차이";
        all: "all", "전체";
        parameter_or_metric: "Parameter or metric", "매개변수 또는 메트릭";
        no_differences: "All parameters and metrics are equal.", "모든 매개변수와 메트릭이 같습니다.";
        nothing: "These runs have no parameters and no metrics.", "이 실행들에는 매개변수와 메트릭이 없습니다.";
        sweep: "Together", "모아 보기";
        axes: "Up to {0} axes: parameters that differ, then the metric.", "축은 최대 {0}개입니다. 서로 다른 매개변수 다음에 메트릭이 옵니다.";
        parameter: "Parameter", "매개변수";
        runs_of: "Runs", "실행";
        latest: "Latest values", "마지막 값";
        latest_hint: "The newest {0} {0|run|runs}.", "최신 실행 {0}개.";
        by_step_of: "By step, the newest {0} {0|run|runs}", "스텝별, 최신 실행 {0}개";
        none_logged: "No run of this experiment has a metric yet.", "이 실험의 실행에는 아직 메트릭이 없습니다.";
        compare_these: "Compare these runs", "이 실행들 비교";
    }
}
