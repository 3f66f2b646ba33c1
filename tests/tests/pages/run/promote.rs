//! The form that makes a run a version of a model.

use mlforge_tests::tracker::Tracker;

use super::super::{page, submit};
use super::put;

#[test]
fn a_run_becomes_the_first_version_of_a_new_model_and_then_the_next() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    put(&tracker, &run, "model/MLmodel", "x");
    let fields = [
        ("model", " cats "),
        ("version", ""),
        ("source", ""),
        ("description", "Good."),
    ];
    let made = submit(&tracker, &format!("candidates/{run}/promote"), &fields);
    assert_eq!(made.leads_to(), "models/1/versions/1");
    let version = tracker.read_version("cats", "1.0.0");
    assert_eq!(
        (&version["run_id"], &version["description"]),
        (&run.clone().into(), &"Good.".into())
    );
    page(&tracker, &format!("candidates/{run}/promote?path=model"))
        .ok()
        .shows("<option value=\"cats\">")
        .shows(&format!("<option value=\"runs:/{run}/model\" selected>model"));
    let source = format!("runs:/{run}/model");
    let fields = [
        ("model", "cats"),
        ("version", "2.0.0-rc.1"),
        ("source", source.as_str()),
    ];
    let made = submit(&tracker, &format!("candidates/{run}/promote"), &fields);
    assert_eq!(made.leads_to(), "models/1/versions/2");
    assert_eq!(tracker.read_version("cats", "2.0.0-rc.1")["source"], source);
}

#[test]
fn a_mistake_makes_neither_model_nor_version() {
    let tracker = Tracker::fresh();
    let (run, other) = (tracker.run("0", 1), tracker.run("0", 2));
    let of_other = format!("runs:/{other}/model");
    for (model, version, source) in [
        ("", "", ""),
        ("cats", "one", ""),
        ("cats", "", "s3://bucket"),
        ("cats", "", "models:/dogs/1"),
        ("cats", "", of_other.as_str()),
        ("cats", "", "models:/m-00000000000000000000000000000000"),
        ("a/../b", "", ""),
    ] {
        let fields = [("model", model), ("version", version), ("source", source)];
        let refused = submit(&tracker, &format!("candidates/{run}/promote"), &fields);
        assert_eq!(refused.status, 400, "{model} {version} {source}");
        refused.shows("role=\"alert\"");
        assert_eq!(tracker.get("registered-models/get?name=cats").status, 404);
    }
    tracker.model("cats");
    tracker.version("cats", Some("1.0.0"));
    let fields = [("model", "cats"), ("version", "1.0.0"), ("source", "")];
    let taken = submit(&tracker, &format!("candidates/{run}/promote"), &fields);
    assert_eq!(taken.status, 400);
    taken.shows("already exists").shows("value=\"1.0.0\"");
}
