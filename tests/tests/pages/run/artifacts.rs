//! The page of a run's files.

use mlforge_tests::tracker::Tracker;

use super::super::page;
use super::put;

fn with_files(files: &[(&str, &'static str)]) -> (Tracker, String) {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for (path, contents) in files {
        put(&tracker, &run, path, *contents);
    }
    let address = format!("candidates/{run}/artifacts");
    (tracker, address)
}

#[test]
fn a_run_without_files_teaches_how_to_log_one() {
    let (tracker, address) = with_files(&[]);
    page(&tracker, &address).ok().shows("mlflow.log_artifact");
}

#[test]
fn one_directory_is_shown_at_a_time() {
    let (tracker, address) = with_files(&[
        ("model/MLmodel", "x"),
        ("model/data/w.bin", "12345"),
        ("train.log", "abc"),
    ]);
    page(&tracker, &address)
        .ok()
        .shows("path=model\"")
        .shows("3 B")
        .hides("w.bin")
        .hides("promote?path");
    page(&tracker, &format!("{address}?path=model"))
        .ok()
        .shows("path=model%2Fdata\"")
        .shows("promote?path=model")
        .shows("archive?path=model")
        .hides("train.log");
    page(&tracker, &format!("{address}?path=model/data/"))
        .ok()
        .shows("w.bin")
        .shows("5 B");
    assert_eq!(page(&tracker, &format!("{address}?path=nothing")).status, 404);
    assert_eq!(page(&tracker, &format!("{address}?path=../x")).status, 400);
}

#[test]
fn a_large_directory_comes_in_pages() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for number in 0..205 {
        put(&tracker, &run, &format!("f{number:03}"), "x");
    }
    let address = format!("candidates/{run}/artifacts");
    page(&tracker, &address)
        .ok()
        .shows("f199")
        .hides("f200")
        .shows("after=f199");
    page(&tracker, &format!("{address}?after=f199"))
        .ok()
        .shows("f204")
        .hides("f199<");
}

#[test]
fn a_file_is_previewed_by_its_name() {
    let (tracker, address) = with_files(&[
        ("a.txt", "plain <b>"),
        ("a.csv", "x,y\n1,\"a,b\"\n"),
        ("a.json", "{\"b\":[1.10]}"),
        ("a.md", "# Title"),
        ("a.html", "<b>bold</b>"),
        ("a.png", "not really"),
        ("a.wav", "nor this"),
        (
            "model/MLmodel",
            "flavors:\n  python_function:\n    env: x\n  sklearn:\n    y: 1\nrun_id: z\n",
        ),
        ("a.bin", "\0\u{1}"),
    ]);
    let shown = |path: &str| page(&tracker, &format!("{address}?path={path}")).ok();
    shown("a.txt").shows("plain &lt;b&gt;").shows("/raw/a.txt");
    shown("a.csv").shows("<bdi>a,b</bdi>").shows("<bdi>y</bdi></th>");
    shown("a.json").shows("{\n  &quot;b&quot;: [\n    1.10\n  ]\n}");
    shown("a.md").shows("Title</h3>");
    shown("a.html").shows("&lt;b&gt;bold").hides("<b>");
    shown("a.png").shows("<img src=\"").shows("/raw/a.png\"");
    shown("a.wav").shows("<audio controls");
    shown("model/MLmodel")
        .shows(">python_function<")
        .shows(">sklearn<")
        .hides("<bdi>env</bdi>");
    shown("a.bin").shows("cannot be shown here");
}

#[test]
fn files_that_are_kept_elsewhere_are_not_listed() {
    let tracker = Tracker::allowing_sources(&["s3"]);
    let experiment = serde_json::json!({"name": "far", "artifact_location": "s3://bucket/x"});
    let made = tracker.post("experiments/create", experiment).ok();
    let run = tracker.run(made["experiment_id"].as_str().unwrap(), 1);
    page(&tracker, &format!("candidates/{run}/artifacts"))
        .ok()
        .shows("are not kept by this server");
    page(&tracker, &format!("candidates/{run}")).ok().shows("s3://bucket/x");
}
