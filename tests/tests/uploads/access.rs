//! Callers, runs and projects that may not upload.

use serde_json::json;

use super::{HOST, Uploads};

#[test]
fn a_reader_begins_no_upload() {
    let Uploads { tracker, run, root } = Uploads::fresh();
    let reader = Uploads {
        tracker: tracker.as_reader(),
        run,
        root,
    };
    let refused = reader.try_begin(&json!(2));
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (403, "PERMISSION_DENIED")
    );
    let path = "/api/2.0/mlflow-artifacts/mpu/part/00112233445566778899aabbccddeeff/1";
    assert_eq!(reader.tracker.file("PUT", path, &[], "x").status, 403);
    let info = reader
        .tracker
        .file("GET", "/api/3.0/mlflow/server-info", &[HOST], "")
        .ok();
    assert!(info.contains("\"multipart_uploads_enabled\":false"), "{info}");
}

#[test]
fn an_upload_belongs_to_an_active_run() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(1);
    let parts = uploads.send_all(&upload, &[(1, "x")]);
    let run = json!({"run_id": uploads.run});
    uploads.tracker.post("runs/delete", run.clone()).ok();
    assert_eq!(uploads.try_begin(&json!(1)).status, 400);
    assert_eq!(uploads.complete(&upload, &parts).status, 400);
    assert!(!uploads.is_there());
    uploads.tracker.post("runs/restore", run).ok();
    uploads.complete(&upload, &parts).ok();
    let nobody = "/api/2.0/mlflow-artifacts/mpu/create/0/nobody";
    let refused = uploads.tracker.file(
        "POST",
        nobody,
        &[HOST],
        json!({"path": "a", "num_parts": 1}).to_string(),
    );
    assert_eq!(refused.status, 400);
}

#[test]
fn an_upload_of_another_project_is_not_found() {
    let mut uploads = Uploads::fresh();
    let upload = uploads.begin(1);
    let parts = uploads.send_all(&upload, &[(1, "x")]);
    let Uploads { root, .. } = &uploads;
    let body = json!({"path": "a.bin", "upload_id": upload.id, "parts": parts}).to_string();
    let path = |what: &str| format!("/api/2.0/mlflow-artifacts/mpu/{what}/{root}/dir");
    let (complete, abort) = (path("complete"), path("abort"));
    let part = format!("/api/2.0/mlflow-artifacts/mpu/part/{}/1", upload.id);
    uploads.tracker.in_project(2, |other| {
        assert_eq!(other.file("POST", &complete, &[], body.clone()).status, 404);
        assert_eq!(other.file("PUT", &part, &[], "y").status, 404);
        assert_eq!(other.file("POST", &abort, &[], body.clone()).ok(), "{}");
    });
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "x");
}
