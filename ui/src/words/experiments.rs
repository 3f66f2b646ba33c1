//! Texts of the list of experiments.

words! {
    /// Texts of the list of experiments.
    ExperimentWords {
        how_to_log: "How to log", "기록 방법";
        new_experiment: "New experiment", "새 실험";
        search_label: "Search experiments", "실험 검색";
        search_hint: "Name", "이름";
        table: "Experiments table", "실험 표";
        last_run: "Last run", "마지막 실행";
        no_run: "no run", "실행 없음";
        last_update: "Last update", "마지막 변경";
        nothing_matches: "No experiment matches.", "일치하는 실험이 없습니다.";
        show_all: "Show all", "모두 보기";
        none_deleted: "No experiment was deleted.", "삭제된 실험이 없습니다.";
        two_lines: "Two lines, and an unchanged training script logs here.", "두 줄만 추가하면 기존 학습 스크립트가 여기에 기록합니다.";
        token_hint: "The token is one of the forge, with the right to write (api).", "토큰은 포지에서 발급한 쓰기 권한(api) 토큰입니다.";
        create_text: "Runs are logged into an experiment. A script that names a new one creates it.", "실행은 실험에 기록됩니다. 스크립트가 새 이름을 쓰면 실험이 생성됩니다.";
        mount_title: "MLflow address", "MLflow 주소";
        mount_text: "This is the tracking address of {0} for MLflow clients. The pages for people are here:", "이 주소는 {0}의 MLflow 클라이언트용 추적 주소입니다. 사람을 위한 페이지는 다음과 같습니다:";
    }
}
