//! `experiments/…`

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

fn names(page: &Value) -> Vec<&str> {
    let experiments = page["experiments"].as_array().map(Vec::as_slice).unwrap_or_default();
    experiments
        .iter()
        .map(|experiment| experiment["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_experiment_default_exists_before_any_write() {
    let tracker = Tracker::fresh().as_reader();
    let by_id = tracker.get("experiments/get?experiment_id=0").ok();
    assert_eq!(by_id["experiment"]["name"], "Default");
    assert_eq!(by_id["experiment"]["artifact_location"], "mlflow-artifacts:/0");
    assert_eq!(
        tracker.get("experiments/get-by-name?experiment_name=Default").ok(),
        by_id
    );
    assert_eq!(
        names(&tracker.post("experiments/search", json!({"max_results": 10})).ok()),
        ["Default"]
    );
}

#[test]
fn a_created_experiment_is_read_by_id_and_name() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("vision");
    assert_eq!(id, "1");
    let experiment = tracker.get("experiments/get?experiment_id=1").ok();
    let expected = json!({"experiment": {
        "experiment_id": "1", "name": "vision", "artifact_location": "mlflow-artifacts:/1",
        "lifecycle_stage": "active", "last_update_time": NOW_MS, "creation_time": NOW_MS,
    }});
    assert_eq!(experiment, expected);
    assert_eq!(
        tracker.get("experiments/get-by-name?experiment_name=vision").ok(),
        expected
    );
}

#[test]
fn a_creation_keeps_tags_and_location() {
    let tracker = Tracker::fresh();
    let body =
        json!({"name": "a", "artifact_location": "s3://bucket/a", "tags": [{"key": "k", "value": "v"}, {"key": "e"}]});
    tracker.post("experiments/create", body).ok();
    let experiment = tracker.get("experiments/get?experiment_id=1").ok()["experiment"].take();
    assert_eq!(experiment["artifact_location"], "s3://bucket/a");
    assert_eq!(
        experiment["tags"],
        json!([{"key": "e", "value": ""}, {"key": "k", "value": "v"}])
    );
    let run = tracker.run("1", 1);
    assert_eq!(
        tracker.read(&run)["info"]["artifact_uri"],
        format!("s3://bucket/a/{run}/artifacts")
    );
}

#[test]
fn a_location_has_no_fragment_query_or_parent_segment() {
    let tracker = Tracker::fresh();
    for location in ["a#b", "a?b", "s3://b/../c", "mlflow-artifacts:/../0", "a\nb", "x;y"] {
        let refused = tracker.post(
            "experiments/create",
            json!({"name": "a", "artifact_location": location}),
        );
        assert!(
            refused
                .fails(400, "INVALID_PARAMETER_VALUE")
                .contains("artifact_location")
        );
    }
}

#[test]
fn a_name_is_taken_once_also_by_a_deleted_experiment_and_by_default() {
    let tracker = Tracker::fresh();
    tracker
        .post("experiments/create", json!({"name": "Default"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    let id = tracker.experiment("a");
    tracker
        .post("experiments/create", json!({"name": "a"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    let refused = tracker.post("experiments/create", json!({"name": "a"}));
    assert!(refused.fails(400, "RESOURCE_ALREADY_EXISTS").contains("name=a"));
}

#[test]
fn a_name_is_required_not_blank_and_at_most_500_characters() {
    let tracker = Tracker::fresh();
    for name in [json!(null), json!(""), json!(" \t"), json!("x".repeat(501)), json!(5)] {
        tracker
            .post("experiments/create", json!({"name": name}))
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker
        .post("experiments/create", json!({"name": "ü".repeat(500)}))
        .ok();
}

#[test]
fn an_unknown_experiment_is_404_and_an_invalid_id_400() {
    let tracker = Tracker::fresh();
    assert_eq!(
        tracker
            .get("experiments/get?experiment_id=7")
            .fails(404, "RESOURCE_DOES_NOT_EXIST"),
        "No Experiment with id=7 exists"
    );
    tracker
        .get("experiments/get-by-name?experiment_name=none")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker
        .get("experiments/get?experiment_id=abc")
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker.get("experiments/get").fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .get("experiments/get-by-name")
        .fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_rename_frees_the_old_name_and_keeps_the_rest() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("old");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "new"}))
        .ok();
    assert_eq!(
        tracker.get("experiments/get-by-name?experiment_name=new").ok()["experiment"]["experiment_id"],
        id
    );
    tracker
        .get("experiments/get-by-name?experiment_name=old")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.experiment("old");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "old"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "new"}))
        .ok();
    tracker
        .post("experiments/update", json!({"experiment_id": id}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .post("experiments/update", json!({"experiment_id": "99", "new_name": "x"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn default_can_be_renamed_deleted_and_restored_before_anything_else_is_written() {
    for first in ["update", "delete", "set-experiment-tag"] {
        let tracker = Tracker::fresh();
        let body = json!({"experiment_id": "0", "new_name": "mine", "key": "k", "value": "v"});
        tracker.post(&format!("experiments/{first}"), body).ok();
        assert_eq!(tracker.experiment("next"), "1", "{first}");
        let all = tracker
            .post("experiments/search", json!({"max_results": 10, "view_type": "ALL"}))
            .ok();
        assert_eq!(
            names(&all),
            ["next", if first == "update" { "mine" } else { "Default" }],
            "{first}"
        );
    }
    let tracker = Tracker::fresh();
    tracker.post("experiments/delete", json!({"experiment_id": "0"})).ok();
    assert_eq!(
        tracker.post("experiments/search", json!({"max_results": 10})).ok(),
        json!({})
    );
    tracker.post("experiments/restore", json!({"experiment_id": "0"})).ok();
    assert_eq!(
        names(&tracker.post("experiments/search", json!({"max_results": 10})).ok()),
        ["Default"]
    );
}

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
fn deleting_and_restoring_an_experiment_includes_every_run() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    let (kept, deleted) = (tracker.run(&id, 2), tracker.run(&id, 1));
    tracker.post("runs/delete", json!({"run_id": deleted})).ok();
    let stages = || {
        [&kept, &deleted].map(|run| {
            tracker.read(run)["info"]["lifecycle_stage"]
                .as_str()
                .unwrap()
                .to_owned()
        })
    };
    let found = |view: &str| {
        let page = tracker
            .post("runs/search", json!({"experiment_ids": [id], "run_view_type": view}))
            .ok();
        page["runs"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(
        (stages(), found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")),
        (["active", "deleted"].map(str::to_owned), 1, 1, 2)
    );
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    assert_eq!(
        (stages(), found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")),
        (["deleted", "deleted"].map(str::to_owned), 0, 2, 2)
    );
    tracker
        .post("runs/log-parameter", json!({"run_id": kept, "key": "k", "value": "v"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker.post("experiments/restore", json!({"experiment_id": id})).ok();
    // As in MLflow, the run that was deleted on its own is restored, too.
    assert_eq!(
        (stages(), found("ACTIVE_ONLY"), found("DELETED_ONLY"), found("ALL")),
        (["active", "active"].map(str::to_owned), 2, 0, 2)
    );
    tracker.post("runs/delete", json!({"run_id": kept})).ok();
    assert_eq!((found("ACTIVE_ONLY"), found("DELETED_ONLY")), (1, 1));
}

#[test]
fn deleting_a_deleted_or_restoring_an_active_experiment_is_404() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    tracker
        .post("experiments/restore", json!({"experiment_id": id}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    tracker
        .post("experiments/delete", json!({"experiment_id": id}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(
        tracker.get("experiments/get?experiment_id=1").ok()["experiment"]["lifecycle_stage"],
        "deleted"
    );
}

#[test]
fn a_deleted_experiment_accepts_no_runs_tags_or_names() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    tracker.post("experiments/delete", json!({"experiment_id": id})).ok();
    let refused = |endpoint: &str, body: Value| tracker.post(endpoint, body).fails(400, "INVALID_PARAMETER_VALUE");
    let message = refused("runs/create", json!({"experiment_id": id}));
    assert_eq!(
        message,
        "The experiment 1 must be in the 'active' state. Current state is deleted."
    );
    refused(
        "experiments/set-experiment-tag",
        json!({"experiment_id": id, "key": "k", "value": "v"}),
    );
    refused("experiments/update", json!({"experiment_id": id, "new_name": "b"}));
}

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

#[test]
fn concurrent_creations_get_different_numbers() {
    let tracker = Tracker::fresh();
    let requests = (0..16).map(|n| {
        (
            "POST",
            "/api/2.0/mlflow/experiments/create".to_owned(),
            json!({"name": format!("e{n}")}),
        )
    });
    let mut ids: Vec<u64> = tracker
        .send_all(requests.collect())
        .into_iter()
        .map(|reply| reply.ok()["experiment_id"].as_str().unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=16).collect::<Vec<u64>>());
}

#[test]
fn projects_do_not_see_each_other() {
    let mut tracker = Tracker::fresh();
    let id = tracker.experiment("secret");
    let run = tracker.run(&id, 1);
    tracker.in_project(2, |other| {
        other
            .get(&format!("experiments/get?experiment_id={id}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .get("experiments/get-by-name?experiment_name=secret")
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .get(&format!("runs/get?run_id={run}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .post("runs/delete", json!({"run_id": run}))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(
            other.post("runs/search", json!({"experiment_ids": ["0", "1"]})).ok(),
            json!({})
        );
        assert_eq!(other.experiment("secret"), "1");
    });
}
