//! The mount: which paths belong to a project. It works on the raw path, so the component gets byte for byte what the client
//! sent.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use crate::forge::ProjectRef;
use crate::storage::ProjectId;

const HEALTH: &str = "/-/health";
/// MLflow's path of the same. Probes ask it at the root, and scripts after the tracking URI.
const MLFLOW_HEALTH: &str = "/health";
const PROJECTS: &str = "/api/v4/projects/";
const MLFLOW: &str = "ml/mlflow";

/// What an address leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The host itself.
    Health,
    /// The component, for this project.
    Project {
        project: ProjectRef,
        /// Behind the mount, beginning with a slash, as the client wrote it.
        path: &'a str,
    },
    /// Nothing.
    Nowhere,
}

/// Finds what is served at an address.
pub(crate) fn route<'a>(method: &Method, uri: &'a Uri) -> Route<'a> {
    let asks = method == Method::GET || method == Method::HEAD;
    if asks && [HEALTH, MLFLOW_HEALTH].contains(&uri.path()) {
        return Route::Health;
    }
    match uri.path().strip_prefix(PROJECTS).and_then(split_mount) {
        // The project is not looked up, so that the answer does not tell whether it exists.
        Some((_, MLFLOW_HEALTH)) if asks => Route::Health,
        Some((id, path)) => Route::Project {
            project: project(id),
            path,
        },
        None => Route::Nowhere,
    }
}

/// Where a project is served: a path without a slash at its end.
pub(crate) fn of_project(project: ProjectId) -> String {
    format!("{PROJECTS}{}/{MLFLOW}", project.0)
}

/// The project's name and the path after the mount. Several slashes between them are one, as for MLflow: a tracking URI may
/// end with some.
fn split_mount(rest: &str) -> Option<(&str, &str)> {
    let (id, rest) = rest.split_once('/')?;
    let path = rest.strip_prefix(MLFLOW)?;
    let slashes = path.len() - path.trim_start_matches('/').len();
    let path = path.get(slashes.checked_sub(1)?..)?;
    (!id.is_empty()).then_some((id, path))
}

/// A number is an id; all else is a path, decoded once. What is not UTF-8 becomes a path that no project has.
fn project(id: &str) -> ProjectRef {
    match id.parse() {
        Ok(number) if id.bytes().all(|byte| byte.is_ascii_digit()) => ProjectRef::Id(number),
        _ => ProjectRef::Path(percent_decode_str(id).decode_utf8_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uri: &str) -> Route<'static> {
        let uri: &'static Uri = Box::leak(Box::new(uri.parse().unwrap()));
        route(&Method::GET, uri)
    }

    fn path_of(id: &str) -> ProjectRef {
        match at(&format!("/api/v4/projects/{id}/ml/mlflow/x")) {
            Route::Project { project, path: "/x" } => project,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_project_is_named_by_number_or_by_encoded_path() {
        assert_eq!(path_of("42"), ProjectRef::Id(42));
        assert_eq!(
            path_of("group%2Fsub%2Fproject"),
            ProjectRef::Path("group/sub/project".into())
        );
        assert_eq!(path_of("%34%32"), ProjectRef::Path("42".into()));
        assert_eq!(path_of("+42"), ProjectRef::Path("+42".into()));
        assert_eq!(
            path_of("99999999999999999999"),
            ProjectRef::Path("99999999999999999999".into())
        );
    }

    #[test]
    fn a_project_is_found_where_it_is_served() {
        let place = of_project(ProjectId(42));
        assert_eq!(place, "/api/v4/projects/42/ml/mlflow");
        let project = ProjectRef::Id(42);
        assert_eq!(at(&format!("{place}/x")), Route::Project { project, path: "/x" });
    }

    #[test]
    fn a_path_is_decoded_once() {
        assert_eq!(path_of("a%252Fb"), ProjectRef::Path("a%2Fb".into()));
    }

    #[test]
    fn bytes_that_are_no_text_name_no_project() {
        assert_eq!(path_of("a%FF"), ProjectRef::Path("a\u{fffd}".into()));
    }

    #[test]
    fn the_rest_of_the_path_stays_raw() {
        let rest = "/api/2.0/mlflow-artifacts/artifacts/a%2Fb%20c";
        assert_eq!(
            at(&format!("/api/v4/projects/1/ml/mlflow{rest}?path=x%2Fy")),
            Route::Project {
                project: ProjectRef::Id(1),
                path: rest
            }
        );
    }

    #[test]
    fn all_else_leads_nowhere() {
        for path in [
            "/",
            "/api/v4/projects/1",
            "/api/v4/projects/1/ml/mlflow",
            "/api/v4/projects//ml/mlflow/x",
        ] {
            assert_eq!(at(path), Route::Nowhere, "{path}");
        }
        assert_eq!(at("/api/v4/projects/group/project/ml/mlflow/x"), Route::Nowhere);
        assert_eq!(at("/api/v4/projects/1/ml/mlflowers/x"), Route::Nowhere);
        assert_eq!(at("/-/healthy"), Route::Nowhere);
    }

    #[test]
    fn health_is_at_the_root_and_behind_every_mount() {
        for path in [
            "/-/health",
            "/health",
            "/api/v4/projects/1/ml/mlflow/health",
            "/api/v4/projects/1/ml/mlflow//health",
        ] {
            assert_eq!(at(path), Route::Health, "{path}");
        }
        let posted: Uri = "/health".parse().unwrap();
        assert_eq!(route(&Method::POST, &posted), Route::Nowhere);
    }

    #[test]
    fn several_slashes_behind_the_mount_are_one() {
        for slashes in ["/", "//", "////"] {
            let uri = format!("/api/v4/projects/1/ml/mlflow{slashes}api/2.0/a//b");
            let project = ProjectRef::Id(1);
            assert_eq!(
                at(&uri),
                Route::Project {
                    project,
                    path: "/api/2.0/a//b"
                }
            );
        }
    }
}
