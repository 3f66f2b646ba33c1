//! Direct transfers: parts go to the store, and files are fetched there.

use std::sync::Arc;
use std::time::Duration;

use mlforge_tests::direct_store::DirectStore;
use mlforge_tests::tracker::{File, Tracker};
use serde_json::{Value, json};

use super::{STORE, Upload, Uploads};

const DAY_MS: u64 = 24 * 3_600 * 1_000;

fn direct() -> (Uploads, Arc<DirectStore>) {
    let store = Arc::new(DirectStore::default());
    (Uploads::of(Tracker::on_direct_store(&store)), store)
}

/// The address of a part.
fn address(upload: &Upload, number: usize) -> &str {
    let credential = &upload.credentials[number - 1];
    assert_eq!(
        (&credential["part_number"], &credential["headers"]),
        (&json!(number), &json!({}))
    );
    credential["url"].as_str().unwrap()
}

/// Sends parts to the store, and names them as a client does.
fn send(store: &DirectStore, upload: &Upload, parts: &[&'static str]) -> Vec<Value> {
    let part = |(number, contents): (usize, &&'static str)| {
        let etag = store.put(address(upload, number), contents).unwrap();
        json!({"part_number": number, "etag": etag, "url": address(upload, number)})
    };
    (1..).zip(parts).map(part).collect()
}

fn presigned(uploads: &Uploads, path: &str) -> File {
    let path = format!("/api/2.0/mlflow-artifacts/presigned/{}/{path}", uploads.root);
    uploads.tracker.file("GET", &path, &[], "")
}

fn json_of(file: File) -> Value {
    serde_json::from_str(&file.ok()).unwrap()
}

#[test]
fn the_parts_of_a_direct_upload_go_to_the_store() {
    let (uploads, store) = direct();
    let upload = uploads.begin(2);
    assert!(address(&upload, 2).starts_with("https://store.test/"));
    assert_eq!(store.times(), [Duration::from_millis(DAY_MS)]);
    let parts = send(&store, &upload, &["one, ", "two"]);
    assert!(!uploads.is_there());
    for _ in 0..2 {
        uploads.complete(&upload, &parts).ok();
        assert_eq!(uploads.download().ok(), "one, two");
    }
    assert_eq!(store.unfinished(), 0);
    assert_eq!(store.put(address(&upload, 1), "late"), None);
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
    // A part of a direct upload does not come to the host.
    let here = format!("/api/2.0/mlflow-artifacts/mpu/part/{}/1", upload.id);
    assert_eq!(uploads.tracker.file("PUT", &here, &[], "x").status, 404);
}

#[test]
fn a_direct_upload_is_refused_with_the_part_that_is_wrong() {
    let (uploads, store) = direct();
    let upload = uploads.begin(2);
    let mut parts = send(&store, &upload, &["1", "2"]);
    assert_eq!(uploads.complete(&upload, &parts[..1]).status, 400);
    parts[1]["etag"] = json!("other");
    let refused = uploads.complete(&upload, &parts);
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (400, "INVALID_PARAMETER_VALUE")
    );
    assert!(refused.text().contains("The store has no part 2"), "{}", refused.text());
    for etag in [json!(""), json!("x".repeat(201)), json!(7)] {
        parts[1]["etag"] = etag;
        assert_eq!(uploads.complete(&upload, &parts).status, 400);
    }
    assert!(!uploads.is_there());
    assert_eq!(store.unfinished(), 1);
}

#[test]
fn an_aborted_direct_upload_is_removed_from_the_store() {
    let (uploads, store) = direct();
    let upload = uploads.begin(1);
    let parts = send(&store, &upload, &["x"]);
    uploads.abort(&upload).ok();
    assert_eq!(store.unfinished(), 0);
    let gone = uploads.complete(&upload, &parts);
    assert_eq!(
        (gone.status, gone.error_code().as_str()),
        (404, "RESOURCE_DOES_NOT_EXIST")
    );
    uploads.abort(&upload).ok();
    // The store has lost one that the record still names.
    let upload = uploads.begin(1);
    let parts = send(&store, &upload, &["x"]);
    store.forget();
    assert_eq!(uploads.complete(&upload, &parts).status, 404);
}

