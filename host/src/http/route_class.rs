//! The classes of routes: everything that the host must know of a request before the component sees it, in one table.
//!
//! A class gives no right: the component's own route table asks for the right again. A test holds this table against that one.

use http::Method;

use crate::limits::Limits;

/// The prefixes of the paths of endpoints: those of clients, of MLflow's web pages, and none.
const PREFIXES: [&str; 5] = ["/api/2.0/", "/ajax-api/2.0/", "/api/3.0/", "/ajax-api/3.0/", "/"];

/// A file of at most this many bytes costs less buffered than streamed.
const SMALL_FILE_BYTES: u64 = 256 << 10;

/// The intent of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Read,
    Write,
    /// To read what only maintainers and owners of the project may read.
    Manage,
}

/// The handling of the bodies of a request and of its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyMode {
    /// Whole in memory.
    Buffered,
    /// Whole in memory, for work on files that may take long.
    LongRunning,
    /// Chunk by chunk, so that a file is never whole in memory.
    Streamed,
    /// Chunk by chunk as the component makes it, which is no file of the host.
    Generated,
}

/// The class of a request's route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteClass {
    pub(crate) intent: Intent,
    /// True for searches and histories, which take long to compute: they run on threads of lower priority.
    pub(crate) is_query: bool,
    pub(crate) body_mode: BodyMode,
    /// True if a buffered body may have more than the common size.
    pub(crate) takes_large_body: bool,
}

/// A rule of the table.
struct Rule {
    methods: &'static [&'static str],
    /// Below a prefix. `*` stands for any text, once, and each `{}` before it for one segment.
    path: &'static str,
    class: RouteClass,
}

const READ: RouteClass = RouteClass {
    intent: Intent::Read,
    is_query: false,
    body_mode: BodyMode::Buffered,
    takes_large_body: false,
};
const QUERY: RouteClass = RouteClass { is_query: true, ..READ };
const AUDIT: RouteClass = RouteClass {
    intent: Intent::Manage,
    ..QUERY
};
const WRITE: RouteClass = RouteClass {
    intent: Intent::Write,
    ..READ
};
const LARGE_WRITE: RouteClass = RouteClass {
    takes_large_body: true,
    ..WRITE
};
const LARGE_QUERY: RouteClass = RouteClass {
    takes_large_body: true,
    ..QUERY
};
const JOIN: RouteClass = RouteClass {
    body_mode: BodyMode::LongRunning,
    ..LARGE_WRITE
};
const UPLOAD: RouteClass = RouteClass {
    body_mode: BodyMode::Streamed,
    ..WRITE
};
const DOWNLOAD: RouteClass = RouteClass {
    body_mode: BodyMode::Streamed,
    ..READ
};
const GENERATED: RouteClass = RouteClass {
    body_mode: BodyMode::Generated,
    ..READ
};

const GET: &[&str] = &["GET", "HEAD"];
const PUT: &[&str] = &["PUT"];
const POST: &[&str] = &["POST"];
const PATCH: &[&str] = &["PATCH"];
const ASK: &[&str] = &["GET", "POST"];

const fn rule(methods: &'static [&'static str], path: &'static str, class: RouteClass) -> Rule {
    Rule { methods, path, class }
}

