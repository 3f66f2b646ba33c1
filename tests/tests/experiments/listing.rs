//! Listing experiments page by page.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::json;

use super::names;

#[test]
fn default_is_older_than_the_experiment_that_is_made_first() {
    for first in ["experiments/create", "registered-models/create", "runs/create"] {
        let tracker = Tracker::fresh();
        tracker.post(first, json!({"name": "a", "experiment_id": "0"})).ok();
        let default = tracker.get("experiments/get?experiment_id=0").ok()["experiment"].take();
        let made = json!(NOW_MS - 1);
        assert_eq!(
            (&default["creation_time"], &default["last_update_time"]),
            (&made, &made)
        );
        tracker.experiment("next");
        let all = tracker.post("experiments/search", json!({"max_results": 10})).ok();
        assert_eq!(names(&all).last(), Some(&"Default"), "{first}");
    }
}

#[test]
fn a_listing_is_newest_first_then_by_number_and_pages_have_no_gap_or_duplicate() {
    let tracker = Tracker::fresh();
    for number in 1..=7 {
        tracker.experiment(&format!("e{number}"));
    }
    tracker.post("experiments/delete", json!({"experiment_id": "3"})).ok();
    for (view, count) in [("ACTIVE_ONLY", 7), ("DELETED_ONLY", 1), ("ALL", 8)] {
        let whole = tracker
            .post("experiments/search", json!({"max_results": 50, "view_type": view}))
            .ok();
        assert_eq!(names(&whole).len(), count);
        let (mut walked, mut token) = (Vec::new(), json!(""));
        while !token.is_null() {
            let query = json!({"max_results": 3, "view_type": view, "page_token": token});
            let page = tracker.post("experiments/search", query).ok();
            walked.extend(page["experiments"].as_array().cloned().unwrap_or_default());
            token = page["next_page_token"].clone();
        }
        assert_eq!(json!(walked), whole["experiments"], "{view}");
    }
}

#[test]
fn a_listing_works_by_get_and_requires_a_page_size() {
    let tracker = Tracker::fresh();
    tracker.experiment("a");
    assert_eq!(
        names(&tracker.get("experiments/search?max_results=1&view_type=ALL").ok()).len(),
        1
    );
    for size in [json!(null), json!(0), json!(-1), json!(50_001), json!("x")] {
        tracker
            .post("experiments/search", json!({"max_results": size}))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    for wrong in [
        json!({"page_token": "zz"}),
        json!({"page_token": "00"}),
        json!({"view_type": "SOME"}),
    ] {
        let mut query = wrong;
        query["max_results"] = json!(10);
        tracker
            .post("experiments/search", query)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
}
