//! The objects of requests and answers, each with its fields in the notation of `fields`.

/// The objects by name. A text with `|` has the words of an enum.
pub(super) const SCHEMAS: &[(&str, &str)] = &[
    ("Error", "error_code! message!"),
    ("Tag", "key! value"),
    ("Param", "key! value"),
    ("Author", "id! login! name"),
    ("ViewType", "ACTIVE_ONLY|DELETED_ONLY|ALL"),
    ("RunStatus", "RUNNING|SCHEDULED|FINISHED|FAILED|KILLED"),
    ("Stage", "active|deleted"),
    (
        "Experiment",
        "experiment_id! name! artifact_location! lifecycle_stage!:Stage last_update_time!:int creation_time!:int tags:[Tag]",
    ),
    ("DatasetSummary", "experiment_id! name! digest! context"),
    (
        "RunInfo",
        "run_id! run_uuid! experiment_id! run_name! user_id! status!:RunStatus start_time!:int end_time:int artifact_uri! \
         lifecycle_stage!:Stage author:Author",
    ),
    ("RunData", "metrics:[Metric] params:[Param] tags:[Tag]"),
    ("RunInputs", "dataset_inputs:[DatasetInput] model_inputs:[ModelInput]"),
    ("RunOutputs", "model_outputs:[ModelOutput]"),
    (
        "Run",
        "info!:RunInfo data!:RunData inputs!:RunInputs outputs!:RunOutputs",
    ),
    ("Metric", "key! value!:float timestamp!:int step:int"),
    (
        "LoggedMetric",
        "key! value!:float timestamp!:int step:int model_id dataset_name dataset_digest",
    ),
    ("MetricOfRun", "key! value!:float timestamp!:int step!:int run_id!"),
    (
        "MetricOfModel",
        "key! value!:float timestamp!:int step!:int model_id! run_id! dataset_name dataset_digest",
    ),
    ("Dataset", "name! digest! source_type! source! schema profile"),
    ("DatasetInput", "tags:[Tag] dataset!:Dataset"),
    ("ModelInput", "model_id!"),
    ("ModelOutput", "model_id! step:int"),
    ("FileInfo", "path! is_dir!:bool file_size:int"),
    ("RegisteredModelAlias", "alias! version!"),
    (
        "RegisteredModel",
        "name! creation_timestamp!:int last_updated_timestamp!:int description latest_versions:[ModelVersion] tags:[Tag] \
         aliases:[RegisteredModelAlias] author:Author",
    ),
    (
        "ModelVersion",
        "name! version! creation_timestamp!:int last_updated_timestamp!:int user_id current_stage! description source! \
         run_id! status! tags:[Tag] run_link! aliases:[text] author:Author",
    ),
    (
        "LoggedModelStatus",
        "LOGGED_MODEL_STATUS_UNSPECIFIED|LOGGED_MODEL_PENDING|LOGGED_MODEL_READY|LOGGED_MODEL_UPLOAD_FAILED",
    ),
    (
        "LoggedModelInfo",
        "model_id! experiment_id! name! creation_timestamp_ms!:int last_updated_timestamp_ms!:int artifact_uri! \
         status!:LoggedModelStatus model_type! source_run_id! tags:[Tag]",
    ),
    ("LoggedModelData", "params:[Param] metrics:[MetricOfModel]"),
    ("LoggedModel", "info!:LoggedModelInfo data!:LoggedModelData"),
    ("MeasuredOn", "dataset_name! dataset_digest"),
    (
        "LoggedModelOrder",
        "field_name! ascending:bool dataset_name dataset_digest",
    ),
    ("TraceView", "TRACES|SPANS|ASSESSMENTS"),
    ("AggregationType", "COUNT|SUM|AVG|PERCENTILE|MIN|MAX"),
    (
        "Aggregation",
        "aggregation_type!:AggregationType percentile_value:float",
    ),
    ("DataPoint", "metric_name! dimensions:map values!:any"),
    ("TraceState", "STATE_UNSPECIFIED|OK|ERROR|IN_PROGRESS"),
    (
        "OldTraceInfo",
        "request_id! experiment_id! timestamp_ms!:int execution_time_ms!:int status!:TraceState request_metadata:[Tag] \
         tags:[Tag]",
    ),
    ("InExperiment", "experiment_id!"),
    ("TraceLocation", "type mlflow_experiment:InExperiment"),
    (
        "NewTraceInfo",
        "trace_id! client_request_id trace_location!:TraceLocation request_time execution_duration state:TraceState \
         request_preview response_preview trace_metadata:map tags:map assessments:[NewAssessment]",
    ),
    ("NewTrace", "trace_info!:NewTraceInfo"),
    (
        "TraceInfo",
        "trace_id! client_request_id trace_location!:TraceLocation request_time! execution_duration state!:TraceState \
         request_preview response_preview trace_metadata:map tags:map assessments:[Assessment]",
    ),
    ("Trace", "trace_info!:TraceInfo spans:[any]"),
    ("PromptVersion", "name! version!"),
    ("AssessmentSource", "source_type source_id"),
    ("Feedback", "value:any error:any"),
    ("SerializedValue", "serialization_format value"),
    ("Expectation", "value:any serialized_value:SerializedValue"),
    ("Issue", "issue_name!"),
    (
        "NewAssessment",
        "assessment_id assessment_name span_id source:AssessmentSource create_time last_update_time feedback:Feedback \
         expectation:Expectation issue:Issue rationale metadata:map overrides",
    ),
    (
        "Assessment",
        "assessment_id! assessment_name! trace_id! span_id source!:AssessmentSource create_time! last_update_time! \
         feedback:Feedback expectation:Expectation issue:Issue rationale metadata:map overrides valid!:bool",
    ),
    (
        "AuditRecord",
        "timestamp!:int period_ms:int action! object_type! object! detail actor! actor_id! token_id! address! request_id",
    ),
    ("UploadCredential", "url! part_number!:int headers!:map"),
    ("UploadPart", "part_number!:int etag!"),
];