/// The routes whose class their method alone does not tell; the first rule that fits counts. Large bodies hold many items, or
/// texts of which MLflow allows 100,000 characters or more.
const RULES: &[Rule] = &[
    // Pages first: what follows their prefix may resemble any route. Their forms may hold a card or a note.
    rule(GET, "-/ml/audit", AUDIT),
    rule(GET, "-/ml/assets/*", READ),
    rule(GET, "-/ml/candidates/{}/raw/*", DOWNLOAD),
    rule(GET, "-/ml/candidates/{}/archive", GENERATED),
    rule(GET, "-/ml/candidates/{}/metrics.csv", GENERATED),
    rule(GET, "-/ml/models/{}/versions/{}/raw/*", DOWNLOAD),
    rule(GET, "-/ml/models/{}/versions/{}/archive", GENERATED),
    rule(GET, "-/ml/logged-models/{}/raw/*", DOWNLOAD),
    rule(GET, "-/ml/logged-models/{}/archive", GENERATED),
    rule(GET, "-/ml/*", QUERY),
    rule(POST, "-/ml/*", LARGE_WRITE),
    // Then files: the path of an artifact may end like that of a search.
    rule(PUT, "mlflow-artifacts/artifacts/*", UPLOAD),
    rule(PUT, "mlflow-artifacts/mpu/part/*", UPLOAD),
    rule(POST, "mlflow/upload-artifact", UPLOAD),
    // May name 10,000 parts.
    rule(POST, "mlflow-artifacts/mpu/complete/*", JOIN),
    rule(POST, "mlflow-artifacts/*", WRITE),
    rule(GET, "mlflow-artifacts/artifacts/*", DOWNLOAD),
    rule(GET, "mlflow-artifacts/presigned/*", READ),
    rule(GET, "mlflow/logged-models/*/artifacts/files", DOWNLOAD),
    rule(GET, "get-artifact", DOWNLOAD),
    rule(GET, "mlflow/get-trace-artifact", DOWNLOAD),
    rule(GET, "model-versions/get-artifact", DOWNLOAD),
    rule(POST, "graphql", QUERY),
    // May name 1,000 datasets.
    rule(POST, "mlflow/logged-models/search", LARGE_QUERY),
    rule(ASK, "*/search", QUERY),
    rule(ASK, "*/search-datasets", QUERY),
    rule(GET, "mlflow/metrics/get-history*", QUERY),
    rule(POST, "*/get-latest-versions", READ),
    rule(POST, "mlflow/traces/batchGetInfos", READ),
    rule(POST, "mlflow/traces/metrics", QUERY),
    rule(POST, "mlflow/traces/calculate-filter-correlation", QUERY),
    // Hold inputs and outputs of any length.
    rule(POST, "v1/traces", LARGE_WRITE),
    rule(POST, "mlflow/traces*", LARGE_WRITE),
    rule(PATCH, "mlflow/traces*", LARGE_WRITE),
    rule(POST, "mlflow/runs/create", LARGE_WRITE),
    rule(POST, "mlflow/runs/update", LARGE_WRITE),
    rule(POST, "mlflow/runs/set-tag", LARGE_WRITE),
    rule(POST, "mlflow/runs/log-parameter", LARGE_WRITE),
    rule(POST, "mlflow/runs/log-batch", LARGE_WRITE),
    rule(POST, "mlflow/runs/log-inputs", LARGE_WRITE),
    rule(POST, "mlflow/runs/outputs", LARGE_WRITE),
    rule(POST, "mlflow/runs/log-model", LARGE_WRITE),
    rule(POST, "mlflow/experiments/create", LARGE_WRITE),
    rule(POST, "mlflow/registered-models/create", LARGE_WRITE),
    rule(PATCH, "mlflow/registered-models/update", LARGE_WRITE),
    rule(POST, "mlflow/registered-models/set-tag", LARGE_WRITE),
    rule(POST, "mlflow/model-versions/create", LARGE_WRITE),
    rule(PATCH, "mlflow/model-versions/update", LARGE_WRITE),
    rule(POST, "mlflow/model-versions/set-tag", LARGE_WRITE),
    rule(POST, "mlflow/logged-models", LARGE_WRITE),
    rule(POST, "mlflow/logged-models/*", LARGE_WRITE),
    rule(PATCH, "mlflow/logged-models/*", LARGE_WRITE),
];

impl Rule {
    fn fits(&self, method: &Method, path: &str) -> bool {
        self.methods.contains(&method.as_str()) && fits(self.path, path)
    }
}

/// True if a path has this form, in which `{}` stands for one segment, and `*` after it for any text.
fn fits(form: &str, path: &str) -> bool {
    if let Some((start, form)) = form.split_once("{}") {
        let rest = path.strip_prefix(start);
        let rest = rest.and_then(|rest| rest.split_at_checked(rest.find('/')?));
        return rest.is_some_and(|(segment, rest)| !segment.is_empty() && fits(form, rest));
    }
    match form.split_once('*') {
        Some((start, end)) => path.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => path == form,
    }
}

