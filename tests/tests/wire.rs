//! Rules for every endpoint: routes, rights, bodies, errors.

use std::fs;
use std::path::Path;

use mlforge_plugin::http::file_route::{FILE_PREFIXES, FILE_ROUTES};
use mlforge_plugin::http::rights::RequiredRight;
use mlforge_plugin::http::route::{
    MOUNT, MOUNT_ROUTES, NEWER_PREFIXES, NEWER_ROUTES, PREFIXES, PROJECT_PREFIX, PROJECT_ROUTES, ROUTES,
};
use mlforge_tests::tracker::Tracker;
use serde_json::json;

/// The texts of all files of tests.
fn sources() -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_route_has_a_test() {
    let sources = sources();
    for route in ROUTES {
        let (group, name) = route.path.split_once('/').unwrap_or((route.path, route.path));
        let quoted = |source: &String| {
            source.contains(&format!("\"{}\"", route.path.replace('*', "")))
                || source.contains(&format!("{}?", route.path))
                || (source.contains(&format!("{group}/{{endpoint}}")) && source.contains(&format!("\"{name}\"")))
                || source.contains(&format!("mlflow/{}\"", route.path))
        };
        assert!(
            sources.iter().any(quoted),
            "{} {} is asked by no test",
            route.method,
            route.path
        );
    }
}

#[test]
fn every_route_exists_below_both_prefixes() {
    let tracker = Tracker::fresh();
    for (route, prefix) in ROUTES.iter().flat_map(|route| PREFIXES.map(|prefix| (route, prefix))) {
        let reply = tracker.send(route.method, &format!("{prefix}{}", route.path), "");
        let code = reply.body["error_code"].as_str().unwrap_or_default();
        assert_ne!(code, "ENDPOINT_NOT_FOUND", "{} {prefix}{}", route.method, route.path);
        assert!(reply.status < 500, "{} {}: {}", route.method, route.path, reply.body);
    }
}

#[test]
fn every_newer_route_has_a_test_and_exists_below_both_prefixes() {
    let (tracker, sources) = (Tracker::fresh(), sources());
    for route in NEWER_ROUTES {
        let quoted = format!("\"/api/3.0/mlflow/{}\"", route.path);
        assert!(sources.iter().any(|source| source.contains(&quoted)), "{}", route.path);
        for prefix in NEWER_PREFIXES {
            let reply = tracker.send(route.method, &format!("{prefix}{}", route.path), "");
            let code = reply.body["error_code"].as_str().unwrap_or_default();
            assert_ne!(code, "ENDPOINT_NOT_FOUND", "{} {prefix}{}", route.method, route.path);
            assert!(reply.status < 500, "{} {}: {}", route.method, route.path, reply.body);
        }
    }
}

#[test]
fn every_route_of_the_project_has_a_test() {
    let sources = sources();
    let lines = || sources.iter().flat_map(|source| source.lines());
    for route in PROJECT_ROUTES {
        let quoted = format!("\"{PROJECT_PREFIX}{}\"", route.path);
        // A form is submitted to an address that ends as the route does.
        let end = route
            .path
            .rsplit('/')
            .find(|step| !step.starts_with('{'))
            .unwrap_or_default();
        let is_tested = match route.method {
            "GET" | "HEAD" => lines().any(|line| line.contains(&quoted)),
            _ => lines().any(|line| (line.contains("submit(") || line.contains("upload(")) && line.contains(end)),
        };
        assert!(is_tested, "{} {}", route.method, route.path);
    }
}

#[test]
fn every_route_of_the_mount_has_a_test() {
    let sources = sources();
    for route in MOUNT_ROUTES {
        let quoted = format!("(\"{}\", \"{MOUNT}{}\"", route.method, route.path);
        assert!(
            sources.iter().any(|source| source.contains(&quoted)),
            "{} {} is asked by no test",
            route.method,
            route.path
        );
    }
}

#[test]
fn every_file_route_has_a_test_and_exists_below_all_prefixes() {
    let (tracker, sources) = (Tracker::fresh(), sources());
    for route in FILE_ROUTES {
        let named = |source: &String| {
            source.contains(route.path.trim_end_matches('/')) && source.contains(&format!("\"{}\"", route.method))
        };
        assert!(
            sources.iter().any(named),
            "{} {} is asked by no test",
            route.method,
            route.path
        );
        for prefix in FILE_PREFIXES {
            let path = format!("{prefix}{}", route.path);
            let answer = tracker.file(route.method, &path, &[], "");
            assert_ne!(answer.error_code(), "ENDPOINT_NOT_FOUND", "{} {path}", route.method);
            assert!(answer.status <= 501, "{} {path}: {}", route.method, answer.text());
            assert_ne!(answer.status, 500, "{} {path}: {}", route.method, answer.text());
        }
    }
}

#[test]
fn several_slashes_after_the_tracking_uri_count_as_one() {
    let tracker = Tracker::fresh();
    let plain = ROUTES.iter().map(|route| (route.method, PREFIXES[0], route.path));
    let newer = NEWER_ROUTES
        .iter()
        .map(|route| (route.method, NEWER_PREFIXES[0], route.path));
    let files = FILE_ROUTES
        .iter()
        .map(|route| (route.method, FILE_PREFIXES[0], route.path));
    for (method, prefix, path) in plain.chain(newer).chain(files) {
        for slashes in ["/", "///"] {
            let address = format!("{slashes}{}{path}", prefix.trim_start_matches('/'));
            let answer = tracker.file(method, &address, &[], "");
            assert_ne!(answer.error_code(), "ENDPOINT_NOT_FOUND", "{method} {address}");
        }
    }
    tracker
        .send("GET", "//api/2.0/mlflow/experiments/get?experiment_id=0", "")
        .ok();
}

