//! Params of runs.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::value;

#[test]
fn a_param_is_set_once_and_may_be_repeated_with_the_same_value() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |value: &str| tracker.post("runs/log-parameter", json!({"run_id": run, "key": "p", "value": value}));
    log("1").ok();
    log("1").ok();
    let refused = log("2").fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(
        refused,
        format!(
            "Changing param values is not allowed. Param with key='p' was already logged with value='1' for run ID='{run}'. \
             Attempted logging new value '2'."
        )
    );
    assert_eq!(value(&tracker.read(&run), "params", "p"), "1");
}

#[test]
fn long_values_of_params_and_tags_are_cut() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let long = "ü".repeat(9_000);
    for _ in 0..2 {
        tracker
            .post("runs/log-parameter", json!({"run_id": run, "key": "k", "value": long}))
            .ok();
        tracker
            .post("runs/set-tag", json!({"run_id": run, "key": "k", "value": long}))
            .ok();
    }
    let read = tracker.read(&run);
    assert_eq!(value(&read, "params", "k"), "ü".repeat(6_000));
    assert_eq!(value(&read, "tags", "k"), "ü".repeat(8_000));
}

#[test]
fn the_messages_of_refused_params_name_the_stored_value() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let batch = |value: &str| {
        let params = json!([{"key": "p", "value": value}, {"key": "q", "value": value}]);
        tracker.post("runs/log-batch", json!({"run_id": run, "params": params}))
    };
    batch("1").ok();
    let refused = batch("9").fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        refused.contains("[{'key': 'p', 'old_value': '1', 'new_value': '9'}, {'key': 'q'"),
        "{refused}"
    );
    let twins = json!({"run_id": run, "params": [{"key": "dd", "value": "1"}, {"key": "dd", "value": "1"}]});
    let refused = tracker
        .post("runs/log-batch", twins)
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        refused.starts_with("Duplicate parameter keys have been submitted: ['dd']."),
        "{refused}"
    );
    let nameless =
        json!({"run_id": run, "metrics": [{"key": "m", "value": 1, "timestamp": 1}, {"value": 1, "timestamp": 1}]});
    let refused = tracker
        .post("runs/log-batch", nameless)
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        refused.starts_with("Missing value for required parameter 'metrics[1].key'."),
        "{refused}"
    );
}
