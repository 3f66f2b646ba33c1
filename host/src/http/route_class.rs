//! The size limit of request bodies that are held in memory: a small one, and a larger one for the routes that need it.

use http::Method;

use crate::limits::Limits;

/// The prefixes of the paths of endpoints: those of clients, of MLflow's web pages, and none.
const PREFIXES: [&str; 3] = ["/api/2.0/", "/ajax-api/2.0/", "/"];

/// The routes that take large bodies. Some take many items; the others take texts of which MLflow allows 100,000 characters
/// or more, or cuts longer ones. A route that ends with a slash stands for all paths below it.
const LARGE: [(&str, &str); 20] = [
    ("POST", "mlflow/runs/create"),
    ("POST", "mlflow/runs/update"),
    ("POST", "mlflow/runs/set-tag"),
    ("POST", "mlflow/runs/log-parameter"),
    ("POST", "mlflow/runs/log-batch"),
    ("POST", "mlflow/runs/log-inputs"),
    ("POST", "mlflow/runs/outputs"),
    ("POST", "mlflow/runs/log-model"),
    ("POST", "mlflow/experiments/create"),
    ("POST", "mlflow/registered-models/create"),
    ("PATCH", "mlflow/registered-models/update"),
    ("POST", "mlflow/registered-models/set-tag"),
    ("POST", "mlflow/model-versions/create"),
    ("PATCH", "mlflow/model-versions/update"),
    ("POST", "mlflow/model-versions/set-tag"),
    ("POST", "mlflow/logged-models"),
    // It may name 1,000 datasets.
    ("POST", "mlflow/logged-models/search"),
    ("PATCH", "mlflow/logged-models/"),
    ("POST", "mlflow/logged-models/"),
    // It may name 10,000 parts.
    ("POST", "mlflow-artifacts/mpu/complete/"),
];

/// The most bytes that the body of a request to this route may have.
pub(crate) fn body_bytes_max(limits: &Limits, method: &Method, path: &str) -> usize {
    let is_large = |path: &str| {
        LARGE.iter().any(|(of_route, route)| {
            let is_there = path == *route || route.ends_with('/') && path.starts_with(route);
            is_there && *of_route == method.as_str()
        })
    };
    match PREFIXES.iter().find_map(|prefix| path.strip_prefix(prefix)) {
        Some(below) if is_large(below) => limits.body_bytes_max,
        _ => limits.small_body_bytes_max.min(limits.body_bytes_max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_routes_take_large_bodies() {
        let limits = Limits::default();
        let is_large = |method: Method, path: &str| body_bytes_max(&limits, &method, path) == limits.body_bytes_max;
        assert!(is_large(Method::POST, "/api/2.0/mlflow/runs/log-batch"));
        assert!(is_large(Method::POST, "/ajax-api/2.0/mlflow/runs/log-inputs"));
        assert!(is_large(Method::PATCH, "/api/2.0/mlflow/logged-models/m-1/tags"));
        assert!(is_large(
            Method::POST,
            "/api/2.0/mlflow-artifacts/mpu/complete/0/1/artifacts/a"
        ));
        for small in [
            "runs/search",
            "runs/log-metric",
            "runs/log-batch/x",
            "runs/log-batches",
            "experiments/search",
        ] {
            assert!(!is_large(Method::POST, &format!("/api/2.0/mlflow/{small}")), "{small}");
        }
        assert!(!is_large(Method::DELETE, "/api/2.0/mlflow/runs/log-batch"));
        assert!(!is_large(Method::POST, "/x/mlflow/runs/log-batch"));
    }

    #[test]
    fn no_body_is_larger_than_the_largest() {
        let limits = Limits {
            body_bytes_max: 10,
            ..Limits::default()
        };
        assert_eq!(body_bytes_max(&limits, &Method::POST, "/x"), 10);
    }
}
