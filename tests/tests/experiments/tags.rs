//! The tags of experiments.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

#[test]
fn tags_are_set_overwritten_and_deleted() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    let set = |key: &str, value: &str| {
        tracker.post(
            "experiments/set-experiment-tag",
            json!({"experiment_id": id, "key": key, "value": value}),
        )
    };
    set("k", "1").ok();
    set("k", "2").ok();
    set("ü/b c", "").ok();
    let tags = || tracker.get("experiments/get?experiment_id=1").ok()["experiment"]["tags"].take();
    assert_eq!(
        tags(),
        json!([{"key": "k", "value": "2"}, {"key": "ü/b c", "value": ""}])
    );
    tracker
        .post(
            "experiments/delete-experiment-tag",
            json!({"experiment_id": id, "key": "k"}),
        )
        .ok();
    assert_eq!(tags(), json!([{"key": "ü/b c", "value": ""}]));
    tracker
        .post(
            "experiments/delete-experiment-tag",
            json!({"experiment_id": id, "key": "k"}),
        )
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    set("a@b", "v").fails(400, "INVALID_PARAMETER_VALUE");
    set("k", &"x".repeat(20_001)).fails(400, "INVALID_PARAMETER_VALUE");
    set("k", &"x".repeat(20_000)).ok();
}
