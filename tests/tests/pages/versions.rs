//! The page of a version, and the forms that create and change one.

use mlforge::forge::Job;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{Page, page, submit};

fn with_version() -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    tracker.version("m", Some("1.4.0"));
    tracker
}

fn run_of(version: &Value) -> String {
    version["run_id"].as_str().unwrap().to_owned()
}

/// Posts files as a browser does: name and contents of each.
fn upload(tracker: &Tracker, path: &str, directory: &str, files: &[(&str, &[u8])]) -> Page {
    let token = page(tracker, "experiments/new").form_token();
    let mut body = Vec::new();
    for (name, value) in [("form_token", token.as_str()), ("directory", directory)] {
        let part = format!("--bound\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for (name, contents) in files {
        let head = format!("--bound\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(contents);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--bound--\r\n");
    let headers = [
        ("accept", "text/html"),
        ("content-type", "multipart/form-data; boundary=bound"),
        ("host", "ml.test"),
    ];
    Page::of(tracker.file("POST", &format!("/-/ml/{path}"), &headers, body))
}

#[test]
fn a_version_shows_what_its_run_logged_and_how_to_load_it() {
    let tracker = with_version();
    let run = run_of(&tracker.read_version("m", "1"));
    let batch = json!({
        "run_id": run,
        "metrics": [{"key": "val_acc", "value": 0.93119, "timestamp": 1, "step": 12_000}],
        "params": [{"key": "lr", "value": "3e-4"}],
        "tags": [{"key": "mlflow.note.content", "value": "the *note* of the run"}],
    });
    tracker.post("runs/log-batch", batch).ok();
    let shown = page(&tracker, "models/1/versions/1").ok();
    let shown = shown
        .shows("title=\"0.93119\"")
        .shows("0.9312")
        .shows("@ 12,000")
        .shows(&format!("candidates/{run}/metric?key=val_acc"))
        .shows("3e-4")
        .shows("mlflow.pyfunc.load_model(&quot;models:/m/1.4.0&quot;)")
        .shows("export MLFLOW_TRACKING_URI=http://ml.test/api/v4/projects/1/ml/mlflow")
        .shows(&format!("candidates/{run}\""))
        // Without a description, the run's note is the card.
        .shows("<em>note</em>");
    assert_eq!(shown.html.matches("Comes from").count(), 1);
    submit(&tracker, "models/1/versions/1/edit", &[("description", "a card")]).leads_to();
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("a card")
        .hides("<em>note</em>");
    // A semantic version names it too.
    page(&tracker, "models/1/versions/1.4.0").ok().shows("a card");
    for missing in ["models/1/versions/2", "models/1/versions/9.9.9", "models/2/versions/1"] {
        assert_eq!(page(&tracker, missing).status, 404, "{missing}");
    }
}

#[test]
fn a_version_has_the_extremes_of_its_metrics_and_describes_its_model() {
    let tracker = with_version();
    let version = tracker.read_version("m", "1");
    let run = run_of(&version);
    let point = |value: f64, step: i64| json!({"key": "loss", "value": value, "timestamp": step, "step": step});
    let points = [point(0.5, 1), point(0.125, 2), point(0.25, 3)];
    let batch = json!({"run_id": run, "metrics": points});
    tracker.post("runs/log-batch", batch).ok();
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("Lowest")
        .shows("title=\"0.125\"")
        .shows("title=\"0.5\"")
        .hides("Saved model");
    let file = |name: &'static str, contents: &'static str| (name, contents.as_bytes());
    let files = [
        file("MLmodel", "flavors:\n  sklearn:\n    sklearn_version: 1.6.1\n"),
        file("requirements.txt", "# made by mlflow\nmlflow==2.22.5\nscikit-learn\n"),
    ];
    upload(&tracker, "models/1/versions/1/upload", "", &files).leads_to();
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("Saved model")
        .shows("<bdi>1.6.1</bdi>")
        .shows("<bdi>mlflow==2.22.5\nscikit-learn</bdi>");
}

#[test]
fn a_run_with_very_many_results_is_shown_in_part() {
    let tracker = with_version();
    let run = run_of(&tracker.read_version("m", "1"));
    for hundred in 0..10 {
        let key = |number: usize| format!("{}{:04}", "k".repeat(100), hundred * 100 + number);
        let metrics: Vec<Value> = (0..100)
            .map(|number| json!({"key": key(number), "value": 0.1, "timestamp": 1, "step": 1}))
            .collect();
        let params: Vec<Value> = (0..100)
            .map(|number| json!({"key": key(number), "value": "v".repeat(500)}))
            .collect();
        let batch = json!({"run_id": run, "metrics": metrics, "params": params});
        tracker.post("runs/log-batch", batch).ok();
    }
    let shown = page(&tracker, "models/1/versions/1").ok().shows("All 1,000 in the run");
    assert!(shown.html.len() < 150_000, "{} bytes", shown.html.len());
}

#[test]
fn a_version_is_created_by_a_form() {
    let tracker = with_version();
    page(&tracker, "models/1/versions/new").ok().shows("value=\"1.4.1\"");
    let fields = [("semver", "2.0.0-rc.1"), ("description", "try")];
    assert_eq!(
        submit(&tracker, "models/1/versions", &fields).leads_to(),
        "models/1/versions/2"
    );
    assert_eq!(tracker.read_version("m", "2.0.0-rc.1")["description"], "try");
    let next = submit(&tracker, "models/1/versions", &[("semver", ""), ("description", "")]);
    assert_eq!(next.leads_to(), "models/1/versions/3");
    for refused in ["2.0.0-rc.1", "v1"] {
        let page = submit(
            &tracker,
            "models/1/versions",
            &[("semver", refused), ("description", "kept")],
        );
        assert_eq!(page.status, 400);
        page.shows("role=\"alert\"")
            .shows(&format!("value=\"{refused}\""))
            .shows("kept");
    }
}

#[test]
fn aliases_are_set_moved_and_removed_by_forms() {
    let tracker = with_version();
    tracker.version("m", None);
    let set = |version: u32, alias: &str| {
        submit(
            &tracker,
            &format!("models/1/versions/{version}/aliases"),
            &[("alias", alias)],
        )
    };
    assert_eq!(set(1, "@champion").leads_to(), "models/1/versions/1#aliases");
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("Remove champion")
        .shows("models:/m@champion");
    set(2, "champion").leads_to();
    page(&tracker, "models/1/versions/1").ok().hides("champion");
    // The page of version 1 is old by now: it takes nothing away from version 2.
    let remove = |version: u32| {
        submit(
            &tracker,
            &format!("models/1/versions/{version}/aliases/delete"),
            &[("alias", "champion")],
        )
    };
    remove(1).leads_to();
    page(&tracker, "models/1").ok().shows("@champion").shows("Version 2");
    remove(2).leads_to();
    page(&tracker, "models/1/versions/2").ok().hides("champion");
    for refused in ["latest", "v1", "a b", ""] {
        let page = set(1, refused);
        assert_eq!(page.status, 400, "{refused}");
        page.shows("role=\"alert\"")
            .shows(&format!("name=\"alias\" value=\"{refused}\""));
    }
}

#[test]
fn a_version_moves_to_a_stage_and_may_archive_the_others() {
    let tracker = with_version();
    tracker.version("m", None);
    let to =
        |version: u32, fields: &[(&str, &str)]| submit(&tracker, &format!("models/1/versions/{version}/stage"), fields);
    assert_eq!(
        to(1, &[("stage", "Production")]).leads_to(),
        "models/1/versions/1#details"
    );
    to(2, &[("stage", "Production"), ("archive", "yes")]).leads_to();
    assert_eq!(tracker.read_version("m", "1")["current_stage"], "Archived");
    page(&tracker, "models/1/versions/2")
        .ok()
        .shows("value=\"Production\" selected");
    assert_eq!(to(2, &[("stage", "Nowhere")]).status, 400);
}

#[test]
fn tags_of_a_version_are_set_and_removed_but_not_its_semantic_version() {
    let tracker = with_version();
    let set = |key: &str| submit(&tracker, "models/1/versions/1/tags", &[("key", key), ("value", "v42")]);
    assert_eq!(set("team").leads_to(), "models/1/versions/1#tags");
    page(&tracker, "models/1/versions/1").ok().shows("v42");
    for key in ["gitlab.version", "mlforge.ci.url", "a@b"] {
        let refused = set(key);
        assert_eq!(refused.status, 400, "{key}");
        refused.shows("role=\"alert\"");
    }
    let remove = |key: &str| submit(&tracker, "models/1/versions/1/tags/delete", &[("key", key)]);
    assert_eq!(remove("team").leads_to(), "models/1/versions/1#tags");
    assert_eq!(remove("gitlab.version").status, 400);
    page(&tracker, "models/1/versions/1").ok().hides("v42");
}

#[test]
fn a_version_links_the_ci_job_that_a_tag_names() {
    let tracker = with_version();
    tracker.ci().set_job(
        1,
        Job {
            id: "4808".into(),
            name: "train".into(),
            status: "success".into(),
            is_finished: true,
            git_ref: Some("main".into()),
            commit: Some("9f3c2ab1d5e6".into()),
            pipeline: Some("77".into()),
            user: Some("ada".into()),
            merge_request: Some("!87".into()),
            url: Some("https://forge.example/jobs/4808".into()),
            commit_url: Some("https://forge.example/commit/9f3c2ab1d5e6".into()),
            pipeline_url: Some("javascript:alert(1)".into()),
            merge_request_url: Some("https://forge.example/merge_requests/87".into()),
        },
    );
    let tag = [("key", "gitlab.CI_JOB_ID"), ("value", "4808")];
    submit(&tracker, "models/1/versions/1/tags", &tag).leads_to();
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("href=\"https://forge.example/jobs/4808\"")
        .shows("href=\"https://forge.example/commit/9f3c2ab1d5e6\"")
        .shows("href=\"https://forge.example/merge_requests/87\"")
        .shows("<bdi>9f3c2ab1</bdi>")
        .shows("<bdi>77</bdi>")
        .hides("javascript:");
}

#[test]
fn a_version_is_deleted_after_a_question() {
    let tracker = with_version();
    page(&tracker, "models/1/versions/1/delete")
        .ok()
        .shows("Delete version 1.4.0 of m?");
    assert_eq!(
        submit(&tracker, "models/1/versions/1/delete", &[]).leads_to(),
        "models/1"
    );
    assert_eq!(page(&tracker, "models/1/versions/1").status, 404);
    assert_eq!(submit(&tracker, "models/1/versions/1/delete", &[]).status, 404);
}

#[test]
fn files_are_uploaded_by_a_form_and_listed_by_directory() {
    let tracker = with_version();
    page(&tracker, "models/1/versions/1").ok().shows("No files here");
    page(&tracker, "models/1/versions/1/upload")
        .ok()
        .shows("multipart/form-data");
    let files: [(&str, &[u8]); 2] = [("weights.bin", b"\r\n--boun\0"), ("größe a.txt", b"")];
    let sent = upload(&tracker, "models/1/versions/1/upload", "/onnx/", &files);
    assert_eq!(sent.leads_to(), "models/1/versions/1#files");
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("/models/1/versions/1/artifacts?path=onnx\"")
        .hides("weights.bin");
    page(&tracker, "models/1/versions/1/artifacts?path=onnx")
        .ok()
        .shows("größe a.txt")
        .shows(">9 B<")
        .shows("path=onnx%2Fgr%C3%B6%C3%9Fe%20a.txt\"");
    let file = "/model-versions/get-artifact?name=m&version=1&path=onnx%2Fweights.bin";
    assert_eq!(tracker.file("GET", file, &[], "").bytes.as_ref(), b"\r\n--boun\0");
}

#[test]
fn an_upload_that_is_refused_stores_nothing() {
    let tracker = with_version();
    let path = "models/1/versions/1/upload";
    let bad: [(&str, &[u8]); 2] = [("good.txt", b"1"), ("a/../b", b"2")];
    for files in [&bad[..], &[]] {
        let refused = upload(&tracker, path, "", files);
        assert_eq!(refused.status, 400);
        refused.shows("role=\"alert\"");
    }
    page(&tracker, "models/1/versions/1").ok().shows("No files here");
    let headers = [
        ("accept", "text/html"),
        ("content-type", "multipart/form-data; boundary=b"),
        ("host", "ml.test"),
    ];
    let strange = "--b\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nx\r\n--b--\r\n";
    let refused = tracker.file("POST", &format!("/-/ml/{path}"), &headers, strange);
    assert_eq!(refused.status, 403);
}

#[test]
fn files_that_are_kept_elsewhere_are_named() {
    let tracker = Tracker::allowing_sources(&["s3"]);
    tracker.model("m");
    let body = json!({"name": "m", "source": "s3://bucket/m"});
    tracker.post("model-versions/create", body).ok();
    page(&tracker, "models/1/versions/1")
        .ok()
        .shows("s3://bucket/m")
        .shows("outside this server");
    for below in ["upload", "artifacts", "raw/x", "archive"] {
        assert_eq!(page(&tracker, &format!("models/1/versions/1/{below}")).status, 400);
    }
}
