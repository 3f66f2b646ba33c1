//! Artifacts: accepted locations, unchanged contents, whole uploads, and refused paths.

mod access;
mod downloads;
mod files;
mod listings;
mod owners;
mod paths;

use bytes::Bytes;
use mlforge_tests::tracker::{File, Tracker};
use serde_json::Value;

const STORE: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// A project with one run.
struct Artifacts {
    tracker: Tracker,
    run: String,
    /// The root of the run's artifacts in the store.
    root: String,
}

impl Artifacts {
    fn fresh() -> Self {
        let tracker = Tracker::fresh();
        let run = tracker.run("0", 1);
        let root = format!("0/{run}/artifacts");
        assert_eq!(
            tracker.read(&run)["info"]["artifact_uri"],
            format!("mlflow-artifacts:/{root}")
        );
        Artifacts { tracker, run, root }
    }

    fn with_file(name: &str, contents: &'static str) -> Self {
        let artifacts = Artifacts::fresh();
        artifacts.put(name, contents).ok();
        artifacts
    }

    fn put(&self, name: &str, contents: impl Into<Bytes>) -> File {
        let path = format!("{STORE}/{}/{name}", self.root);
        self.tracker.file("PUT", &path, &[], contents)
    }

    fn ask(&self, method: &str, name: &str, headers: &[(&'static str, &str)]) -> File {
        let path = format!("{STORE}/{}/{name}", self.root);
        self.tracker.file(method, &path, headers, "")
    }

    fn text(&self, name: &str) -> String {
        self.ask("GET", name, &[]).ok()
    }

    /// The names in a directory of the run; those of directories end with a slash.
    fn names(&self, directory: &str) -> Vec<String> {
        let path = format!("{STORE}?path={}/{directory}", self.root);
        let listing = self.tracker.send("GET", &path, "").ok();
        let files = listing["files"].as_array().cloned().unwrap_or_default();
        let name = |file: &Value| match file["is_dir"].as_bool().unwrap() {
            true => format!("{}/", file["path"].as_str().unwrap()),
            false => file["path"].as_str().unwrap().to_owned(),
        };
        files.iter().map(name).collect()
    }
}
