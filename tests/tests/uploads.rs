//! Uploads in parts. Parts may come concurrently, in any order and without an access token. The file exists
//! after the upload is completed, and nothing of it before.

use mlforge::Limits;
use mlforge_tests::tracker::{File, Tracker};
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";
const HOST: (&str, &str) = ("host", "ml.test:5000");
const DAY_MS: u64 = 24 * 3_600 * 1_000;

/// A project with one run, for a file that is uploaded in parts.
struct Uploads {
    tracker: Tracker,
    run: String,
    /// The root of the run's artifacts in the store.
    root: String,
}

/// An upload in progress.
struct Upload {
    id: String,
    credentials: Vec<Value>,
}

impl Uploads {
    fn fresh() -> Self {
        Self::of(Tracker::fresh())
    }

    fn of(tracker: Tracker) -> Self {
        let run = tracker.run("0", 1);
        let root = format!("0/{run}/artifacts");
        Self { tracker, run, root }
    }

    fn ask(&self, what: &str, body: &Value) -> File {
        let path = format!("/api/2.0/{what}/{}/dir", self.root);
        self.tracker.file("POST", &path, &[HOST], body.to_string())
    }

    fn try_begin(&self, parts: &Value) -> File {
        self.ask(
            "mlflow-artifacts/mpu/create",
            &json!({"path": "/home/ada/a.bin", "num_parts": parts}),
        )
    }

    #[track_caller]
    fn begin(&self, parts: usize) -> Upload {
        let created: Value = serde_json::from_str(&self.try_begin(&json!(parts)).ok()).unwrap();
        let credentials = created["credentials"].as_array().unwrap().clone();
        assert_eq!(credentials.len(), parts);
        let id = created["upload_id"].as_str().unwrap().to_owned();
        Upload { id, credentials }
    }

    /// Sends a part as a client does: with the given address and headers.
    fn send(&self, upload: &Upload, number: usize, contents: &'static str) -> File {
        let (url, token) = upload.credential(number);
        self.tracker.anonymous("PUT", url, &[token], contents)
    }

    /// Sends parts in this order. Returns their numbers and ETags, in the order of their numbers.
    #[track_caller]
    fn send_all(&self, upload: &Upload, parts: &[(usize, &'static str)]) -> Vec<Value> {
        let mut named: Vec<(usize, Value)> = Vec::new();
        for (number, contents) in parts {
            let sent = self.send(upload, *number, contents);
            assert_eq!(sent.status, 200, "{}", sent.text());
            let (url, _) = upload.credential(*number);
            let etag = sent.headers["etag"].to_str().unwrap();
            named.push((*number, json!({"part_number": number, "etag": etag, "url": url})));
        }
        named.sort_by_key(|(number, _)| *number);
        named.into_iter().map(|(_, part)| part).collect()
    }

    fn complete(&self, upload: &Upload, parts: &[Value]) -> File {
        let body = json!({"path": "/home/ada/a.bin", "upload_id": upload.id, "parts": parts});
        self.ask("mlflow-artifacts/mpu/complete", &body)
    }

    fn abort(&self, upload: &Upload) -> File {
        self.ask(
            "mlflow-artifacts/mpu/abort",
            &json!({"path": "/home/ada/a.bin", "upload_id": upload.id}),
        )
    }

    fn download(&self) -> File {
        let path = format!("{STORE}/{}/dir/a.bin", self.root);
        self.tracker.file("GET", &path, &[], "")
    }

    fn is_there(&self) -> bool {
        self.download().status == 200
    }
}

impl Upload {
    fn credential(&self, number: usize) -> (&str, (&'static str, &str)) {
        let credential = &self.credentials[number - 1];
        assert_eq!(credential["part_number"], number);
        let headers = credential["headers"].as_object().unwrap();
        assert_eq!(headers.len(), 1);
        let token = headers["x-mlforge-upload-token"].as_str().unwrap();
        (credential["url"].as_str().unwrap(), ("x-mlforge-upload-token", token))
    }
}

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

#[test]
fn the_parts_of_a_file_do_not_exceed_the_size_of_a_file_together() {
    let limits = Limits {
        file_bytes_max: 10,
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let upload = uploads.begin(2);
    uploads.send_all(&upload, &[(1, "123456")]);
    assert_eq!(uploads.send(&upload, 2, "12345").status, 413);
    uploads.send_all(&upload, &[(1, "1234567890")]);
    assert_eq!(uploads.send(&upload, 2, "1").status, 413);
    let parts = uploads.send_all(&upload, &[(1, "123456"), (2, "1234")]);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "1234561234");
}

#[test]
fn parts_count_towards_the_quota_and_can_always_be_completed() {
    let limits = Limits {
        project_bytes_max: 10,
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let (upload, other) = (uploads.begin(2), uploads.begin(1));
    let parts = uploads.send_all(&upload, &[(1, "12345"), (2, "67890")]);
    assert_eq!(uploads.send(&other, 1, "x").status, 413);
    uploads.complete(&upload, &parts).ok();
    assert_eq!(uploads.download().ok(), "1234567890");
    assert_eq!(uploads.send(&other, 1, "x").status, 413);
    let path = format!("{STORE}/{}/dir/a.bin", uploads.root);
    uploads.tracker.file("DELETE", &path, &[], "").ok();
    uploads.send_all(&other, &[(1, "1234567890")]);
}

#[test]
fn concurrent_parts_do_not_exceed_the_quota() {
    let limits = Limits {
        project_bytes_max: 10,
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let upload = uploads.begin(20);
    let send = &|number: usize| uploads.send(&upload, number, "1234").status;
    let kept = std::thread::scope(|scope| {
        let all: Vec<_> = (1..=20).map(|number| scope.spawn(move || send(number))).collect();
        let statuses = all.into_iter().map(|one| one.join().unwrap());
        statuses.filter(|status| *status == 200).count()
    });
    assert!(kept <= 2, "{kept}");
    assert_eq!(uploads.tracker.kept(&format!("p/{}", upload.id)).len(), kept);
}

// Each request checks the parts of the others before its own bytes come. Parts that are too large together
// are refused at the end.
#[test]
fn concurrent_parts_do_not_exceed_the_size_of_a_file() {
    let limits = Limits {
        file_bytes_max: 10,
        ..Limits::default()
    };
    let uploads = Uploads::of(Tracker::with(|builder| builder.limits(limits)));
    let upload = uploads.begin(8);
    let send = &|number: usize| {
        let sent = uploads.send(&upload, number, "1234");
        let etag = sent.headers.get("etag").map(|etag| etag.to_str().unwrap().to_owned());
        json!({"part_number": number, "etag": etag.unwrap_or_else(|| "a".repeat(64))})
    };
    let parts: Vec<Value> = std::thread::scope(|scope| {
        let all: Vec<_> = (1..=8).map(|number| scope.spawn(move || send(number))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let refused = uploads.complete(&upload, &parts).status;
    assert!([400, 413].contains(&refused), "{refused}");
    assert!(!uploads.is_there());
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
