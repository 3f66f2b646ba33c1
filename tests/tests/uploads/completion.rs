//! Completing uploads: the file is exactly the parts in their order.

use serde_json::{Value, json};

use super::{STORE, Upload, Uploads};

#[test]
fn a_completed_upload_is_the_parts_in_order() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(4);
    let parts = uploads.send_all(&upload, &[(3, "three "), (1, "one "), (4, ""), (2, "two ")]);
    assert!(!uploads.is_there());
    assert_eq!(uploads.complete(&upload, &parts).ok(), "{}");
    assert_eq!(uploads.download().ok(), "one two three ");
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
}

#[test]
fn a_completed_upload_replaces_the_file() {
    let uploads = Uploads::fresh();
    let path = format!("{STORE}/{}/dir/a.bin", uploads.root);
    uploads.tracker.file("PUT", &path, &[], "a longer text").ok();
    let upload = uploads.begin(1);
    let parts = uploads.send_all(&upload, &[(1, "short")]);
    assert_eq!(uploads.download().ok(), "a longer text");
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "short");
}

#[test]
fn parts_are_not_listed_as_artifacts() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(2);
    uploads.send_all(&upload, &[(1, "x"), (2, "y")]);
    assert_eq!(uploads.tracker.kept("p").len(), 1);
    assert_eq!(uploads.tracker.send("GET", STORE, "").ok(), json!({}));
    let part = format!(
        "p/{}/{}",
        upload.id,
        uploads.tracker.kept(&format!("p/{}", upload.id))[0]
    );
    for path in [
        part.clone(),
        format!("../{part}"),
        format!("%2e%2e/{part}"),
        format!("a/../../{part}"),
    ] {
        for method in ["GET", "DELETE"] {
            let answer = uploads.tracker.file(method, &format!("{STORE}/{path}"), &[], "");
            assert!(
                [400, 404].contains(&answer.status),
                "{method} {path}: {}",
                answer.text()
            );
        }
    }
    let (url, token) = upload.credential(1);
    for method in ["GET", "HEAD", "DELETE", "POST"] {
        assert_eq!(
            uploads.tracker.anonymous(method, url, &[token], "").status,
            403,
            "{method}"
        );
    }
    assert_eq!(uploads.tracker.kept("p").len(), 1);
}

#[test]
fn completing_an_upload_requires_exactly_its_parts_in_order() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(3);
    let parts = uploads.send_all(&upload, &[(1, "1"), (2, "2"), (3, "3")]);
    let [one, two, three] = &parts[..] else { unreachable!() };
    let absent = json!({"part_number": 2, "etag": "a".repeat(64)});
    let outside = json!({"part_number": 2, "etag": "../../x"});
    let of_another = json!({"part_number": 2, "etag": one["etag"]});
    let wrong = [
        vec![],
        vec![one, two],
        vec![one, three, two],
        vec![two, three],
        vec![one, two, two],
        vec![one, two, three, three],
        vec![one, &absent, three],
        vec![one, &outside, three],
        vec![one, &of_another, three],
    ];
    for parts in wrong {
        let parts: Vec<Value> = parts.into_iter().cloned().collect();
        let refused = uploads.complete(&upload, &parts);
        assert_eq!(
            (refused.status, refused.error_code().as_str()),
            (400, "INVALID_PARAMETER_VALUE"),
            "{parts:?}"
        );
    }
    assert!(!uploads.is_there());
    let elsewhere = json!({"path": "other.bin", "upload_id": upload.id, "parts": parts});
    assert_eq!(uploads.ask("mlflow-artifacts/mpu/complete", &elsewhere).status, 400);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "123");
}

// A client without an answer in time sends the request again.
#[test]
fn completing_an_upload_twice_is_idempotent() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(1);
    let parts = uploads.send_all(&upload, &[(1, "x")]);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.send(&upload, 1, "y").status, 404);
    uploads.complete(&upload, &parts).ok();
    uploads.abort(&upload).ok();
    assert_eq!(uploads.download().ok(), "x");
    assert_eq!(uploads.tracker.kept("p"), [""; 0]);
}

#[test]
fn a_part_sent_twice_replaces_the_first() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(2);
    let first = uploads.send_all(&upload, &[(1, "old"), (2, "!")]);
    let parts = uploads.send_all(&upload, &[(1, "new"), (2, "!")]);
    assert_eq!(uploads.tracker.kept(&format!("p/{}", upload.id)).len(), 2);
    assert_eq!(uploads.complete(&upload, &first).status, 400);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "new!");
}

#[test]
fn a_file_has_a_name_and_a_bounded_number_of_parts() {
    let uploads = Uploads::fresh();
    for parts in [json!(0), json!(-1), json!(10_001), json!("many"), json!(null)] {
        assert_eq!(uploads.try_begin(&parts).status, 400, "{parts}");
    }
    for path in ["", "/", "a/", "..", "a/..", ".", "C:\\", "a\u{0}"] {
        let refused = uploads.ask("mlflow-artifacts/mpu/create", &json!({"path": path, "num_parts": 1}));
        assert_eq!(refused.status, 400, "{path}: {}", refused.text());
    }
    for path in ["a.bin", "C:\\data\\a.bin", "../up/a.bin"] {
        let created = uploads
            .ask("mlflow-artifacts/mpu/create", &json!({"path": path, "num_parts": 1}))
            .ok();
        let created: Value = serde_json::from_str(&created).unwrap();
        let upload = Upload {
            id: created["upload_id"].as_str().unwrap().into(),
            credentials: created["credentials"].as_array().unwrap().clone(),
        };
        let parts = uploads.send_all(&upload, &[(1, "x")]);
        let body = json!({"path": path, "upload_id": upload.id, "parts": parts});
        uploads.ask("mlflow-artifacts/mpu/complete", &body).ok();
        assert!(uploads.is_there());
    }
    assert_eq!(uploads.begin(10_000).credentials.len(), 10_000);
    let upload = uploads.begin(2);
    let path = |number: &str| format!("/api/2.0/mlflow-artifacts/mpu/part/{}/{number}", upload.id);
    for number in ["0", "3", "-1", "x", "", "1/2"] {
        assert_eq!(
            uploads.tracker.file("PUT", &path(number), &[], "x").status,
            400,
            "{number}"
        );
    }
}

#[test]
fn concurrent_parts_are_all_kept() {
    let uploads = Uploads::fresh();
    let upload = uploads.begin(20);
    let send = &|number: usize| {
        let (url, token) = upload.credential(number);
        let sent = uploads.tracker.anonymous("PUT", url, &[token], number.to_string());
        json!({"part_number": number, "etag": sent.headers["etag"].to_str().unwrap()})
    };
    let parts: Vec<Value> = std::thread::scope(|scope| {
        let all: Vec<_> = (1..=20).map(|number| scope.spawn(move || send(number))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    uploads.complete(&upload, &parts).ok();
    let all: String = (1..=20).map(|number: usize| number.to_string()).collect();
    assert_eq!(uploads.download().ok(), all);
}
