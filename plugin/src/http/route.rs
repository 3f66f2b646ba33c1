//! The one route table: each route has a method, a path, the right that it needs, and a handler.

use std::pin::Pin;

use super::rights::RequiredRight;
use super::{openapi, pages_or_api, path};
use crate::api;
use crate::error::{Error, Result};
use crate::pages;
use crate::request::call::Call;
use crate::request::response::Answer;

type Endpoint = for<'a> fn(Call<'a>) -> Pin<Box<dyn Future<Output = Result<Answer>> + 'a>>;

/// One route.
pub struct Route {
    /// The method, in capitals.
    pub method: &'static str,
    /// The path below one of the prefixes.
    pub path: &'static str,
    /// The right that the caller needs.
    pub right: RequiredRight,
    /// The name of a change in the audit log.
    pub action: &'static str,
    pub(super) endpoint: Endpoint,
}

/// Prefixes of clients and of MLflow's web pages.
pub const PREFIXES: [&str; 2] = ["/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"];

macro_rules! routes {
    ($($method:ident $path:literal $right:ident $endpoint:path $(as $action:literal)?;)*) => {
        &[$(Route {
            method: stringify!($method),
            path: $path,
            right: RequiredRight::$right,
            action: action!($path $($action)?),
            endpoint: |call| Box::pin(async move { $endpoint(call).await.map(Answer::from) }),
        }),*]
    };
}

/// Every route.
pub const ROUTES: &[Route] = routes! {
    POST "experiments/create" Write api::experiments::create;
    GET "experiments/get" Read api::experiments::get;
    GET "experiments/get-by-name" Read api::experiments::get_by_name;
    POST "experiments/update" Write api::experiments::update;
    POST "experiments/delete" Write api::experiments::delete;
    POST "experiments/restore" Write api::experiments::restore;
    GET "experiments/search" Read api::experiments::search;
    POST "experiments/search" Read api::experiments::search;
    POST "experiments/set-experiment-tag" Write api::experiments::set_tag;
    POST "experiments/delete-experiment-tag" Write api::experiments::delete_tag;
    POST "experiments/search-datasets" Read api::datasets::search;
    POST "runs/create" Write api::runs::create;
    GET "runs/get" Read api::runs::get;
    POST "runs/update" Write api::runs::update;
    POST "runs/delete" Write api::runs::delete;
    POST "runs/restore" Write api::runs::restore;
    POST "runs/search" Read api::runs::search;
    POST "runs/log-metric" Write api::logging::log_metric;
    POST "runs/log-parameter" Write api::logging::log_param;
    POST "runs/set-tag" Write api::logging::set_tag;
    POST "runs/delete-tag" Write api::logging::delete_tag;
    POST "runs/log-batch" Write api::logging::log_batch;
    POST "runs/log-inputs" Write api::inputs::log_inputs;
    GET "artifacts/list" Read api::artifacts::list_of_run;
    POST "runs/outputs" Write api::outputs::log_outputs;
    POST "runs/log-model" Write api::outputs::log_model;
    POST "logged-models" Write api::logged_models::create as "logged-models/create";
    GET "logged-models/{model_id}/artifacts/directories" Read api::artifacts::list_of_logged_model;
    POST "logged-models/search" Read api::logged_models::search;
    GET "logged-models/{model_id}" Read api::logged_models::get;
    PATCH "logged-models/{model_id}" Write api::logged_models::finalize as "logged-models/finalize";
    DELETE "logged-models/{model_id}" Write api::logged_models::delete as "logged-models/delete";
    PATCH "logged-models/{model_id}/tags" Write api::logged_models::set_tags as "logged-models/set-tags";
    DELETE "logged-models/{model_id}/tags/{*tag_key}" Write api::logged_models::delete_tag as "logged-models/delete-tag";
    POST "logged-models/{model_id}/params" Write api::logged_models::log_params as "logged-models/log-params";
    GET "metrics/get-history" Read api::metrics::get_history;
    GET "metrics/get-history-bulk" Read api::metrics::get_history_bulk;
    GET "metrics/get-history-bulk-interval" Read api::metrics::get_history_bulk_interval;
    POST "registered-models/create" Write api::models::create;
    GET "registered-models/get" Read api::models::get;
    PATCH "registered-models/update" Write api::models::update;
    POST "registered-models/rename" Write api::models::rename;
    DELETE "registered-models/delete" Write api::models::delete;
    GET "registered-models/search" Read api::models::search;
    GET "registered-models/get-latest-versions" Read api::models::latest_versions;
    POST "registered-models/get-latest-versions" Read api::models::latest_versions;
    POST "registered-models/set-tag" Write api::models::set_tag;
    DELETE "registered-models/delete-tag" Write api::models::delete_tag;
    GET "registered-models/alias" Read api::aliases::get;
    POST "registered-models/alias" Write api::aliases::set as "registered-models/set-alias";
    DELETE "registered-models/alias" Write api::aliases::delete as "registered-models/delete-alias";
    POST "model-versions/create" Write api::versions::create;
    GET "model-versions/get" Read api::versions::get;
    PATCH "model-versions/update" Write api::versions::update;
    POST "model-versions/transition-stage" Write api::versions::transition_stage;
    DELETE "model-versions/delete" Write api::versions::delete;
    GET "model-versions/search" Read api::versions::search;
    GET "model-versions/get-download-uri" Read api::versions::get_download_uri;
    POST "model-versions/set-tag" Write api::versions::set_tag;
    DELETE "model-versions/delete-tag" Write api::versions::delete_tag;
    GET "gateway-proxy" Read api::web_pages::gateway_proxy;
    POST "traces" Write api::traces::old::start as "traces/start";
    GET "traces" Read api::traces::old::search;
    PATCH "traces/{request_id}" Write api::traces::old::end as "traces/end";
    GET "traces/{request_id}/info" Read api::traces::old::info;
    PATCH "traces/{request_id}/tags" Write api::traces::set_tag as "traces/set-tag";
    DELETE "traces/{request_id}/tags" Write api::traces::delete_tag as "traces/delete-tag";
    POST "traces/delete-traces" Write api::traces::delete;
    POST "traces/link-to-run" Write api::traces::link_to_run;
    POST "traces/link-prompts" Write api::traces::link_prompts;
};

