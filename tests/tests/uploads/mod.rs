//! Uploads in parts. Parts may come concurrently, in any order and without an access token. The file exists
//! after the upload is completed, and nothing of it before.

mod access;
mod completion;
mod direct;
mod removal;
mod sizes;
mod tokens;

use mlforge_tests::tracker::{File, Tracker};
use serde_json::{Value, json};

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";

const HOST: (&str, &str) = ("host", "ml.test:5000");

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
