//! The component in hosts that lack some of its imports, and the WIT package that other hosts take.

use std::path::Path;

use mlforge_tests::tracker::{Tracker, plugin_without_optional_imports};
use serde_json::{Value, json};
use wit_component::WitPrinter;
use wit_parser::Resolve;

/// Characters of a span that is large enough to be a file elsewhere.
const LARGE_SPAN_CHARS: usize = 600_000;

#[test]
fn a_component_without_optional_imports_imports_records_and_wasi_alone() {
    let imports = plugin_without_optional_imports().imports();
    let own: Vec<&String> = imports.iter().filter(|name| !name.starts_with("wasi:")).collect();
    assert_eq!(own, ["mlforge:plugin/records@0.1.0"], "{imports:?}");
}

#[test]
fn a_host_without_files_serves_runs_and_models() {
    let tracker = Tracker::without_optional_imports();
    let experiment = tracker.experiment("runs");
    let run = tracker.run(&experiment, 1);
    let metric = json!({"run_id": run, "key": "loss", "value": 0.5, "timestamp": 1, "step": 1});
    tracker.post("runs/log-metric", metric).ok();
    let body = json!({"experiment_ids": [experiment], "filter": "metrics.loss < 1"});
    let found = tracker.post("runs/search", body).ok();
    assert_eq!(found["runs"][0]["info"]["run_id"], json!(run));
    tracker.model("a model");
    let version = tracker.post(
        "model-versions/create",
        json!({"name": "a model", "source": "", "run_id": run}),
    );
    assert_eq!(version.ok()["model_version"]["version"], "1");
}

#[test]
fn a_host_without_files_answers_artifacts_with_501() {
    let tracker = Tracker::without_optional_imports();
    let experiment = tracker.experiment("files");
    let run = tracker.run(&experiment, 1);
    let below = format!("/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts");
    let says_so = |method: &str, path: &str, body: &str| {
        let answer = tracker.file(method, path, &[], body.to_owned());
        assert_eq!(
            (answer.status, answer.error_code()),
            (501, "NOT_IMPLEMENTED".to_owned()),
            "{method} {path}"
        );
        assert!(answer.text().contains("keeps no files"), "{}", answer.text());
    };
    says_so("PUT", &format!("{below}/note.txt"), "text");
    says_so("GET", &format!("{below}/note.txt"), "");
    says_so("GET", &format!("/get-artifact?run_id={run}&path=note.txt"), "");
    // There is nothing to list or to delete, and clients look before they upload.
    let listed = tracker.get(&format!("artifacts/list?run_id={run}")).ok();
    assert_eq!(listed.get("files"), None);
    assert_eq!(
        tracker.file("DELETE", &format!("{below}/note.txt"), &[], "").status,
        200
    );
    // The server knows no address, so it sends clients that ask for parts to the whole upload.
    let parts = json!({"path": "note.txt", "num_parts": 2}).to_string();
    let create = below.replace("/artifacts/", "/mpu/create/");
    assert_eq!(tracker.file("POST", &create, &[], parts).status, 501);
}

#[test]
fn a_host_without_files_keeps_large_spans() {
    let tracker = Tracker::without_optional_imports();
    let (experiment, text) = (tracker.experiment("traces"), "x".repeat(LARGE_SPAN_CHARS));
    let span = json!({
        "traceId": "a".repeat(32), "spanId": format!("{:016x}", 1), "name": "root", "kind": 1,
        "startTimeUnixNano": "1000000", "endTimeUnixNano": "2000000", "status": {"code": 1},
        "attributes": [{"key": "mlflow.spanInputs", "value": {"stringValue": text}}],
    });
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-mlflow-experiment-id", experiment.as_str()),
    ];
    assert_eq!(tracker.file("POST", "/v1/traces", &headers, body).ok(), "{}");
    let path = format!(
        "/api/3.0/mlflow/traces/get?trace_id=tr-{}&allow_partial=False",
        "a".repeat(32)
    );
    let read = tracker.send("GET", &path, "").ok();
    let attributes = read["trace"]["spans"][0]["attributes"].as_array().unwrap();
    let is_input = |pair: &&Value| pair["key"] == "mlflow.spanInputs";
    let input = attributes.iter().find(is_input).unwrap();
    assert_eq!(input["value"]["string_value"], json!(text));
}

#[test]
fn a_host_without_files_purges_runs_and_shows_their_pages() {
    let tracker = Tracker::without_optional_imports();
    let experiment = tracker.experiment("deleted");
    let run = tracker.run(&experiment, 1);
    let headers = [("accept", "text/html"), ("host", "ml.test")];
    let page = tracker.file("GET", &format!("/-/ml/candidates/{run}"), &headers, "");
    assert_eq!(page.status, 200, "{}", page.text());
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    assert_eq!(tracker.purge(0), 1);
    tracker
        .get(&format!("runs/get?run_id={run}"))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn the_wit_package_is_parsed_and_printed_by_the_tools_of_others() {
    let print = |resolve: &Resolve, package| {
        let mut printer = WitPrinter::default();
        printer.print(resolve, package, &[]).unwrap();
        printer.output.to_string()
    };
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&wit).unwrap();
    let printed = print(&resolve, package);
    // The printed text, beside the packages that it names, is the same package.
    let mut again = Resolve::default();
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("plugin.wit"), &printed).unwrap();
    let deps = copy.path().join("deps");
    std::fs::create_dir(&deps).unwrap();
    for file in std::fs::read_dir(wit.join("deps")).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), deps.join(file.file_name())).unwrap();
    }
    let (package, _) = again.push_dir(copy.path()).unwrap();
    assert_eq!(print(&again, package), printed);
    for world in ["plugin", "full-plugin", "host", "optional-imports"] {
        assert!(printed.contains(&format!("world {world} {{")), "{world}");
    }
}