#[test]
fn an_abandoned_direct_upload_is_removed_from_the_store_after_a_day() {
    let (uploads, store) = direct();
    let upload = uploads.begin(1);
    let parts = send(&store, &upload, &["x"]);
    uploads.tracker.wait_ms(DAY_MS - 1);
    uploads.tracker.pack();
    assert_eq!(store.unfinished(), 1);
    uploads.tracker.wait_ms(1);
    assert_eq!(uploads.complete(&upload, &parts).status, 404);
    uploads.tracker.pack();
    assert_eq!(store.unfinished(), 0);
}

#[test]
fn a_direct_upload_needs_an_owner_and_the_right_to_write() {
    let (uploads, store) = direct();
    let body = json!({"path": "a", "num_parts": 1}).to_string();
    let create = |tracker: &Tracker, root: &str| {
        let path = format!("/api/2.0/mlflow-artifacts/mpu/create/{root}");
        tracker.file("POST", &path, &[], body.clone()).status
    };
    assert_eq!(create(&uploads.tracker, "0/nobody"), 400);
    let upload = uploads.begin(1);
    let parts = send(&store, &upload, &["x"]);
    let (root, run) = (uploads.root.clone(), uploads.run.clone());
    uploads.tracker.post("runs/delete", json!({"run_id": run})).ok();
    assert_eq!(create(&uploads.tracker, &root), 400);
    assert_eq!(uploads.complete(&upload, &parts).status, 400);
    assert_eq!(create(&uploads.tracker.as_reader(), &root), 403);
    assert_eq!(store.unfinished(), 1);
}

#[test]
fn a_direct_upload_leads_into_its_own_project() {
    let (mut uploads, store) = direct();
    let upload = uploads.begin(1);
    let parts = send(&store, &upload, &["x"]);
    let root = uploads.root.clone();
    let status = uploads.tracker.in_project(2, |tracker| {
        let run = tracker.run("0", 1);
        let path = format!(
            "/api/2.0/mlflow-artifacts/mpu/complete/{}",
            root.replace(&root[2..34], &run)
        );
        let body = json!({"path": "a.bin", "upload_id": upload.id, "parts": parts});
        tracker.file("POST", &path, &[], body.to_string()).status
    });
    assert_eq!(status, 404);
    uploads.complete(&upload, &parts).ok();
}

#[test]
fn a_file_has_an_address_in_the_store() {
    let (uploads, store) = direct();
    let upload = uploads.begin(1);
    let parts = send(&store, &upload, &["content"]);
    uploads.complete(&upload, &parts).ok();
    let signed = json_of(presigned(&uploads, "dir/a.bin"));
    let url = format!("https://store.test/1/a/{}/dir/a.bin", uploads.root);
    assert_eq!(signed, json!({"url": url, "headers": {}, "file_size": 7}));
    // The client asks the server for a file without an address.
    let empty = format!("{STORE}/{}/empty", uploads.root);
    uploads.tracker.file("PUT", &empty, &[], "").ok();
    let signed = json_of(presigned(&uploads, "empty"));
    assert_eq!(signed, json!({"url": empty, "headers": {}}));
    assert_eq!(presigned(&uploads, "nothing").status, 404);
    assert_eq!(presigned(&uploads, "dir").status, 400);
    let info = uploads.tracker.file("GET", "/api/3.0/mlflow/server-info", &[], "").ok();
    let info: Value = serde_json::from_str(&info).unwrap();
    let offered = |name: &str| info[name].as_bool();
    assert_eq!(
        (
            offered("multipart_uploads_enabled"),
            offered("multipart_downloads_enabled")
        ),
        (Some(true), Some(true))
    );
    let reader = Uploads {
        tracker: uploads.tracker.as_reader(),
        ..uploads
    };
    assert_eq!(json_of(presigned(&reader, "dir/a.bin"))["file_size"], 7);
}

#[test]
fn a_store_without_direct_transfers_signs_no_address() {
    let uploads = Uploads::fresh();
    let refused = presigned(&uploads, "a");
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (501, "NOT_IMPLEMENTED")
    );
    let info = uploads.tracker.file("GET", "/api/3.0/mlflow/server-info", &[], "").ok();
    let info: Value = serde_json::from_str(&info).unwrap();
    assert_eq!(info["multipart_downloads_enabled"].as_bool(), Some(false));
}
