//! `runs/create`, `get`, `update`, `delete`, `restore`, `search`.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn ids(page: &Value) -> Vec<String> {
    let runs = page["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    runs.iter()
        .map(|run| run["info"]["run_id"].as_str().unwrap().to_owned())
        .collect()
}

fn tag<'a>(run: &'a Value, key: &str) -> Option<&'a str> {
    run["data"]["tags"].as_array()?.iter().find(|tag| tag["key"] == key)?["value"].as_str()
}

#[test]
fn a_created_run_is_returned_and_read_back_equal() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("a");
    let body = json!({
        "experiment_id": id, "user_id": "ada", "run_name": "first", "start_time": 123,
        "tags": [{"key": "mlflow.source.name", "value": "train.py"}, {"key": "k", "value": "1"}, {"key": "k", "value": "2"}],
    });
    let run = tracker.post("runs/create", body).ok()["run"].take();
    let run_id = run["info"]["run_id"].as_str().unwrap();
    assert_eq!(run_id.len(), 32);
    assert_eq!(
        run["info"],
        json!({
            "run_uuid": run_id, "run_id": run_id, "experiment_id": id, "run_name": "first", "user_id": "ada",
            "status": "RUNNING", "start_time": 123, "artifact_uri": format!("mlflow-artifacts:/1/{run_id}/artifacts"),
            "lifecycle_stage": "active", "author": {"id": "7", "login": "writer"},
        })
    );
    assert_eq!(
        (tag(&run, "mlflow.runName"), tag(&run, "k")),
        (Some("first"), Some("2"))
    );
    assert_eq!(tracker.read(run_id), run);
    assert_eq!(tracker.get(&format!("runs/get?run_uuid={run_id}")).ok()["run"], run);
}

#[test]
fn a_run_without_name_gets_a_nickname() {
    let tracker = Tracker::fresh();
    let run = tracker.post("runs/create", json!({"experiment_id": "0"})).ok()["run"].take();
    assert_eq!(
        (&run["info"]["experiment_id"], &run["info"]["start_time"]),
        (&json!("0"), &json!(0))
    );
    let name = run["info"]["run_name"].as_str().unwrap();
    assert_eq!(name.split('-').count(), 3, "{name}");
    assert_eq!(tag(&run, "mlflow.runName"), Some(name));
}

#[test]
fn a_run_belongs_to_an_experiment() {
    let tracker = Tracker::fresh();
    for none in [json!({}), json!({"experiment_id": ""}), json!({"experiment_id": null})] {
        let message = tracker.post("runs/create", none).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains("parameter 'experiment_id'"), "{message}");
    }
    let found = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    assert_eq!(ids(&found), [""; 0]);
}

#[test]
fn a_run_without_a_user_belongs_to_its_caller() {
    let tracker = Tracker::fresh();
    let user_id = |user: Value| {
        let body = json!({"experiment_id": "0", "user_id": user});
        tracker.post("runs/create", body).ok()["run"]["info"]["user_id"].take()
    };
    for none in [json!(null), json!("")] {
        assert_eq!(user_id(none), "writer");
    }
    assert_eq!(user_id(json!("ada")), "ada");
    let found = json!({"experiment_ids": ["0"], "filter": "user_id = 'writer'"});
    assert_eq!(ids(&tracker.post("runs/search", found).ok()).len(), 2);
}