/// Prefixes of some routes of newer clients.
pub const NEWER_PREFIXES: [&str; 2] = ["/api/3.0/mlflow/", "/ajax-api/3.0/mlflow/"];

/// Every route below `NEWER_PREFIXES`.
pub const NEWER_ROUTES: &[Route] = routes! {
    GET "server-info" Read api::uploads::server_info;
    GET "ui-telemetry" Read api::web_pages::ui_telemetry;
    POST "traces" Write api::traces::start as "traces/start";
    POST "traces/search" Read api::traces::search;
    GET "traces/get" Read api::traces::get_whole;
    GET "traces/batchGet" Read api::traces::batch_get;
    POST "traces/batchGetInfos" Read api::traces::batch_get_infos;
    POST "traces/delete-traces" Write api::traces::delete;
    POST "traces/metrics" Read api::traces::metrics::query;
    POST "traces/calculate-filter-correlation" Read api::traces::metrics::correlation;
    GET "traces/{trace_id}" Read api::traces::get;
    PATCH "traces/{trace_id}/tags" Write api::traces::set_tag as "traces/set-tag";
    DELETE "traces/{trace_id}/tags" Write api::traces::delete_tag as "traces/delete-tag";
    POST "traces/{trace_id}/assessments" Write api::traces::assessments::create as "assessments/create";
    GET "traces/{trace_id}/assessments/{assessment_id}" Read api::traces::assessments::get;
    PATCH "traces/{trace_id}/assessments/{assessment_id}" Write api::traces::assessments::update as "assessments/update";
    DELETE "traces/{trace_id}/assessments/{assessment_id}" Write api::traces::assessments::delete as "assessments/delete";
};

