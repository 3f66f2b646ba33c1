//! Aborted and abandoned uploads.

use serde_json::json;

use super::{HOST, Uploads};

const DAY_MS: u64 = 24 * 3_600 * 1_000;

#[test]
fn an_aborted_upload_leaves_nothing() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(2);
    let parts = uploads.send_all(&upload, &[(1, "x"), (2, "y")]);
    let elsewhere = json!({"path": "other.bin", "upload_id": upload.id});
    assert_eq!(uploads.ask("mlflow-artifacts/mpu/abort", &elsewhere).status, 400);
    uploads.abort(&upload).ok();
    assert_eq!(uploads.tracker.kept(""), [""; 0]);
    assert_eq!(uploads.send(&upload, 1, "x").status, 404);
    let gone = uploads.complete(&upload, &parts);
    assert_eq!(
        (gone.status, gone.error_code().as_str()),
        (404, "RESOURCE_DOES_NOT_EXIST")
    );
    uploads.abort(&upload).ok();
    assert_eq!(uploads.tracker.kept(""), [""; 0]);
    assert!(!uploads.is_there());
}

#[test]
fn an_abandoned_upload_is_removed_after_a_day() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(2);
    let parts = uploads.send_all(&upload, &[(1, "x"), (2, "y")]);
    uploads.tracker.wait_ms(DAY_MS - 1);
    uploads.tracker.pack();
    assert_eq!(uploads.tracker.kept("p"), [upload.id.as_str()]);
    uploads.send_all(&upload, &[(1, "x")]);
    uploads.tracker.wait_ms(1);
    assert_eq!(uploads.send(&upload, 1, "x").status, 403);
    assert_eq!(uploads.complete(&upload, &parts).status, 404);
    let later = uploads.begin(1);
    uploads.send_all(&later, &[(1, "z")]);
    uploads.tracker.pack();
    assert_eq!(uploads.tracker.kept("p"), [later.id.as_str()]);
}

#[test]
fn an_upload_that_began_before_the_clock_was_set_back_is_removed() {
    let uploads = Uploads::fresh();
    uploads.tracker.wait_ms(30 * DAY_MS);
    let upload = uploads.begin(2);
    let parts = uploads.send_all(&upload, &[(1, "x")]);
    // Clocks may go back a little.
    uploads.tracker.set_back_ms(DAY_MS / 24);
    uploads.send_all(&upload, &[(2, "y")]);
    uploads.tracker.pack();
    assert_eq!(uploads.tracker.kept("p"), [upload.id.as_str()]);
    uploads.tracker.set_back_ms(29 * DAY_MS);
    assert_eq!(uploads.send(&upload, 2, "y").status, 403);
    assert_eq!(uploads.complete(&upload, &parts).status, 404);
    uploads.tracker.pack();
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
    let later = uploads.begin(1);
    let parts = uploads.send_all(&later, &[(1, "z")]);
    uploads.complete(&later, &parts).ok();
}

#[test]
fn all_abandoned_uploads_are_removed() {
    let uploads = Uploads::fresh();
    let begin = |number: usize| {
        let body = json!({"path": format!("{number}.bin"), "num_parts": 1}).to_string();
        let path = format!("/api/2.0/mlflow-artifacts/mpu/create/{}/dir", uploads.root);
        uploads.tracker.file("POST", &path, &[HOST], body).ok();
    };
    // More uploads than one pass reads, and than one removes.
    (0..2_500).for_each(begin);
    let given_up = uploads.begin(1);
    uploads.send_all(&given_up, &[(1, "x")]);
    assert_eq!(uploads.tracker.count("x"), 2_501);
    uploads.tracker.wait_ms(DAY_MS);
    let goes_on = uploads.begin(1);
    uploads.tracker.pack();
    assert_eq!(uploads.tracker.count("x"), 1);
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
    let parts = uploads.send_all(&goes_on, &[(1, "y")]);
    uploads.complete(&goes_on, &parts).ok();
}

#[test]
fn an_unreadable_upload_does_not_stop_the_removal_of_others() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(1);
    uploads.send_all(&upload, &[(1, "x")]);
    for damaged in [&b"x"[..], b"x0123456789abcdef", &[b'x', 255, 255]] {
        uploads.tracker.put_record(damaged, b"damaged");
    }
    uploads
        .tracker
        .put_file("p/0123456789abcdef0123456789abcdef/00001-of-none", "left behind");
    uploads.tracker.wait_ms(DAY_MS);
    uploads.tracker.pack();
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
    assert_eq!(uploads.tracker.count("x"), 3);
}