impl RouteClass {
    /// Judges by method and path alone, before the body is read.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let below = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix));
        let rule = below.and_then(|below| RULES.iter().find(|rule| rule.fits(method, below)));
        match (rule, method) {
            (Some(rule), _) => rule.class,
            (None, &Method::GET | &Method::HEAD) => READ,
            (None, _) => WRITE,
        }
    }

    /// Maximum length of a buffered request body, in bytes.
    pub(crate) fn body_bytes_max(self, limits: &Limits) -> usize {
        if self.takes_large_body {
            limits.body_bytes_max
        } else {
            limits.small_body_bytes_max.min(limits.body_bytes_max)
        }
    }
}

/// True if a request that carries a file can be buffered, where the host sends the file of the answer itself: it has no body,
/// or a small one.
pub(crate) fn may_be_buffered(method: &Method, declared_length: Option<u64>) -> bool {
    match *method {
        Method::GET | Method::HEAD => true,
        _ => declared_length.is_some_and(|bytes| bytes <= SMALL_FILE_BYTES),
    }
}

#[cfg(test)]
mod tests {
    use mlforge_plugin::http::file_route::{FILE_PREFIXES, FILE_ROUTES};
    use mlforge_plugin::http::rights::RequiredRight;
    use mlforge_plugin::http::route::{
        MOUNT, MOUNT_ROUTES, NEWER_PREFIXES, NEWER_ROUTES, PREFIXES as ROUTE_PREFIXES, PROJECT_PREFIX, PROJECT_ROUTES,
        ROUTES,
    };

    use super::*;

    /// Method, path and right of every route of the component, below each of its prefixes; and whether it is one of files.
    fn routes() -> Vec<(Method, String, RequiredRight, bool)> {
        let parse = |method: &str| Method::from_bytes(method.as_bytes()).unwrap();
        let mut routes = Vec::new();
        for (table, prefixes) in [(ROUTES, ROUTE_PREFIXES), (NEWER_ROUTES, NEWER_PREFIXES)] {
            for (route, prefix) in table.iter().flat_map(|route| prefixes.map(|prefix| (route, prefix))) {
                let path = format!("{prefix}{}", route.path);
                routes.push((parse(route.method), path, route.right, false));
            }
        }
        let pages = PROJECT_ROUTES.iter().map(|route| (route, PROJECT_PREFIX));
        for (route, prefix) in pages.chain(MOUNT_ROUTES.iter().map(|route| (route, MOUNT))) {
            let path = format!("{prefix}{}", route.path);
            routes.push((parse(route.method), path, route.right, false));
        }
        for (route, prefix) in FILE_ROUTES
            .iter()
            .flat_map(|route| FILE_PREFIXES.map(|prefix| (route, prefix)))
        {
            let below = if route.path.ends_with('/') {
                "1/artifacts/search"
            } else {
                ""
            };
            let path = format!("{prefix}{}{below}", route.path);
            routes.push((parse(route.method), path, route.right, true));
        }
        routes
    }

    #[test]
    fn the_intent_of_every_route_is_the_right_that_the_component_asks_for() {
        for (method, path, right, _) in routes() {
            let intent = match right {
                RequiredRight::Read => Intent::Read,
                RequiredRight::Write => Intent::Write,
                RequiredRight::Manage => Intent::Manage,
            };
            assert_eq!(RouteClass::of(&method, &path).intent, intent, "{method} {path}");
        }
    }

    /// True for a route below the pages whose answer is a file, or is made piece by piece.
    fn sends_pieces(path: &str) -> bool {
        path.contains("/raw/") || is_generated(path)
    }

    fn is_generated(path: &str) -> bool {
        path.ends_with("/archive") || path.ends_with("/metrics.csv")
    }

