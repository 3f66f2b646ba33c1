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
    shown("a.html")
        .shows("/raw/a.html?in=frame\" title=\"a.html\" sandbox=\"\"")
        .shows("/raw/a.html\"")
        .hides("bold");
    shown("a.png").shows("<img src=\"").shows("/raw/a.png\"");
    shown("a.wav").shows("<audio controls");
    shown("model/MLmodel")
        .shows(">python_function<")
        .shows(">sklearn<")
        .shows("mlflow.pyfunc.load_model(&quot;runs:/")
        .shows("<bdi>env</bdi>: ");
    shown("a.bin").shows("cannot be shown here");
}

#[test]
fn lines_of_json_are_a_table_if_each_is_an_object() {
    let (tracker, address) = with_files(&[
        ("a.jsonl", "{\"x\":1,\"y\":\"<b>\"}\n\n{\"y\":[2],\"z\":null}\n"),
        ("b.ndjson", "{\"x\":1}\n[2]\n"),
        ("empty.jsonl", ""),
    ]);
    let shown = |path: &str| page(&tracker, &format!("{address}?path={path}")).ok();
    shown("a.jsonl")
        .shows("<bdi>x</bdi></th>")
        .shows("<bdi>z</bdi></th>")
        .shows("<bdi>&lt;b&gt;</bdi>")
        .shows("<bdi>[2]</bdi>")
        .shows("<bdi>null</bdi>");
    shown("b.ndjson")
        .hides("<bdi>x</bdi></th>")
        .shows("{&quot;x&quot;:1}\n[2]");
    shown("empty.jsonl").hides("<th");
}

#[test]
fn a_saved_model_is_described() {
    let model = "flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n    env:\n      conda: c.yaml\n  sklearn:\n    \
                 sklearn_version: 1.6.1\nmlflow_version: 2.22.5\nmodel_size_bytes: 2048\nsignature:\n  inputs: \
                 '[{\"type\": \"double\", \"name\": \"<b>width\", \"required\": false},\n    {\"type\": \"long\", \"name\": \
                 \"height\"}]'\n  outputs: '[{\"type\": \"tensor\", \"tensor-spec\": {\"dtype\": \"float64\", \"shape\": [-1]}}]'\n";
    let (tracker, address) = with_files(&[("model/MLmodel", model)]);
    page(&tracker, &format!("{address}?path=model/MLmodel"))
        .ok()
        .shows("Saved model")
        .shows("MLflow <bdi>2.22.5</bdi>")
        .shows("2.0 KB")
        .shows("<bdi>mlflow.sklearn</bdi>")
        .shows("<bdi>&lt;b&gt;width</bdi>")
        .shows("optional")
        .shows("<bdi>tensor float64 [-1]</bdi>")
        .hides("<bdi>c.yaml</bdi>");
    let page = super::super::page_in(&tracker, &format!("{address}?path=model/MLmodel"), "ko").ok();
    page.shows("저장된 모델");
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