/// Prefix of the routes of the project that MLflow does not have.
pub const PROJECT_PREFIX: &str = "/-/ml/";

/// Every route below `PROJECT_PREFIX`.
pub const PROJECT_ROUTES: &[Route] = routes! {
    GET "audit" Manage pages_or_api::audit;
    GET "" Read pages::mount::to_experiments;
    GET "assets/{name}" Read pages::assets::get;
    GET "experiments" Read pages::experiments::list;
    POST "experiments" Write pages::experiments::create as "experiments/create";
    GET "experiments/new" Read pages::experiments::new;
    GET "experiments/{experiment_id}/charts" Read pages::experiment_charts::get;
    GET "compare" Read pages::compare::get;
    GET "compare.csv" Read pages::compare::export::csv;
    GET "compare.json" Read pages::compare::export::json;
    GET "candidates/{run_id}/metrics/{*metric}" Read pages::svg::chart;
    GET "badge/{of}/{*metric}" Read pages::svg::badge;
    GET "experiments/{experiment_id}" Read pages::experiment::show;
    GET "experiments/{experiment_id}/runs.csv" Read pages::experiment::export::csv;
    GET "experiments/{experiment_id}/runs.json" Read pages::experiment::export::json;
    GET "experiments/{experiment_id}/log" Read pages::experiment::log::show;
    GET "experiments/{experiment_id}/details" Read pages::experiment::details::show;
    POST "experiments/{experiment_id}/rename" Write pages::experiment::changes::rename as "experiments/update";
    POST "experiments/{experiment_id}/note" Write pages::experiment::changes::set_note as "experiments/set-experiment-tag";
    POST "experiments/{experiment_id}/tags/set" Write pages::experiment::changes::set_tag as "experiments/set-experiment-tag";
    POST "experiments/{experiment_id}/tags/delete" Write pages::experiment::changes::delete_tag as "experiments/delete-experiment-tag";
    GET "experiments/{experiment_id}/delete" Read pages::experiment::changes::ask_deletion;
    POST "experiments/{experiment_id}/delete" Write pages::experiment::changes::delete as "experiments/delete";
    POST "experiments/{experiment_id}/restore" Write pages::experiment::changes::restore as "experiments/restore";
    GET "experiments/{experiment_id}/runs/delete" Read pages::experiment::bulk::ask_deletion;
    POST "experiments/{experiment_id}/runs/delete" Write pages::experiment::bulk::delete as "runs/delete";
    GET "experiments/{experiment_id}/runs/restore" Read pages::experiment::bulk::ask_restoration;
    POST "experiments/{experiment_id}/runs/restore" Write pages::experiment::bulk::restore as "runs/restore";
    GET "experiments/{experiment_id}/runs/tag" Read pages::experiment::bulk::ask_tag;
    POST "experiments/{experiment_id}/runs/tag" Write pages::experiment::bulk::set_tag as "runs/set-tag";
    GET "trash" Read pages::trash::list;
    GET "candidates/{run_id}" Read pages::run::overview::get;
    POST "candidates/{run_id}" Write pages::run::edit::save as "runs/update";
    GET "candidates/{run_id}/edit" Read pages::run::edit::get;
    GET "candidates/{run_id}/delete" Read pages::run::lifecycle::ask;
    POST "candidates/{run_id}/delete" Write pages::run::lifecycle::delete as "runs/delete";
    POST "candidates/{run_id}/restore" Write pages::run::lifecycle::restore as "runs/restore";
    GET "candidates/{run_id}/metrics" Read pages::run::metrics::get;
    GET "candidates/{run_id}/system" Read pages::run::metrics::system;
    GET "candidates/{run_id}/metric" Read pages::run::metric::get;
    GET "candidates/{run_id}/metrics.csv" Read pages::run::points::csv;
    GET "candidates/{run_id}/datasets" Read pages::run::datasets::get;
    GET "candidates/{run_id}/params" Read pages::run::pairs::params;
    GET "candidates/{run_id}/tags" Read pages::run::pairs::tags;
    POST "candidates/{run_id}/tags" Write pages::run::tags::set as "runs/set-tag";
    POST "candidates/{run_id}/tags/delete" Write pages::run::tags::delete as "runs/delete-tag";
    GET "candidates/{run_id}/artifacts" Read pages::run::artifacts::get;
    GET "candidates/{run_id}/raw/{*path}" Read pages::run::files::raw;
    HEAD "candidates/{run_id}/raw/{*path}" Read pages::run::files::raw;
    GET "candidates/{run_id}/archive" Read pages::run::files::archive;
    GET "candidates/{run_id}/promote" Read pages::run::promote::get;
    POST "candidates/{run_id}/promote" Write pages::run::promote::create as "model-versions/create";
    GET "experiments/{experiment_id}/traces" Read pages::traces::show;
    GET "experiments/{experiment_id}/traces/charts" Read pages::traces::charts::get;
    GET "experiments/{experiment_id}/traces/compare" Read pages::traces::compare::get;
    GET "experiments/{experiment_id}/traces/delete" Read pages::traces::bulk::ask;
    POST "experiments/{experiment_id}/traces/delete" Write pages::traces::bulk::delete as "traces/delete-traces";
    GET "experiments/{experiment_id}/sessions" Read pages::traces::sessions::list;
    GET "experiments/{experiment_id}/session" Read pages::traces::sessions::show;
    GET "traces/{trace_id}" Read pages::trace::get;
    POST "traces/{trace_id}/tags" Write pages::trace::tags::set as "traces/set-tag";
    POST "traces/{trace_id}/tags/delete" Write pages::trace::tags::delete as "traces/delete-tag";
    POST "traces/{trace_id}/assessments" Write pages::trace::assessments::add as "assessments/create";
    POST "traces/{trace_id}/assessments/delete" Write pages::trace::assessments::delete as "assessments/delete";
    GET "experiments/{experiment_id}/logged-models" Read pages::logged_models::list;
    GET "logged-models/{model_id}" Read pages::logged_model::get;
    GET "logged-models/{model_id}/artifacts" Read pages::logged_model::files::browse;
    GET "logged-models/{model_id}/raw/{*path}" Read pages::logged_model::files::raw;
    HEAD "logged-models/{model_id}/raw/{*path}" Read pages::logged_model::files::raw;
    GET "logged-models/{model_id}/archive" Read pages::logged_model::files::archive;
    GET "models" Read pages::models::list;
    POST "models" Write pages::models::create as "registered-models/create";
    GET "models/new" Read pages::models::new;
    GET "models/by-name/{name}" Read pages::model::by_name;
    GET "models/by-name/{name}/versions/{version}" Read pages::model::version_by_name;
    GET "models/{model_id}" Read pages::model::get;
    GET "models/{model_id}/edit" Read pages::model::edit;
    POST "models/{model_id}/edit" Write pages::model::describe as "registered-models/update";
    POST "models/{model_id}/rename" Write pages::model::rename as "registered-models/rename";
    POST "models/{model_id}/tags" Write pages::model::set_tag as "registered-models/set-tag";
    POST "models/{model_id}/tags/delete" Write pages::model::delete_tag as "registered-models/delete-tag";
    GET "models/{model_id}/delete" Read pages::model::ask_delete;
    POST "models/{model_id}/delete" Write pages::model::delete as "registered-models/delete";
    POST "models/{model_id}/versions" Write pages::version::create as "model-versions/create";
    GET "models/{model_id}/versions/new" Read pages::version::new;
    GET "models/{model_id}/versions/{version}" Read pages::version::get;
    GET "models/{model_id}/versions/{version}/artifacts" Read pages::version::files::browse;
    GET "models/{model_id}/versions/{version}/raw/{*path}" Read pages::version::files::raw;
    HEAD "models/{model_id}/versions/{version}/raw/{*path}" Read pages::version::files::raw;
    GET "models/{model_id}/versions/{version}/archive" Read pages::version::files::archive;
    GET "models/{model_id}/versions/{version}/edit" Read pages::version::edit;
    POST "models/{model_id}/versions/{version}/edit" Write pages::version::describe as "model-versions/update";
    POST "models/{model_id}/versions/{version}/stage" Write pages::version::transition_stage
        as "model-versions/transition-stage";
    POST "models/{model_id}/versions/{version}/aliases" Write pages::version::set_alias as "registered-models/set-alias";
    POST "models/{model_id}/versions/{version}/aliases/delete" Write pages::version::delete_alias
        as "registered-models/delete-alias";
    POST "models/{model_id}/versions/{version}/tags" Write pages::version::set_tag as "model-versions/set-tag";
    POST "models/{model_id}/versions/{version}/tags/delete" Write pages::version::delete_tag
        as "model-versions/delete-tag";
    GET "models/{model_id}/versions/{version}/upload" Read pages::version::upload_form;
    POST "models/{model_id}/versions/{version}/upload" Write pages::version::upload as "artifacts/upload";
    GET "models/{model_id}/versions/{version}/delete" Read pages::version::ask_delete;
    POST "models/{model_id}/versions/{version}/delete" Write pages::version::delete as "model-versions/delete";
    GET "prompts" Read pages::models::prompts;
    GET "prompts/{model_id}" Read pages::prompt::get;
};

