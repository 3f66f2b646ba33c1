//! The request and the answer of each endpoint, in the notation of `fields`.

/// The request and the answer of an endpoint.
pub(super) struct Operation {
    /// The method, in capitals.
    pub(super) method: &'static str,
    /// The path as clients send it, with `{…}` for parameters.
    pub(super) path: &'static str,
    /// A sentence about it.
    pub(super) summary: &'static str,
    /// The fields of the request. One with `?` in front is in the query whatever the method. `bytes`: the body is a file.
    pub(super) request: &'static str,
    /// The fields of the answer. `=file`, `=text` and `=any` stand for an answer that is no object of known fields.
    pub(super) answer: &'static str,
}

macro_rules! operations {
    ($($method:ident $path:literal $summary:literal ($request:literal) $answer:literal;)*) => {
        &[$(Operation {
            method: stringify!($method),
            path: $path,
            summary: $summary,
            request: $request,
            answer: $answer,
        }),*]
    };
}

/// Every endpoint that is no page.
pub(super) const OPERATIONS: &[Operation] = operations! {
    POST "/api/2.0/mlflow/experiments/create" "Creates an experiment." ("name! artifact_location tags:[Tag]") "experiment_id!";
    GET "/api/2.0/mlflow/experiments/get" "Reads an experiment." ("experiment_id!") "experiment!:Experiment";
    GET "/api/2.0/mlflow/experiments/get-by-name" "Reads an experiment by its name." ("experiment_name!") "experiment!:Experiment";
    POST "/api/2.0/mlflow/experiments/update" "Renames an experiment." ("experiment_id! new_name!") "";
    POST "/api/2.0/mlflow/experiments/delete" "Soft-deletes an experiment with its runs." ("experiment_id!") "";
    POST "/api/2.0/mlflow/experiments/restore" "Restores an experiment with its runs." ("experiment_id!") "";
    GET "/api/2.0/mlflow/experiments/search" "Searches experiments." ("filter order_by:[text] view_type:ViewType max_results!:int page_token") "experiments:[Experiment] next_page_token";
    POST "/api/2.0/mlflow/experiments/search" "Searches experiments." ("filter order_by:[text] view_type:ViewType max_results!:int page_token") "experiments:[Experiment] next_page_token";
    POST "/api/2.0/mlflow/experiments/set-experiment-tag" "Sets a tag of an experiment." ("experiment_id! key! value") "";
    POST "/api/2.0/mlflow/experiments/delete-experiment-tag" "Deletes a tag of an experiment." ("experiment_id! key!") "";
    POST "/api/2.0/mlflow/experiments/search-datasets" "Lists the datasets that runs of experiments used." ("experiment_ids!:[text]") "dataset_summaries:[DatasetSummary]";
    POST "/api/2.0/mlflow/runs/create" "Creates a run." ("experiment_id! user_id run_name start_time:int tags:[Tag]") "run!:Run";
    GET "/api/2.0/mlflow/runs/get" "Reads a run." ("run_id run_uuid") "run!:Run";
    POST "/api/2.0/mlflow/runs/update" "Changes status, end time or name of a run." ("run_id run_uuid status:RunStatus end_time:int run_name") "run_info!:RunInfo";
    POST "/api/2.0/mlflow/runs/delete" "Soft-deletes a run." ("run_id!") "";
    POST "/api/2.0/mlflow/runs/restore" "Restores a run." ("run_id!") "";
    POST "/api/2.0/mlflow/runs/search" "Searches runs of experiments." ("experiment_ids:[text] filter run_view_type:ViewType order_by:[text] max_results:int page_token") "runs:[Run] next_page_token";
    POST "/api/2.0/mlflow/runs/log-metric" "Logs one point of a metric." ("run_id run_uuid key! value!:float timestamp!:int step:int model_id dataset_name dataset_digest") "";
    POST "/api/2.0/mlflow/runs/log-parameter" "Logs one param." ("run_id run_uuid key! value") "";
    POST "/api/2.0/mlflow/runs/set-tag" "Sets a tag of a run." ("run_id run_uuid key! value") "";
    POST "/api/2.0/mlflow/runs/delete-tag" "Deletes a tag of a run." ("run_id! key!") "";
    POST "/api/2.0/mlflow/runs/log-batch" "Logs metrics, params and tags, all or nothing." ("run_id! metrics:[LoggedMetric] params:[Param] tags:[Tag]") "";
    POST "/api/2.0/mlflow/runs/log-inputs" "Links datasets and logged models to a run that uses them." ("run_id! datasets:[DatasetInput] models:[ModelInput]") "";
    POST "/api/2.0/mlflow/runs/outputs" "Links logged models to the run that produced them." ("run_id! models!:[ModelOutput]") "";
    POST "/api/2.0/mlflow/runs/log-model" "Records in a tag of a run that a model was logged to it." ("run_id! model_json!") "";
    GET "/api/2.0/mlflow/artifacts/list" "Lists a directory of a run." ("run_id run_uuid path") "root_uri files:[FileInfo]";
    POST "/api/2.0/mlflow/logged-models" "Creates a logged model." ("experiment_id! name model_type source_run_id params:[Param] tags:[Tag]") "model!:LoggedModel";
    POST "/api/2.0/mlflow/logged-models/search" "Searches logged models of experiments." ("experiment_ids!:[text] filter datasets:[MeasuredOn] order_by:[LoggedModelOrder] max_results:int page_token") "models:[LoggedModel] next_page_token";
    GET "/api/2.0/mlflow/logged-models/{model_id}" "Reads a logged model." ("allow_deleted") "model!:LoggedModel";
    PATCH "/api/2.0/mlflow/logged-models/{model_id}" "Sets the status of a logged model." ("status!:LoggedModelStatus") "model!:LoggedModel";
    DELETE "/api/2.0/mlflow/logged-models/{model_id}" "Soft-deletes a logged model." ("") "";
    PATCH "/api/2.0/mlflow/logged-models/{model_id}/tags" "Sets tags of a logged model." ("tags:[Tag]") "";
    DELETE "/api/2.0/mlflow/logged-models/{model_id}/tags/{tag_key}" "Deletes a tag of a logged model." ("") "";
    POST "/api/2.0/mlflow/logged-models/{model_id}/params" "Logs params of a logged model." ("params:[Param]") "";
    GET "/api/2.0/mlflow/logged-models/{model_id}/artifacts/directories" "Lists a directory of a logged model." ("artifact_directory_path") "root_uri files:[FileInfo]";
    GET "/api/2.0/mlflow/logged-models/{model_id}/artifacts/files" "Downloads a file of a logged model." ("artifact_file_path!") "=file";
    HEAD "/api/2.0/mlflow/logged-models/{model_id}/artifacts/files" "Asks about a file of a logged model." ("artifact_file_path!") "=file";
    GET "/api/2.0/mlflow/metrics/get-history" "Reads a page of the history of a metric." ("run_id run_uuid metric_key! max_results:int page_token") "metrics:[Metric] next_page_token";
    GET "/api/2.0/mlflow/metrics/get-history-bulk" "Reads the histories of a metric in several runs." ("run_id!:[text] metric_key! max_results:int") "metrics!:[MetricOfRun]";
    GET "/api/2.0/mlflow/metrics/get-history-bulk-interval" "Reads samples of the histories of a metric in several runs." ("run_ids!:[text] metric_key! start_step:int end_step:int max_results:int") "metrics:[MetricOfRun]";
    POST "/api/2.0/mlflow/registered-models/create" "Creates a registered model." ("name! description tags:[Tag]") "registered_model!:RegisteredModel";
    GET "/api/2.0/mlflow/registered-models/get" "Reads a registered model." ("name!") "registered_model!:RegisteredModel";
    PATCH "/api/2.0/mlflow/registered-models/update" "Changes the description of a registered model." ("name! description") "registered_model!:RegisteredModel";
    POST "/api/2.0/mlflow/registered-models/rename" "Renames a registered model." ("name! new_name!") "registered_model!:RegisteredModel";
    DELETE "/api/2.0/mlflow/registered-models/delete" "Deletes a registered model with its versions." ("name!") "";
    GET "/api/2.0/mlflow/registered-models/search" "Searches registered models." ("filter order_by:[text] max_results:int page_token") "registered_models:[RegisteredModel] next_page_token";
    GET "/api/2.0/mlflow/registered-models/get-latest-versions" "Reads the latest version of each stage." ("name! stages:[text]") "model_versions:[ModelVersion]";
    POST "/api/2.0/mlflow/registered-models/get-latest-versions" "Reads the latest version of each stage." ("name! stages:[text]") "model_versions:[ModelVersion]";
    POST "/api/2.0/mlflow/registered-models/set-tag" "Sets a tag of a registered model." ("name! key! value") "";
    DELETE "/api/2.0/mlflow/registered-models/delete-tag" "Deletes a tag of a registered model." ("name! key!") "";
    GET "/api/2.0/mlflow/registered-models/alias" "Reads the version that has an alias." ("name! alias!") "model_version!:ModelVersion";
    POST "/api/2.0/mlflow/registered-models/alias" "Sets an alias of a version." ("name! alias! version!") "";
    DELETE "/api/2.0/mlflow/registered-models/alias" "Deletes an alias." ("name! alias!") "";
    POST "/api/2.0/mlflow/model-versions/create" "Creates the next version of a model." ("name! source run_id model_id run_link description tags:[Tag]") "model_version!:ModelVersion";
    GET "/api/2.0/mlflow/model-versions/get" "Reads a version." ("name! version!") "model_version!:ModelVersion";
    PATCH "/api/2.0/mlflow/model-versions/update" "Changes the description of a version." ("name! version! description") "model_version!:ModelVersion";
    POST "/api/2.0/mlflow/model-versions/transition-stage" "Moves a version to a stage." ("name! version! stage! archive_existing_versions:bool") "model_version!:ModelVersion";
    DELETE "/api/2.0/mlflow/model-versions/delete" "Deletes a version." ("name! version!") "";
    GET "/api/2.0/mlflow/model-versions/search" "Searches versions." ("filter order_by:[text] max_results:int page_token") "model_versions:[ModelVersion] next_page_token";
    GET "/api/2.0/mlflow/model-versions/get-download-uri" "Reads where the files of a version are." ("name! version!") "artifact_uri!";
    POST "/api/2.0/mlflow/model-versions/set-tag" "Sets a tag of a version." ("name! version! key! value") "";
    DELETE "/api/2.0/mlflow/model-versions/delete-tag" "Deletes a tag of a version." ("name! version! key!") "";
    GET "/api/2.0/model-versions/get-artifact" "Downloads a file of a version." ("name! version! path!") "=file";
    HEAD "/api/2.0/model-versions/get-artifact" "Asks about a file of a version." ("name! version! path!") "=file";
    GET "/api/2.0/mlflow/gateway-proxy" "Lists the endpoints of an AI gateway: none." ("") "endpoints!:[any]";
    POST "/api/2.0/mlflow/traces" "Begins a trace, for MLflow 2." ("experiment_id! timestamp_ms:int tags:[Tag] request_metadata:[Tag]") "trace_info!:OldTraceInfo";
    GET "/api/2.0/mlflow/traces" "Searches traces, for MLflow 2." ("experiment_ids!:[text] filter order_by:[text] max_results:int page_token") "traces:[OldTraceInfo] next_page_token";
    PATCH "/api/2.0/mlflow/traces/{request_id}" "Ends a trace, for MLflow 2." ("timestamp_ms!:int status!:TraceState tags:[Tag] request_metadata:[Tag]") "trace_info!:OldTraceInfo";
    GET "/api/2.0/mlflow/traces/{request_id}/info" "Reads a trace, for MLflow 2." ("") "trace_info!:OldTraceInfo";
    PATCH "/api/2.0/mlflow/traces/{request_id}/tags" "Sets a tag of a trace." ("key! value") "";
    DELETE "/api/2.0/mlflow/traces/{request_id}/tags" "Deletes a tag of a trace." ("key!") "";
    POST "/api/2.0/mlflow/traces/delete-traces" "Deletes traces by ids or by time." ("experiment_id! trace_ids:[text] request_ids:[text] max_timestamp_millis:int max_traces:int") "traces_deleted!:int";
    POST "/api/2.0/mlflow/traces/link-to-run" "Links traces to a run." ("trace_ids!:[text] run_id!") "";
    POST "/api/2.0/mlflow/traces/link-prompts" "Links versions of prompts to a trace." ("trace_id request_id prompt_versions:[PromptVersion]") "";
    GET "/api/2.0/mlflow/get-trace-artifact" "Downloads the spans of a trace, or an attachment." ("trace_id request_id path") "=file";
    GET "/api/3.0/mlflow/server-info" "Tells what the server has." ("") "store_type!:any workspaces_enabled!:bool trace_archival_enabled!:bool multipart_uploads_enabled!:bool multipart_downloads_enabled!:bool";
    GET "/api/3.0/mlflow/ui-telemetry" "Tells MLflow's web pages to report nothing." ("") "disable_ui_telemetry!:bool disable_ui_events!:[any] ui_rollout_percentage!:int";
    POST "/api/3.0/mlflow/traces" "Stores the data of a trace that has ended." ("trace!:NewTrace") "trace!:Trace";
    POST "/api/3.0/mlflow/traces/search" "Searches traces." ("locations!:[TraceLocation] filter order_by:[text] max_results:int page_token") "traces:[TraceInfo] next_page_token";
    GET "/api/3.0/mlflow/traces/get" "Reads a trace with its spans." ("trace_id! allow_partial:bool") "trace!:Trace";
    GET "/api/3.0/mlflow/traces/batchGet" "Reads traces with their spans." ("trace_ids!:[text]") "traces:[Trace]";
    POST "/api/3.0/mlflow/traces/batchGetInfos" "Reads traces without their spans." ("trace_ids!:[text] experiment_ids:[text]") "trace_infos:[TraceInfo]";
    POST "/api/3.0/mlflow/traces/delete-traces" "Deletes traces by ids or by time." ("experiment_id! trace_ids:[text] request_ids:[text] max_timestamp_millis:int max_traces:int") "traces_deleted!:int";
    POST "/api/3.0/mlflow/traces/metrics" "Measures traces, spans or assessments." ("experiment_ids!:[text] view_type!:TraceView metric_name! aggregations!:[Aggregation] dimensions:[text] filters:[text] time_interval_seconds:int start_time_ms:int end_time_ms:int max_results:int page_token") "data_points:[DataPoint]";
    POST "/api/3.0/mlflow/traces/calculate-filter-correlation" "Counts the traces that two filters find." ("experiment_ids!:[text] filter_string1! filter_string2! base_filter") "npmi:float npmi_smoothed:float filter1_count!:int filter2_count!:int joint_count!:int total_count!:int";
    GET "/api/3.0/mlflow/traces/{trace_id}" "Reads a trace without its spans." ("") "trace!:Trace";
    PATCH "/api/3.0/mlflow/traces/{trace_id}/tags" "Sets a tag of a trace." ("key! value") "";
    DELETE "/api/3.0/mlflow/traces/{trace_id}/tags" "Deletes a tag of a trace." ("key!") "";
    POST "/api/3.0/mlflow/traces/{trace_id}/assessments" "Creates an assessment." ("assessment!:NewAssessment") "assessment!:Assessment";
    GET "/api/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}" "Reads an assessment." ("") "assessment!:Assessment";
    PATCH "/api/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}" "Changes fields of an assessment." ("assessment!:NewAssessment update_mask!") "assessment!:Assessment";
    DELETE "/api/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}" "Deletes an assessment." ("") "";
    POST "/api/2.0/v1/traces" "Stores spans of OpenTelemetry, in protobuf or JSON." ("bytes") "=any";
    GET "/api/2.0/mlflow-artifacts/artifacts" "Lists a directory of all artifacts." ("path") "files:[FileInfo]";
    GET "/api/2.0/mlflow-artifacts/artifacts/{path}" "Downloads a file." ("") "=file";
    HEAD "/api/2.0/mlflow-artifacts/artifacts/{path}" "Asks about a file." ("") "=file";
    PUT "/api/2.0/mlflow-artifacts/artifacts/{path}" "Uploads a file." ("bytes") "";
    DELETE "/api/2.0/mlflow-artifacts/artifacts/{path}" "Deletes a file or a directory." ("") "";
    POST "/api/2.0/mlflow-artifacts/mpu/create/{path}" "Begins an upload in parts." ("path! num_parts!:int") "upload_id! credentials!:[UploadCredential]";
    PUT "/api/2.0/mlflow-artifacts/mpu/part/{path}" "Uploads a part." ("bytes") "";
    POST "/api/2.0/mlflow-artifacts/mpu/complete/{path}" "Joins the parts to the file." ("path! upload_id! parts:[UploadPart]") "";
    POST "/api/2.0/mlflow-artifacts/mpu/abort/{path}" "Gives an upload in parts up." ("path! upload_id!") "";
    GET "/api/2.0/mlflow-artifacts/presigned/{path}" "Signs the address of a file in the store." ("") "url! headers!:any file_size:int";
    GET "/api/2.0/get-artifact" "Downloads a file of a run." ("run_id run_uuid path!") "=file";
    HEAD "/api/2.0/get-artifact" "Asks about a file of a run." ("run_id run_uuid path!") "=file";
    POST "/api/2.0/mlflow/upload-artifact" "Uploads a file of a run." ("?run_uuid ?run_id ?path! bytes") "";
    POST "/graphql" "Answers the questions of MLflow's web pages." ("operationName! variables:any query") "data:any errors:[any]";
    GET "/version" "Names the version of MLflow's interface." ("") "=text";
    GET "/openapi.json" "Describes the API: this document." ("") "=any";
    GET "/-/ml/audit" "Lists the audit log. People get it as a page." ("format actor action object since_ms:int until_ms:int max_results:int page_token") "records:[AuditRecord] next_page_token";
};
