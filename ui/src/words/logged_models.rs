//! Texts of logged models.

words! {
    /// Texts of logged models.
    LoggedModelWords {
        title: "Logged models", "기록된 모델";
        table: "Logged models table", "기록된 모델 표";
        metrics_table: "Metrics table", "메트릭 표";
        none: "No model is logged in this experiment. A script logs one with MLflow 3:", "이 실험에 기록된 모델이 없습니다. MLflow 3 스크립트로 기록합니다:";
        kind: "Type", "유형";
        id: "ID", "ID";
        dataset: "Dataset", "데이터셋";
        pending: "Uploading", "업로드 중";
        ready: "Ready", "준비됨";
        failed: "Upload failed", "업로드 실패";
        unknown: "Unknown", "알 수 없음";
        no_metrics: "No metrics.", "메트릭이 없습니다.";
        no_params: "No parameters.", "매개변수가 없습니다.";
        versions: "Registered as", "등록된 버전";
        more: "{0} more {0|is|are} not shown.", "나머지 {0}개는 표시하지 않습니다.";
    }
}
