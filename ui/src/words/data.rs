//! Texts about data and saved models: columns, datasets, signatures and flavors.

words! {
    /// Texts about data and saved models.
    DataWords {
        saved_model: "Saved model", "저장된 모델";
        signature: "Signature", "시그니처";
        inputs: "Input", "입력";
        outputs: "Output", "출력";
        params: "Parameter", "매개변수";
        features: "Feature", "특성";
        targets: "Target", "타깃";
        column: "Column", "열";
        kind: "Type", "유형";
        role: "Role", "역할";
        remark: "Remark", "비고";
        optional: "optional", "선택";
        default: "default", "기본값";
        flavors: "Flavors", "플레이버";
        flavor: "Flavor", "플레이버";
        settings: "Settings", "설정";
        requirements: "Requirements", "요구 패키지";
        schema: "Schema", "스키마";
        profile: "Profile", "프로필";
        dataset_details: "Schema and profile", "스키마와 프로필";
        no_details: "Nothing more is known of this dataset.", "이 데이터셋에 대한 추가 정보가 없습니다.";
        no_dataset: "No dataset was logged.", "기록된 데이터셋이 없습니다.";
        digest: "Digest", "다이제스트";
        context: "Used for", "용도";
        source: "Source", "소스";
        rows: "Rows", "행";
        elements: "Elements", "요소";
    }
}