/// The path of the page at the address of the clients, and its prefix.
pub const MOUNT: &str = "/";

/// The routes at the mount itself.
pub const MOUNT_ROUTES: &[Route] = routes! {
    GET "" Read pages::mount::get;
    POST "graphql" Read api::graphql::answer;
    GET "version" Read api::otlp::version;
    GET "openapi.json" Read openapi::get;
};

/// True for a path below which pages are, and what belongs to them.
pub fn is_page(path: &str) -> bool {
    path.starts_with(PROJECT_PREFIX) || path == MOUNT
}

/// A route, and the parameters in its path.
pub(super) type RouteMatch = (&'static Route, Result<Vec<(&'static str, String)>>);

/// The routes below a path's prefix, and the rest of the path.
fn table_of(path: &str) -> Option<(&'static [Route], &str)> {
    let below = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| path.strip_prefix(prefix));
    let tables = [
        (ROUTES, below(&PREFIXES)),
        (NEWER_ROUTES, below(&NEWER_PREFIXES)),
        (PROJECT_ROUTES, below(&[PROJECT_PREFIX])),
        (MOUNT_ROUTES, below(&[MOUNT])),
    ];
    tables.into_iter().find_map(|(table, below)| Some((table, below?)))
}

/// The route whose path is exactly this one below its prefix, as most are. No parameter has to be read from it.
pub(super) fn find_plain(method: &str, path: &str) -> Option<&'static Route> {
    let (table, below) = table_of(path)?;
    let is_plain = !below.contains('{');
    let same = |route: &&Route| is_plain && route.path == below && route.method == method;
    table.iter().find(same)
}

pub(super) fn find(method: &str, path: &str) -> Result<RouteMatch> {
    let (table, below) = table_of(path).ok_or_else(|| Error::NoEndpoint(path.to_owned()))?;
    let fitting = |route: &'static Route| path::parameters(route.path, below).map(|named| (route, named));
    let routes: Vec<RouteMatch> = table.iter().filter_map(fitting).collect();
    if routes.is_empty() {
        return Err(Error::NoEndpoint(path.to_owned()));
    }
    let allowed = routes.iter().map(|(route, _)| route.method).collect();
    let mut routes = routes.into_iter();
    routes
        .find(|(route, _)| route.method == method)
        .ok_or(Error::WrongMethod(allowed))
}

#[cfg(test)]
mod tests;
