//! Each change leaves one record, in the commit of the change.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use mlforge::storage::{Commit, CommitError, StorageError};
use mlforge_plugin::http::file_route::FILE_ROUTES;
use mlforge_plugin::http::rights::RequiredRight;
use mlforge_plugin::http::route::ROUTES;
use serde_json::{Value, json};

use super::{As, Audited, OWNER_TOKEN_ID, actions};

/// Routes that change nothing that anybody can see: steps of an upload in parts before its last.
const STEPS: [&str; 3] = [
    "mlflow-artifacts/mpu/create/",
    "mlflow-artifacts/mpu/part/",
    "mlflow-artifacts/mpu/abort/",
];
/// The headers of a request with spans.
const SPAN_HEADERS: &[(&str, &str)] = &[("content-type", "application/json"), ("x-mlflow-experiment-id", "0")];
/// Routes that share a record: `logging.rs` tests them.
const LOGGING: [&str; 2] = ["runs/log-metric", "runs/log-parameter"];

/// Makes changes, and checks after each that it left one record.
struct Changes {
    audited: Audited,
    count: usize,
    seen: BTreeSet<String>,
}

impl Changes {
    #[track_caller]
    fn make(&mut self, method: &str, endpoint: &str, body: Value, expected: [&str; 3]) -> Value {
        let (action, object, detail) = (expected[0], expected[1], expected[2]);
        let sender = As {
            headers: if endpoint == "v1/traces" { SPAN_HEADERS } else { &[] },
            ..self.audited.owner()
        };
        let answer = sender.call(method, endpoint, &body);
        let time_ms = self.audited.now_ms();
        let records = self.audited.records();
        assert_eq!(
            records.len(),
            self.count + 1,
            "{method} {endpoint}: {:?}",
            actions(&records)
        );
        self.count += 1;
        let newest = &records[0];
        let field = |name: &str| newest[name].as_str().unwrap_or_default().to_owned();
        assert_eq!(newest["timestamp"], time_ms, "{newest}");
        assert_eq!(field("action"), action);
        if !object.is_empty() {
            assert_eq!(format!("{} {}", field("object_type"), field("object")), object);
        }
        assert_eq!(field("detail"), detail, "{newest}");
        self.seen.insert(action.to_owned());
        answer
    }

    #[track_caller]
    fn post(&mut self, endpoint: &str, body: Value, object: &str, detail: &str) -> Value {
        self.make("POST", &format!("mlflow/{endpoint}"), body, [endpoint, object, detail])
    }
}

#[test]
fn every_kind_of_change_leaves_exactly_one_record() {
    let mut changes = Changes {
        audited: Audited::fresh(),
        count: 0,
        seen: BTreeSet::new(),
    };
    experiments(&mut changes);
    let run = runs(&mut changes);
    logged_models(&mut changes, &run);
    models(&mut changes);
    versions(&mut changes);
    files(&mut changes, &run);
    traces(&mut changes);
    let routes = ROUTES.iter().map(|route| (route.right, route.path, route.action));
    let files = FILE_ROUTES.iter().map(|route| (route.right, route.path, route.action));
    let missing: Vec<&str> = routes
        .chain(files)
        .filter(|(right, path, _)| *right == RequiredRight::Write && !STEPS.contains(path) && !LOGGING.contains(path))
        .map(|(_, _, action)| action)
        .filter(|action| !changes.seen.contains(*action))
        .collect();
    assert_eq!(missing, [""; 0], "no test makes these changes");
}

fn experiments(changes: &mut Changes) {
    let one = "experiment 1";
    changes.post("experiments/create", json!({"name": "e"}), one, "e");
    changes.post(
        "experiments/update",
        json!({"experiment_id": "1", "new_name": "f"}),
        one,
        "f",
    );
    let tag = json!({"experiment_id": "1", "key": "k", "value": "v"});
    changes.post("experiments/set-experiment-tag", tag.clone(), one, "k");
    changes.post("experiments/delete-experiment-tag", tag, one, "k");
    changes.post("experiments/delete", json!({"experiment_id": "1"}), one, "");
    changes.post("experiments/restore", json!({"experiment_id": "1"}), one, "");
}

