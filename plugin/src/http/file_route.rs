//! The routes of files, whose requests and answers may be streams. They are the rest of the one route table.

use std::pin::Pin;

use super::incoming::Incoming;
use super::rights::RequiredRight;
use crate::api::{artifacts, otlp, traces, uploads};
use crate::error::{Error, Result};
use crate::request::call::FileCall;
use crate::request::response::Answer;

type Endpoint = for<'a> fn(FileCall<'a>) -> Pin<Box<dyn Future<Output = Result<Answer>> + 'a>>;

/// A route that downloads, uploads, lists or deletes files.
pub struct FileRoute {
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path below a prefix. After a final slash follows the path of an artifact. `{…}` stands for one
    /// segment.
    pub path: &'static str,
    /// The right that the caller needs.
    pub right: RequiredRight,
    /// The name of a change in the audit log.
    pub action: &'static str,
    pub(super) endpoint: Endpoint,
}

/// The prefixes of file routes. Clients use the first, MLflow's web pages the other two.
pub const FILE_PREFIXES: [&str; 3] = ["/api/2.0/", "/ajax-api/2.0/", "/"];

macro_rules! routes {
    ($($method:ident $path:literal $right:ident $endpoint:path $(as $action:literal)?;)*) => {
        &[$(FileRoute {
            method: stringify!($method),
            path: $path,
            right: RequiredRight::$right,
            action: action!($path $($action)?),
            endpoint: |call| Box::pin($endpoint(call)),
        }),*]
    };
}

/// All file routes.
pub const FILE_ROUTES: &[FileRoute] = routes! {
    GET "mlflow-artifacts/artifacts" Read artifacts::list;
    GET "mlflow-artifacts/artifacts/" Read artifacts::download;
    HEAD "mlflow-artifacts/artifacts/" Read artifacts::download;
    PUT "mlflow-artifacts/artifacts/" Write artifacts::upload as "artifacts/upload";
    DELETE "mlflow-artifacts/artifacts/" Write artifacts::delete as "artifacts/delete";
    POST "mlflow-artifacts/mpu/create/" Write uploads::create;
    PUT "mlflow-artifacts/mpu/part/" Write uploads::put_part;
    POST "mlflow-artifacts/mpu/complete/" Write uploads::complete as "artifacts/upload";
    POST "mlflow-artifacts/mpu/abort/" Write uploads::abort;
    GET "mlflow-artifacts/presigned/" Read artifacts::presigned;
    GET "get-artifact" Read artifacts::of_run;
    HEAD "get-artifact" Read artifacts::of_run;
    GET "model-versions/get-artifact" Read artifacts::of_version;
    HEAD "model-versions/get-artifact" Read artifacts::of_version;
    GET "mlflow/logged-models/{model_id}/artifacts/files" Read artifacts::of_logged_model;
    HEAD "mlflow/logged-models/{model_id}/artifacts/files" Read artifacts::of_logged_model;
    GET "mlflow/get-trace-artifact" Read traces::file::get;
    POST "v1/traces" Write otlp::ingest as "traces/ingest";
    POST "mlflow/upload-artifact" Write artifacts::upload_to_run as "artifacts/upload";
};

/// Finds the route of a request, and the rest of the path after the route's. `None`: the path is not that of
/// a file route.
pub(super) fn find<'a>(request: &Incoming, path: &'a str) -> Result<Option<(&'static FileRoute, &'a str)>> {
    let routes = || FILE_PREFIXES.iter().flat_map(|prefix| at(path, prefix));
    if let Some(found) = routes().find(|(route, _)| route.method == request.method) {
        return Ok(Some(found));
    }
    let allowed: Vec<&str> = routes().map(|(route, _)| route.method).collect();
    if allowed.is_empty() {
        Ok(None)
    } else {
        Err(Error::WrongMethod(allowed))
    }
}

/// The routes that match a path below a prefix, whatever their method.
fn at<'a>(path: &'a str, prefix: &str) -> impl Iterator<Item = (&'static FileRoute, &'a str)> {
    let below = path.strip_prefix(prefix);
    FILE_ROUTES
        .iter()
        .filter_map(move |route| Some((route, rest(route.path, below?)?)))
}

/// The rest of a path after a route's path, or the segment for its parameter. `None`: the path does not
/// match.
fn rest<'a>(form: &str, path: &'a str) -> Option<&'a str> {
    if let Some((start, end)) = form.split_once('{') {
        let (_, end) = end.split_once('}')?;
        let segment = path.strip_prefix(start)?.strip_suffix(end)?;
        return (!segment.is_empty() && !segment.contains('/')).then_some(segment);
    }
    let rest = path.strip_prefix(form)?;
    (form.ends_with('/') || rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::rights::CallerRights;

    fn found(method: &str, path: &str) -> Result<Option<(&'static str, String)>> {
        let request = Incoming::empty(method, path, CallerRights::Write);
        Ok(find(&request, path)?.map(|(route, below)| (route.path, below.to_owned())))
    }

    #[test]
    fn a_route_with_a_final_slash_takes_a_path() {
        let path = "mlflow-artifacts/artifacts";
        assert_eq!(
            found("GET", "/api/2.0/mlflow-artifacts/artifacts"),
            Ok(Some((path, String::new())))
        );
        let (below, with_slash) = ("1/a%2Fb".to_owned(), "mlflow-artifacts/artifacts/");
        assert_eq!(
            found("PUT", "/api/2.0/mlflow-artifacts/artifacts/1/a%2Fb"),
            Ok(Some((with_slash, below)))
        );
        assert_eq!(found("GET", "/get-artifact/x"), Ok(None));
        assert_eq!(found("GET", "/api/2.0/mlflow/runs/get"), Ok(None));
    }

    #[test]
    fn a_parameter_is_one_segment() {
        let path = |id| format!("/ajax-api/2.0/mlflow/logged-models/{id}/artifacts/files");
        let form = "mlflow/logged-models/{model_id}/artifacts/files";
        assert_eq!(found("GET", &path("m-1")), Ok(Some((form, "m-1".to_owned()))));
        assert_eq!(found("GET", &path("")), Ok(None));
        assert_eq!(found("GET", &path("a/b")), Ok(None));
    }

    #[test]
    fn a_wrong_method_is_answered_with_the_allowed_ones() {
        let post = found("POST", "/api/2.0/mlflow-artifacts/artifacts/x");
        assert_eq!(post, Err(Error::WrongMethod(vec!["GET", "HEAD", "PUT", "DELETE"])));
    }
}