#[test]
fn the_name_of_a_run_and_its_tag_are_kept_equal() {
    let tracker = Tracker::fresh();
    let create = |name: &str, tag: &str| {
        tracker.post(
            "runs/create",
            json!({"experiment_id": "0", "run_name": name, "tags": [{"key": "mlflow.runName", "value": tag}]}),
        )
    };
    assert_eq!(create("", "t").ok()["run"]["info"]["run_name"], "t");
    assert_eq!(create("t", "t").ok()["run"]["info"]["run_name"], "t");
    assert!(
        create("a", "b")
            .fails(400, "INVALID_PARAMETER_VALUE")
            .contains("different values")
    );
    let run = tracker.run("0", 1);
    let name = || {
        let run = tracker.read(&run);
        assert_eq!(run["info"]["run_name"].as_str(), tag(&run, "mlflow.runName"));
        run["info"]["run_name"].clone()
    };
    tracker
        .post("runs/update", json!({"run_id": run, "run_name": "b"}))
        .ok();
    assert_eq!(name(), "b");
    tracker.post("runs/update", json!({"run_id": run, "run_name": ""})).ok();
    assert_eq!(name(), "b");
    tracker
        .post(
            "runs/set-tag",
            json!({"run_id": run, "key": "mlflow.runName", "value": "c"}),
        )
        .ok();
    assert_eq!(name(), "c");
    tracker
        .post(
            "runs/log-batch",
            json!({"run_id": run, "tags": [{"key": "mlflow.runName", "value": "d"}]}),
        )
        .ok();
    assert_eq!(name(), "d");
}

