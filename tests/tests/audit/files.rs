//! Files: the record is stored before the change, and removed again if nothing was changed.

use std::sync::{Arc, Mutex};

use mlforge::storage::{Commit, Write};
use serde_json::{Value, json};

use super::{As, Audited, actions};

/// Uploads a part. The address and the headers are those that the upload names.
#[track_caller]
fn send(owner: As<'_>, credential: &Value, contents: &'static str) -> Value {
    let url = credential["url"].as_str().unwrap();
    let path = url.split_once("/ml/mlflow").unwrap().1;
    let token = credential["headers"]["x-mlforge-upload-token"].as_str().unwrap();
    let answer = owner
        .with_headers(&[("x-mlforge-upload-token", token)])
        .ask("PUT", path, contents);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let etag = answer.headers["etag"].to_str().unwrap();
    json!({"part_number": credential["part_number"], "etag": etag})
}

#[test]
fn an_upload_in_parts_is_recorded_once_when_it_is_complete() {
    let audited = Audited::fresh();
    let owner = audited.owner();
    let directory = format!("0/{}/artifacts", owner.run());
    let ask = |what: &str, body: &Value| {
        let path = format!("/api/2.0/mlflow-artifacts/mpu/{what}/{directory}");
        owner.ask("POST", &path, body.to_string())
    };
    let begin = || -> Value {
        let body = json!({"path": "a.bin", "num_parts": 1});
        serde_json::from_str(&ask("create", &body).body).unwrap()
    };
    let aborted = begin();
    send(owner, &aborted["credentials"][0], "x");
    let body = json!({"path": "a.bin", "upload_id": aborted["upload_id"]});
    assert_eq!(ask("abort", &body).status, 200);
    let upload = begin();
    let part = send(owner, &upload["credentials"][0], "x");
    let complete = |part: &Value| {
        let body = json!({"path": "a.bin", "upload_id": upload["upload_id"], "parts": [part]});
        ask("complete", &body).status
    };
    let never_sent = json!({"part_number": 1, "etag": format!("\"{}\"", "0".repeat(64))});
    assert_eq!(complete(&never_sent), 400);
    assert_eq!(actions(&audited.records()), ["runs/create"]);
    assert_eq!(complete(&part), 200);
    let records = audited.records();
    assert_eq!(actions(&records), ["artifacts/upload", "runs/create"]);
    assert_eq!(records[0]["object"], format!("{directory}/a.bin"));
    // A client that repeats the last step changes nothing.
    assert_eq!(complete(&part), 200);
    assert_eq!(audited.records(), records);
}

#[test]
fn a_change_of_files_that_does_not_happen_leaves_no_record() {
    let audited = Audited::fresh();
    let run = audited.owner().run();
    let below = |path: &str| format!("/api/2.0/mlflow-artifacts/artifacts/{path}");
    for (method, path, status) in [
        ("PUT", "nobody/a.txt".to_owned(), 400),
        ("PUT", format!("0/{run}/artifacts/../a.txt"), 400),
        ("DELETE", "nobody/a.txt".to_owned(), 400),
        ("DELETE", format!("0/{run}/artifacts/absent"), 200),
    ] {
        assert_eq!(
            audited.owner().ask(method, &below(&path), "x").status,
            status,
            "{method} {path}"
        );
    }
    assert_eq!(actions(&audited.records()), ["runs/create"]);
}

#[test]
fn the_record_of_a_file_is_stored_before_the_file() {
    let writes: Arc<Mutex<Vec<Write>>> = Arc::default();
    let seen = Arc::clone(&writes);
    let audited = Audited::with(Some(1), move |commit: &Commit| {
        seen.lock().unwrap().extend(commit.writes.iter().cloned());
        Ok(())
    });
    let run = audited.owner().run();
    writes.lock().unwrap().clear();
    let absent = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/absent");
    assert_eq!(audited.owner().ask("DELETE", &absent, "").status, 200);
    let writes = writes.lock().unwrap();
    let [Write::Put(stored, _), Write::Delete(removed)] = &writes[..] else {
        panic!("{writes:?}")
    };
    assert_eq!(stored, removed);
}
