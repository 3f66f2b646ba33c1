//! Upload tokens, which authorise the requests of parts.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{HOST, STORE, Uploads};

#[test]
fn an_upload_token_is_valid_for_its_own_part_only() {
    let uploads = Uploads::fresh();
    let (upload, other) = (uploads.begin(2), uploads.begin(2));
    let (url, token) = upload.credential(1);
    let elsewhere = [
        upload.credential(2).0.to_owned(),
        other.credential(1).0.to_owned(),
        url.replace("/projects/1/", "/projects/2/"),
        url.replace("/projects/1/", "/projects/group%2F1/"),
        format!(
            "http://ml.test:5000/api/v4/projects/1/ml/mlflow{STORE}/{}/b",
            uploads.root
        ),
    ];
    for place in &elsewhere {
        let refused = uploads.tracker.anonymous("PUT", place, &[token], "x");
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (403, "PERMISSION_DENIED"),
            "{place}"
        );
    }
    for forged in ["", "x", &token.1[1..], &upload.credential(2).1.1.replace('A', "B")] {
        let refused = uploads
            .tracker
            .anonymous("PUT", url, &[("x-mlforge-upload-token", forged)], "x");
        assert_eq!(refused.status, 403, "{forged}");
    }
    assert_eq!(uploads.tracker.anonymous("PUT", url, &[], "x").status, 401);
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
    assert_eq!(uploads.tracker.anonymous("PUT", url, &[token], "x").status, 200);
}

#[test]
fn an_upload_token_does_not_reveal_the_access_token() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(1);
    let (url, (_, token)) = upload.credential(1);
    assert!(url.starts_with("http://ml.test:5000/api/v4/projects/1/ml/mlflow/api/2.0/mlflow-artifacts/mpu/part/"));
    assert!(!url.contains(token));
    // `writer` in Base64, at each of its three offsets.
    for part in ["d3JpdGVy", "3cml0ZX", "B3cml0", "writer"] {
        assert!(!token.contains(part), "{token}");
    }
}

#[test]
fn parts_are_refused_after_the_caller_lost_the_right_to_write() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(2);
    let parts = uploads.send_all(&upload, &[(1, "x")]);
    uploads.tracker.demote_writer();
    assert_eq!(uploads.send(&upload, 2, "y").status, 403);
    assert_eq!(uploads.complete(&upload, &parts).status, 403);
    assert_eq!(uploads.abort(&upload).status, 403);
    assert!(!uploads.is_there());
}

// The client reads the message, and sends the file whole.
#[test]
fn an_upload_behind_a_proxy_requires_a_configured_base_url() {
    let body = json!({"path": "a", "num_parts": 1}).to_string();
    let ask = |uploads: &Uploads, headers: &[(&'static str, &str)]| {
        let path = format!("/api/2.0/mlflow-artifacts/mpu/create/{}", uploads.root);
        uploads.tracker.file("POST", &path, headers, body.clone())
    };
    let info = |uploads: &Uploads, headers: &[(&'static str, &str)]| {
        let info = uploads
            .tracker
            .file("GET", "/api/3.0/mlflow/server-info", headers, "")
            .ok();
        serde_json::from_str::<Value>(&info).unwrap()["multipart_uploads_enabled"].as_bool()
    };
    let proxied = [HOST, ("x-forwarded-proto", "https")];
    let uploads = Uploads::fresh();
    assert_eq!(info(&uploads, &[HOST]), Some(true));
    for headers in [&proxied[..], &[]] {
        assert_eq!(info(&uploads, headers), Some(false));
        let refused = ask(&uploads, headers);
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (501, "NOT_IMPLEMENTED")
        );
        let told: Value = serde_json::from_slice(&refused.bytes).unwrap();
        let words = "Multipart upload is not supported for the current artifact repository";
        assert!(told["message"].as_str().unwrap().starts_with(words), "{told}");
    }
    let uploads = Uploads::of(Tracker::with(|builder| {
        builder.external_url("https://ml.example.org/x/")
    }));
    for headers in [&proxied[..], &[]] {
        assert_eq!(info(&uploads, headers), Some(true));
        let created: Value = serde_json::from_str(&ask(&uploads, headers).ok()).unwrap();
        let url = created["credentials"][0]["url"].as_str().unwrap();
        assert!(
            url.starts_with("https://ml.example.org/x/api/v4/projects/1/ml/mlflow/api/2.0/"),
            "{url}"
        );
    }
}
