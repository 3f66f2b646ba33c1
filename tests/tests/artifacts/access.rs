//! Rights to files, of readers and of other projects.

use serde_json::json;

use super::{Artifacts, STORE};

#[test]
fn a_reader_may_download_but_not_upload_or_delete() {
    let artifacts = Artifacts::with_file("a", "x");
    let (run, root) = (artifacts.run.clone(), artifacts.root.clone());
    let reader = Artifacts {
        tracker: artifacts.tracker.as_reader(),
        run,
        root,
    };
    assert_eq!(reader.text("a"), "x");
    assert_eq!(reader.names(""), ["a"]);
    assert_eq!(reader.put("b", "x").status, 403);
    assert_eq!(reader.ask("DELETE", "a", &[]).status, 403);
    let page = format!("/ajax-api/2.0/mlflow/upload-artifact?run_id={}&path=b", reader.run);
    assert_eq!(reader.tracker.file("POST", &page, &[], "x").status, 403);
    assert_eq!(reader.names(""), ["a"]);
}

#[test]
fn files_of_another_project_are_not_found() {
    let mut artifacts = Artifacts::with_file("a", "x");
    let (path, run) = (format!("{STORE}/{}/a", artifacts.root), artifacts.run.clone());
    artifacts.tracker.in_project(2, |other| {
        assert_eq!(other.file("GET", &path, &[], "").status, 404);
        assert_eq!(other.file("PUT", &path, &[], "x").status, 400);
        assert_eq!(other.file("DELETE", &path, &[], "").status, 400);
        assert_eq!(
            other
                .file("GET", &format!("/get-artifact?run_id={run}&path=a"), &[], "")
                .status,
            404
        );
        assert_eq!(other.send("GET", STORE, "").ok(), json!({}));
    });
    assert_eq!(artifacts.text("a"), "x");
}