    #[test]
    fn exactly_the_searches_histories_measures_and_pages_are_queries() {
        for (method, path, right, is_file) in routes() {
            let last = path.rsplit('/').next().unwrap_or_default();
            let is_query = !is_file
                && right != RequiredRight::Write
                && (last.starts_with("search")
                    || last.starts_with("get-history")
                    || ["graphql", "calculate-filter-correlation"].contains(&last)
                    || path.ends_with("/traces/metrics")
                    || path.starts_with(PROJECT_PREFIX))
                && !path.contains("/assets/")
                && !sends_pieces(&path);
            assert_eq!(RouteClass::of(&method, &path).is_query, is_query, "{method} {path}");
        }
    }

    #[test]
    fn files_stream_and_all_else_is_buffered() {
        for (method, path, _, is_file) in routes() {
            let carries_file = is_file
                && !path.ends_with("mlflow-artifacts/artifacts")
                && !path.ends_with("v1/traces")
                && !["/create/", "/complete/", "/abort/", "/presigned/"]
                    .iter()
                    .any(|step| path.contains(step))
                && method != Method::DELETE;
            let mode = RouteClass::of(&method, &path).body_mode;
            let is_raw = path.starts_with(PROJECT_PREFIX) && path.contains("/raw/");
            assert_eq!(mode == BodyMode::Streamed, carries_file || is_raw, "{method} {path}");
            assert_eq!(mode == BodyMode::Generated, is_generated(&path), "{method} {path}");
            assert_eq!(
                mode == BodyMode::LongRunning,
                path.contains("/mpu/complete/"),
                "{method} {path}"
            );
        }
    }

    #[test]
    fn every_rule_is_the_first_that_fits_some_route() {
        for (index, rule) in RULES.iter().enumerate() {
            let is_first = |(method, path, ..): &(Method, String, RequiredRight, bool)| {
                let below = PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix)).unwrap();
                RULES.iter().position(|rule| rule.fits(method, below)) == Some(index)
            };
            assert!(routes().iter().any(is_first), "{:?} {}", rule.methods, rule.path);
        }
    }

    #[test]
    fn paths_that_only_resemble_a_route_get_the_class_of_their_method() {
        for path in [
            "/x/mlflow/runs/log-batch",
            "/api/2.0/mlflow/runs/log-batch/x",
            "/api/2.0/mlflow/runs/log-batches",
        ] {
            assert_eq!(RouteClass::of(&Method::POST, path), WRITE, "{path}");
        }
        for path in ["/x/mlflow-artifacts/artifacts/1", "/api/2.0/mlflow-artifacts/artifacts"] {
            assert_eq!(RouteClass::of(&Method::PUT, path), WRITE, "{path}");
        }
        assert_eq!(RouteClass::of(&Method::DELETE, "/api/2.0/mlflow/runs/log-batch"), WRITE);
        assert_eq!(RouteClass::of(&Method::POST, "/get-artifact"), WRITE);
        assert_eq!(RouteClass::of(&Method::GET, ""), READ);
    }

    #[test]
    fn a_segment_of_a_rule_is_one_segment() {
        let mode = |path: &str| RouteClass::of(&Method::GET, &format!("/-/ml/{path}")).body_mode;
        for form in ["candidates/7/raw/a/b", "models/7/versions/1/raw/a/b"] {
            assert_eq!(mode(form), BodyMode::Streamed, "{form}");
        }
        for other in [
            "candidates//raw/a",
            "candidates/7/x/raw/a",
            "candidates/7/raw",
            "candidates/7/archive/x",
            "candidates/7/metrics.csv.svg",
            "models/7/versions//raw/a",
            "models/7/8/versions/1/raw/a",
            "models/7/versions/1/2/raw/a",
        ] {
            assert_eq!(mode(other), BodyMode::Buffered, "{other}");
        }
    }

    #[test]
    fn no_body_is_larger_than_the_largest() {
        let limits = Limits {
            body_bytes_max: 10,
            ..Limits::default()
        };
        assert_eq!(WRITE.body_bytes_max(&limits), 10);
        assert_eq!(LARGE_WRITE.body_bytes_max(&limits), 10);
    }
}