fn runs(changes: &mut Changes) -> String {
    let created = changes.post("runs/create", json!({"experiment_id": "0"}), "", "");
    let id = created["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let run = format!("run {id}");
    changes.post(
        "runs/update",
        json!({"run_id": id, "status": "FINISHED"}),
        &run,
        "FINISHED",
    );
    let tag = json!({"run_id": id, "key": "k", "value": "v"});
    changes.post("runs/set-tag", tag.clone(), &run, "k");
    changes.post("runs/delete-tag", tag, &run, "k");
    let tags = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    changes.post("runs/log-batch", json!({"run_id": id, "tags": tags}), &run, "a, b");
    let dataset = json!({"name": "d", "digest": "1", "source_type": "s", "source": "s"});
    changes.post(
        "runs/log-inputs",
        json!({"run_id": id, "datasets": [{"dataset": dataset}]}),
        &run,
        "",
    );
    let outputs = json!({"run_id": id, "models": [{"model_id": "m-1", "step": 0}]});
    changes.post("runs/outputs", outputs, &run, "");
    let model = json!({"run_id": id, "artifact_path": "m", "flavors": {}, "utc_time_created": "t"});
    let body = json!({"run_id": id, "model_json": model.to_string()});
    changes.post("runs/log-model", body, &run, "mlflow.log-model.history");
    changes.post("runs/delete", json!({"run_id": id}), &run, "");
    changes.post("runs/restore", json!({"run_id": id}), &run, "");
    id
}

fn logged_models(changes: &mut Changes, run: &str) {
    let body = json!({"experiment_id": "0", "name": "l", "source_run_id": run});
    let created = changes.make("POST", "mlflow/logged-models", body, ["logged-models/create", "", "l"]);
    let id = created["model"]["info"]["model_id"].as_str().unwrap().to_owned();
    let (model, path) = (format!("logged_model {id}"), format!("mlflow/logged-models/{id}"));
    let pairs = |name: &str| json!({name: [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]});
    let mut make = |method: &str, below: &str, body: Value, action: &str, detail: &str| {
        changes.make(method, &format!("{path}{below}"), body, [action, &model, detail]);
    };
    make("PATCH", "/tags", pairs("tags"), "logged-models/set-tags", "a, b");
    make("DELETE", "/tags/a", json!({}), "logged-models/delete-tag", "a");
    make("POST", "/params", pairs("params"), "logged-models/log-params", "a, b");
    make(
        "PATCH",
        "",
        json!({"status": "LOGGED_MODEL_READY"}),
        "logged-models/finalize",
        "",
    );
    make("DELETE", "", json!({}), "logged-models/delete", "");
}

fn models(changes: &mut Changes) {
    let m = "registered_model m";
    let path = |what: &str| format!("mlflow/registered-models/{what}");
    changes.post("registered-models/create", json!({"name": "m"}), m, "");
    let update = ["registered-models/update", m, ""];
    changes.make(
        "PATCH",
        &path("update"),
        json!({"name": "m", "description": "d"}),
        update,
    );
    let tag = json!({"name": "m", "key": "k", "value": "v"});
    changes.post("registered-models/set-tag", tag.clone(), m, "k");
    changes.make(
        "DELETE",
        &path("delete-tag"),
        tag,
        ["registered-models/delete-tag", m, "k"],
    );
    changes.post(
        "registered-models/rename",
        json!({"name": "m", "new_name": "n"}),
        m,
        "n",
    );
    let n = "registered_model n";
    changes.make(
        "DELETE",
        &path("delete"),
        json!({"name": "n"}),
        ["registered-models/delete", n, ""],
    );
}

fn versions(changes: &mut Changes) {
    changes.post(
        "registered-models/create",
        json!({"name": "v"}),
        "registered_model v",
        "",
    );
    let first = "model_version v/1";
    let named = json!({"name": "v", "version": "1.0.0", "key": "k", "value": "v", "alias": "champion"});
    changes.post(
        "model-versions/create",
        json!({"name": "v", "source": ""}),
        first,
        "1.0.0",
    );
    let path = |what: &str| format!("mlflow/model-versions/{what}");
    let update = ["model-versions/update", first, ""];
    changes.make("PATCH", &path("update"), named.clone(), update);
    changes.post("model-versions/set-tag", named.clone(), first, "k");
    let delete_tag = ["model-versions/delete-tag", first, "k"];
    changes.make("DELETE", &path("delete-tag"), named.clone(), delete_tag);
    let stage = json!({"name": "v", "version": "1", "stage": "Production"});
    changes.post("model-versions/transition-stage", stage, first, "Production");
    let alias = "mlflow/registered-models/alias";
    let set = ["registered-models/set-alias", first, "champion"];
    changes.make("POST", alias, named.clone(), set);
    let delete = ["registered-models/delete-alias", first, "champion"];
    changes.make("DELETE", alias, named.clone(), delete);
    changes.make("DELETE", &path("delete"), named, ["model-versions/delete", first, ""]);
}

fn traces(changes: &mut Changes) {
    let begun = json!({"experiment_id": "0", "timestamp_ms": 1});
    let begun = changes.make("POST", "mlflow/traces", begun, ["traces/start", "", ""]);
    let id = begun["trace_info"]["request_id"].as_str().unwrap().to_owned();
    let (trace, path) = (format!("trace {id}"), format!("mlflow/traces/{id}"));
    let end = json!({"timestamp_ms": 5, "status": "OK"});
    changes.make("PATCH", &path, end, ["traces/end", &trace, ""]);
    let (tags, tag) = (format!("{path}/tags"), json!({"key": "k", "value": "v"}));
    changes.make("PATCH", &tags, tag.clone(), ["traces/set-tag", &trace, "k"]);
    changes.make("DELETE", &tags, tag, ["traces/delete-tag", &trace, "k"]);
    let link = json!({"trace_ids": [id], "run_id": "r1"});
    changes.post("traces/link-to-run", link, &trace, "r1");
    let prompts = json!({"trace_id": id, "prompt_versions": [{"name": "p", "version": "1"}]});
    changes.post("traces/link-prompts", prompts, &trace, "");
    let delete = json!({"experiment_id": "0", "request_ids": [id]});
    changes.post("traces/delete-traces", delete, &trace, "");
    let spans = json!([{"traceId": "0a", "spanId": "0b", "name": "n"}]);
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    changes.make("POST", "v1/traces", body, ["traces/ingest", "experiment 0", ""]);
}

fn files(changes: &mut Changes, run: &str) {
    let path = format!("0/{run}/artifacts/a.txt");
    let object = format!("artifact {path}");
    let address = format!("mlflow-artifacts/artifacts/{path}");
    changes.make("PUT", &address, json!("x"), ["artifacts/upload", &object, ""]);
    let query = format!("mlflow/upload-artifact?run_uuid={run}&path=a.txt");
    changes.make("POST", &query, json!("y"), ["artifacts/upload", &object, ""]);
    changes.make("DELETE", &address, json!({}), ["artifacts/delete", &object, ""]);
}

#[test]
fn a_record_names_the_caller_the_token_the_address_and_the_request() {
    let audited = Audited::fresh();
    let headers = [
        ("x-forwarded-for", "203.0.113.9, 198.51.100.7"),
        ("x-request-id", "of-a-test"),
        // A caller cannot choose the facts about themselves.
        ("x-mlforge-audit", "forged forged forged"),
        ("x-mlforge-actor", "forged"),
        ("x-mlforge-request-id", "forged"),
    ];
    let run = audited.owner().with_headers(&headers).run();
    assert_eq!(
        audited.records(),
        [json!({
            "timestamp": audited.now_ms() - 1_000, "action": "runs/create", "object_type": "run", "object": run,
            "actor": "owner", "actor_id": "1", "token_id": OWNER_TOKEN_ID, "address": "198.51.100.7",
            "request_id": "of-a-test",
        })]
    );
}

#[test]
fn a_refused_change_and_a_reading_leave_no_record() {
    let audited = Audited::fresh();
    let run = audited.owner().run();
    let param = |value: &str| json!({"run_id": run, "key": "p", "value": value}).to_string();
    let log_param = "/api/2.0/mlflow/runs/log-parameter";
    assert_eq!(audited.owner().ask("POST", log_param, param("1")).status, 200);
    let before = audited.records();
    let refused = [
        ("owner", log_param, param("2"), 400),
        (
            "owner",
            "/api/2.0/mlflow/runs/delete",
            json!({"run_id": "f".repeat(32)}).to_string(),
            404,
        ),
        (
            "owner",
            "/api/2.0/mlflow/experiments/create",
            json!({"name": "Default"}).to_string(),
            400,
        ),
        (
            "owner",
            "/api/2.0/mlflow/registered-models/rename",
            json!({"name": "m", "new_name": "n"}).to_string(),
            404,
        ),
        (
            "reporter",
            "/api/2.0/mlflow/runs/delete",
            json!({"run_id": run}).to_string(),
            403,
        ),
        (
            "reading",
            "/api/2.0/mlflow/runs/delete",
            json!({"run_id": run}).to_string(),
            403,
        ),
        (
            "stranger",
            "/api/2.0/mlflow/runs/delete",
            json!({"run_id": run}).to_string(),
            404,
        ),
    ];
    for (token, path, body, status) in refused {
        assert_eq!(
            audited.user(token).ask("POST", path, body).status,
            status,
            "{token} {path}"
        );
    }
    // These succeed and change nothing.
    audited.owner().post("runs/restore", json!({"run_id": run}));
    audited.owner().post("runs/search", json!({"experiment_ids": ["0"]}));
    audited
        .owner()
        .call("GET", &format!("mlflow/runs/get?run_id={run}"), &json!({}));
    assert_eq!(audited.records(), before);
}

#[test]
fn a_commit_that_fails_leaves_no_record_and_one_that_is_repeated_leaves_one() {
    let failures = Arc::new(AtomicUsize::new(0));
    let (left, is_down) = (Arc::clone(&failures), Arc::new(AtomicUsize::new(0)));
    let down = Arc::clone(&is_down);
    let audited = Audited::with(Some(1), move |commit: &Commit| {
        let key = commit.writes.first().map_or(&[][..], |write| write.key());
        if down.load(Ordering::SeqCst) == 1 {
            return Err(CommitError::Failed(StorageError::Unavailable("unplugged".into())));
        }
        let conflicts = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match conflicts {
            Ok(_) => Err(CommitError::Conflict(key.to_vec())),
            Err(_) => Ok(()),
        }
    });
    failures.store(3, Ordering::SeqCst);
    audited.owner().run();
    assert_eq!(failures.load(Ordering::SeqCst), 0);
    assert_eq!(actions(&audited.records()), ["runs/create"]);
    is_down.store(1, Ordering::SeqCst);
    let body = json!({"experiment_id": "0"}).to_string();
    let failed = audited.owner().ask("POST", "/api/2.0/mlflow/runs/create", body);
    assert_eq!(failed.status, 503);
    is_down.store(0, Ordering::SeqCst);
    assert_eq!(audited.records().len(), 1);
}

#[test]
fn the_record_is_written_by_the_commit_of_the_change_and_checks_nothing() {
    let commits: Arc<Mutex<Vec<Commit>>> = Arc::default();
    let seen = Arc::clone(&commits);
    let audited = Audited::with(Some(1), move |commit: &Commit| {
        seen.lock().unwrap().push(commit.clone());
        Ok(())
    });
    audited.owner().run();
    let commits = commits.lock().unwrap();
    let is_record = |key: &[u8]| key.first() == Some(&b'a');
    let [commit] = &commits[..] else {
        panic!("{} commits", commits.len())
    };
    assert_eq!(commit.writes.iter().filter(|write| is_record(write.key())).count(), 1);
    assert!(commit.writes.iter().any(|write| write.key().first() == Some(&b'r')));
    // A check would make the changes of two requests conflict.
    assert!(!commit.checks.iter().any(|check| is_record(&check.key)));
}

#[test]
fn many_commits_of_one_request_leave_one_record() {
    let audited = Audited::fresh();
    audited.owner().post("registered-models/create", json!({"name": "m"}));
    audited
        .owner()
        .post("model-versions/create", json!({"name": "m", "source": ""}));
    // More aliases than one commit of a deletion removes.
    for number in 0..1_001 {
        let alias = json!({"name": "m", "version": "1", "alias": format!("a{number}")});
        audited.owner().post("registered-models/alias", alias);
    }
    let version = json!({"name": "m", "version": "1"});
    audited.owner().call("DELETE", "mlflow/model-versions/delete", &version);
    let deletions = audited.owner().list("action=model-versions/delete");
    assert_eq!(deletions.len(), 1);
}

#[test]
fn without_an_audit_log_nothing_is_recorded() {
    let audited = Audited::with(None, |_| Ok(()));
    audited.owner().run();
    assert_eq!(audited.records(), [json!(null); 0]);
}
