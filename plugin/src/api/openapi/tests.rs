#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use super::*;

fn route(method: &'static str, path: &str) -> Documented {
    Documented {
        method,
        path: path.to_owned(),
        right: "read",
    }
}

#[test]
fn every_object_that_is_named_is_described_and_every_one_described_is_named() {
    let known: BTreeSet<&str> = SCHEMAS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known.len(), SCHEMAS.len());
    let texts = OPERATIONS
        .iter()
        .flat_map(|operation| [operation.request, operation.answer])
        .chain(SCHEMAS.iter().map(|(_, text)| *text));
    let named: BTreeSet<&str> = texts
        .flat_map(|text| text.split([' ', ':', '[', ']']))
        .filter(|word| word.starts_with(|first: char| first.is_ascii_uppercase()) && !word.contains('|'))
        .chain(["Error"])
        .collect();
    assert_eq!(named, known);
}

#[test]
fn parameters_of_the_path_and_the_query_and_a_body_are_told_apart() {
    let routes = [
        route("GET", "/api/2.0/mlflow/runs/get"),
        route("DELETE", "/api/2.0/mlflow/logged-models/{model_id}/tags/{*tag_key}"),
        route("POST", "/api/2.0/mlflow/upload-artifact"),
        route("POST", "/-/ml/experiments"),
    ];
    let document = document(routes.into_iter());
    let of = |method: &str, path: &str| document["paths"][path][method].clone();
    let names = |operation: &Value| -> Vec<String> {
        let parameters = operation["parameters"].as_array().unwrap().iter();
        parameters
            .map(|one| format!("{} {}", one["in"].as_str().unwrap(), one["name"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(
        names(&of("get", "/api/2.0/mlflow/runs/get")),
        ["query run_id", "query run_uuid"]
    );
    let deleted = of("delete", "/api/2.0/mlflow/logged-models/{model_id}/tags/{tag_key}");
    assert_eq!(names(&deleted), ["path model_id", "path tag_key"]);
    assert_eq!(deleted["tags"], json!(["logged-models"]));
    let uploaded = of("post", "/api/2.0/mlflow/upload-artifact");
    assert_eq!(names(&uploaded), ["query run_uuid", "query run_id", "query path"]);
    assert!(uploaded["requestBody"]["content"]["application/octet-stream"].is_object());
    assert_eq!(of("post", "/-/ml/experiments")["tags"], json!(["pages"]));
}

#[test]
fn operations_have_different_ids() {
    let ids: BTreeSet<String> = OPERATIONS
        .iter()
        .map(|operation| operation_id(operation.method, operation.path))
        .collect();
    assert_eq!(ids.len(), OPERATIONS.len());
}