#[test]
fn an_update_changes_the_given_fields_and_returns_the_run() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 5);
    let info = tracker
        .post(
            "runs/update",
            json!({"run_id": run, "status": "FINISHED", "end_time": 99}),
        )
        .ok()["run_info"]
        .take();
    assert_eq!(
        (&info["status"], &info["end_time"], &info["start_time"]),
        (&json!("FINISHED"), &json!(99), &json!(5))
    );
    assert_eq!(tracker.read(&run)["info"], info);
    let resumed = tracker.post("runs/update", json!({"run_uuid": run, "status": 1})).ok()["run_info"].take();
    assert_eq!(
        (&resumed["status"], &resumed["end_time"]),
        (&json!("RUNNING"), &json!(99))
    );
    for wrong in [
        json!({"status": "DONE"}),
        json!({"status": 9}),
        json!({"end_time": "soon"}),
        json!({"end_time": 1.5}),
    ] {
        let mut body = wrong;
        body["run_id"] = json!(run);
        tracker.post("runs/update", body).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn unknown_runs_are_404_and_a_missing_id_is_400() {
    let tracker = Tracker::fresh();
    for id in [
        "00112233445566778899aabbccddeeff",
        "x",
        "00112233-4455-6677-8899-aabbccddeeff",
    ] {
        let body = json!({"run_id": id, "key": "k", "value": "1", "timestamp": 1});
        for endpoint in [
            "update",
            "delete",
            "restore",
            "log-metric",
            "log-parameter",
            "set-tag",
            "delete-tag",
            "log-batch",
            "log-inputs",
        ] {
            tracker
                .post(&format!("runs/{endpoint}"), body.clone())
                .fails(404, "RESOURCE_DOES_NOT_EXIST");
        }
        tracker
            .get(&format!("runs/get?run_id={id}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
    let missing = tracker.get("runs/get").fails(400, "INVALID_PARAMETER_VALUE");
    assert!(
        missing.starts_with("Missing value for required parameter 'run_id'."),
        "{missing}"
    );
}

#[test]
fn deleting_and_restoring_a_run_may_be_repeated() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let stage = || tracker.read(&run)["info"]["lifecycle_stage"].clone();
    for _ in 0..2 {
        tracker.post("runs/delete", json!({"run_id": run})).ok();
        assert_eq!(stage(), "deleted");
    }
    let refused = tracker.post(
        "runs/log-metric",
        json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1}),
    );
    assert!(
        refused
            .fails(400, "INVALID_PARAMETER_VALUE")
            .contains("must be in the 'active' state")
    );
    tracker
        .post("runs/update", json!({"run_id": run, "status": "FAILED"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    for _ in 0..2 {
        tracker.post("runs/restore", json!({"run_id": run})).ok();
        assert_eq!(stage(), "active");
    }
}

#[test]
fn a_search_is_newest_first_then_by_id_over_all_experiments_named() {
    let tracker = Tracker::fresh();
    let (a, b) = (tracker.experiment("a"), tracker.experiment("b"));
    let mut runs: Vec<(i64, String)> = Vec::new();
    for (experiment, start) in [(&a, 5), (&b, 7), (&a, 7), (&b, -3), (&a, 0), (&b, 5)] {
        runs.push((-start, tracker.run(experiment, start)));
    }
    runs.sort();
    let expected: Vec<String> = runs.into_iter().map(|(_, id)| id).collect();
    let search = |ids: &Value| self::ids(&tracker.post("runs/search", json!({"experiment_ids": ids})).ok());
    assert_eq!(search(&json!([a, b])), expected);
    assert_eq!(search(&json!([b, a, a, "77"])), expected);
    assert_eq!(search(&json!([])), Vec::<String>::new());
    assert_eq!(tracker.post("runs/search", json!({})).ok(), json!({}));
}

#[test]
fn pages_of_a_search_have_no_gap_or_duplicate_at_every_page_size() {
    let tracker = Tracker::fresh();
    let (a, b) = (tracker.experiment("a"), tracker.experiment("b"));
    for number in 0..23 {
        let run = tracker.run(if number % 3 == 0 { &b } else { &a }, number / 4);
        if number % 5 == 0 {
            tracker.post("runs/delete", json!({"run_id": run})).ok();
        }
    }
    for view in ["ACTIVE_ONLY", "DELETED_ONLY", "ALL"] {
        let search = |size: usize, token: &Value| {
            let query =
                json!({"experiment_ids": [a, b], "run_view_type": view, "max_results": size, "page_token": token});
            tracker.post("runs/search", query).ok()
        };
        let whole = search(1000, &Value::Null);
        assert!(whole.get("next_page_token").is_none());
        for size in [1, 2, 7, 18, 23] {
            let (mut walked, mut token) = (Vec::new(), json!(""));
            while !token.is_null() {
                let page = search(size, &token);
                assert!(ids(&page).len() <= size);
                walked.extend(ids(&page));
                token = page["next_page_token"].clone();
            }
            assert_eq!(walked, ids(&whole), "{view} {size}");
        }
    }
}

#[test]
fn a_search_shows_logged_data() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let body = json!({"run_id": run, "metrics": [{"key": "m", "value": 1.5, "timestamp": 3, "step": 2}], "params": [{"key": "p", "value": "x"}]});
    tracker.post("runs/log-batch", body).ok();
    let page = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    assert_eq!(page["runs"], json!([tracker.read(&run)]));
}

#[test]
fn a_search_refuses_wrong_sizes_views_tokens_and_ids() {
    let tracker = Tracker::fresh();
    for wrong in [
        json!({"max_results": 0}),
        json!({"max_results": 50_001}),
        json!({"run_view_type": "SOME"}),
        json!({"page_token": "x"}),
        json!({"page_token": "00"}),
        json!({"experiment_ids": ["abc"]}),
        json!({"experiment_ids": [1]}),
        json!({"experiment_ids": {}}),
    ] {
        let mut query = json!({"experiment_ids": ["0"]});
        query
            .as_object_mut()
            .unwrap()
            .extend(wrong.as_object().unwrap().clone());
        tracker
            .post("runs/search", query.clone())
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn many_runs_are_paged_through_whole() {
    let tracker = Tracker::fresh();
    let requests = (0..120)
        .map(|n| {
            (
                "POST",
                "/api/2.0/mlflow/runs/create".to_owned(),
                json!({"experiment_id": "0", "start_time": n % 11}),
            )
        })
        .collect();
    for reply in tracker.send_all(requests) {
        reply.ok();
    }
    let first = tracker
        .post("runs/search", json!({"experiment_ids": ["0"], "max_results": 100}))
        .ok();
    let rest = json!({"experiment_ids": ["0"], "max_results": 100, "page_token": first["next_page_token"]});
    let second = tracker.post("runs/search", rest).ok();
    assert_eq!(
        (ids(&first).len(), ids(&second).len(), second.get("next_page_token")),
        (100, 20, None)
    );
}
