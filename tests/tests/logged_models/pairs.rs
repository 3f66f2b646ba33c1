//! The tags and params of logged models.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{create, id, log_params, read, set_tags};

#[test]
fn tags_are_overwritten_and_removed() {
    let tracker = Tracker::fresh();
    let model_id = id(&create(&tracker, json!({"tags": [{"key": "a", "value": "1"}]})));
    set_tags(
        &tracker,
        &model_id,
        json!([{"key": "a", "value": "2"}, {"key": "b/c d", "value": "ü"}]),
    )
    .ok();
    let tags = json!([{"key": "a", "value": "2"}, {"key": "b/c d", "value": "ü"}]);
    assert_eq!(read(&tracker, &model_id)["info"]["tags"], tags);
    for (tag_key, status) in [("b/c%20d", 200), ("a", 200), ("a", 404), ("b%2Fc%20d", 404)] {
        let reply = tracker.delete(&format!("logged-models/{model_id}/tags/{tag_key}"), json!({}));
        assert_eq!(reply.status, status, "{tag_key}");
    }
    assert_eq!(read(&tracker, &model_id)["info"].get("tags"), None);
}

#[test]
fn a_param_keeps_its_first_value() {
    let tracker = Tracker::fresh();
    let model_id = id(&create(&tracker, json!({"params": [{"key": "a", "value": "1"}]})));
    for _ in 0..2 {
        log_params(
            &tracker,
            &model_id,
            json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]),
        )
        .ok();
    }
    log_params(
        &tracker,
        &model_id,
        json!([{"key": "c", "value": "3"}, {"key": "a", "value": "9"}]),
    )
    .fails(400, "INVALID_PARAMETER_VALUE");
    let params = json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    assert_eq!(read(&tracker, &model_id)["data"]["params"], params);
}