#[test]
fn readers_may_read_but_not_write() {
    let tracker = Tracker::fresh().as_reader();
    for route in ROUTES {
        let reply = tracker.send(route.method, &format!("/api/2.0/mlflow/{}", route.path), "");
        let refused = (reply.status, reply.body["error_code"].as_str()) == (403, Some("PERMISSION_DENIED"));
        assert_eq!(
            refused,
            route.right == RequiredRight::Write,
            "{} {}: {}",
            route.method,
            route.path,
            reply.body
        );
    }
}

#[test]
fn a_body_may_begin_with_a_byte_order_mark() {
    let tracker = Tracker::fresh();
    let body = format!("\u{feff}{}", json!({"name": "marked"}));
    tracker.send("POST", "/api/2.0/mlflow/experiments/create", body).ok();
    tracker.get("experiments/get-by-name?experiment_name=marked").ok();
}

#[test]
fn a_missing_parameter_is_named_as_its_endpoint_names_it() {
    let tracker = Tracker::fresh();
    for (path, name) in [
        ("/ajax-api/2.0/mlflow/upload-artifact?path=a", "'run_uuid'"),
        ("/api/2.0/mlflow/runs/log-metric", "'run_id'"),
    ] {
        let body = json!({"key": "m", "value": 1, "timestamp": 1}).to_string();
        let refused = tracker.file("POST", path, &[], body);
        assert_eq!(
            (refused.status, &*refused.error_code()),
            (400, "INVALID_PARAMETER_VALUE")
        );
        assert!(refused.text().contains(name), "{path}: {}", refused.text());
    }
}

#[test]
fn unknown_paths_and_wrong_methods_are_answered_in_json() {
    let tracker = Tracker::fresh();
    for path in [
        "/versions",
        "/api/2.0/mlflow/nothing",
        "/api/3.0/mlflow/nothing",
        "/api/2.0/mlflow/runs/get/",
    ] {
        for method in ["GET", "POST"] {
            let message = tracker.send(method, path, "").fails(404, "ENDPOINT_NOT_FOUND");
            assert!(message.contains(path), "{message}");
        }
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        tracker
            .send(method, "/api/2.0/mlflow/runs/get", "")
            .fails(405, "BAD_REQUEST");
    }
    tracker
        .send("GET", "/api/2.0/mlflow/runs/create", "")
        .fails(405, "BAD_REQUEST");
}

#[test]
fn a_body_is_read_as_leniently_as_protobuf_json() {
    let tracker = Tracker::fresh();
    for body in [
        r#"{"name": "a", "artifactLocation": "s3://b", "tags": null, "unknown": [1]}"#,
        r#""{\"name\": \"b\", \"artifact_location\": \"s3://b\"}""#,
    ] {
        tracker.send("POST", "/api/2.0/mlflow/experiments/create", body).ok();
    }
    for id in ["1", "2"] {
        let experiment = tracker.get(&format!("experiments/get?experimentId={id}")).ok();
        assert_eq!(experiment["experiment"]["artifact_location"], "s3://b");
    }
    let run = tracker.run("0", 1);
    let metric = json!({"runId": run, "key": "m", "value": "2.5", "timestamp": "7", "step": 3.0});
    tracker.post("runs/log-metric", metric).ok();
    assert_eq!(
        tracker.read(&run)["data"]["metrics"],
        json!([{"key": "m", "value": 2.5, "timestamp": 7, "step": 3}])
    );
}

#[test]
fn a_body_that_is_no_json_object_is_400() {
    let tracker = Tracker::fresh();
    for body in ["[]", "1", "{", "nonsense", "\"x\"", "{\"name\": NaN}"] {
        let message = tracker
            .send("POST", "/api/2.0/mlflow/experiments/create", body)
            .fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains("must be a JSON object"), "{message}");
    }
    let deep = "[".repeat(100_000);
    tracker
        .send("POST", "/api/2.0/mlflow/experiments/create", deep)
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_whole_test_run_is_deterministic() {
    let play = || {
        let tracker = Tracker::fresh();
        let experiment = tracker.experiment("a");
        let run = tracker.run(&experiment, 1);
        (tracker.read(&run), tracker.get("experiments/get?experiment_id=1").ok())
    };
    assert_eq!(play(), play());
}

#[test]
fn the_component_imports_what_its_world_declares_and_nothing_else() {
    let declared = [
        "mlforge:plugin/records@0.1.0",
        "mlforge:plugin/blobs@0.1.0",
        "mlforge:plugin/forge@0.1.0",
        "mlforge:plugin/upload-tokens@0.1.0",
        "mlforge:plugin/direct-transfers@0.1.0",
        "mlforge:plugin/report@0.1.0",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:random/random@0.3.0",
        "wasi:clocks/types@0.3.0",
        "wasi:http/types@0.3.0",
    ];
    for import in mlforge_tests::tracker::plugin().imports() {
        assert!(declared.contains(&import.as_str()), "{import}");
    }
}
