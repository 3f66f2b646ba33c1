//! Defects of GitLab's own implementation, one test each, by the numbers of our list.

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

fn with_versions(semvers: &[&str]) -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    for semver in semvers {
        tracker.version("m", Some(semver));
    }
    tracker
}

fn run_names(page: &Value) -> Vec<&str> {
    let runs = page["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    runs.iter()
        .map(|run| run["info"]["run_name"].as_str().unwrap())
        .collect()
}

/// Runs `one` and `two` with the metric m = 1 and 2, and `three` without.
fn with_runs() -> Tracker {
    let tracker = Tracker::fresh();
    for (name, start, metric) in [("one", 1, Some(1)), ("two", 2, Some(2)), ("three", 3, None)] {
        let body = json!({"experiment_id": "0", "run_name": name, "start_time": start});
        let run = tracker.post("runs/create", body).ok()["run"]["info"]["run_id"].take();
        if let Some(value) = metric {
            let metric = json!({"run_id": run, "key": "m", "value": value, "timestamp": 1});
            tracker.post("runs/log-metric", metric).ok();
        }
    }
    tracker
}

#[test]
fn d1_an_order_is_a_list() {
    let tracker = with_runs();
    let found = tracker
        .post(
            "runs/search",
            json!({"experiment_ids": ["0"], "order_by": ["metrics.m DESC"]}),
        )
        .ok();
    assert_eq!(run_names(&found), ["two", "one", "three"]);
    let ordered = json!({"max_results": 10, "order_by": ["name ASC"]});
    tracker.post("experiments/search", ordered).ok();
}

#[test]
fn d2_a_stage_that_is_a_semantic_version_names_that_version() {
    let tracker = with_versions(&["1.2.3", "2.0.0"]);
    let named = json!({"name": "m", "stages": ["1.2.3"]});
    let found = tracker.post("registered-models/get-latest-versions", named).ok();
    assert_eq!(found["model_versions"].as_array().unwrap().len(), 1);
    assert_eq!(found["model_versions"][0]["version"], "1");
}

#[test]
fn d3_the_version_of_an_answer_is_taken_everywhere() {
    let tracker = with_versions(&["1.2.3"]);
    let version = tracker.read_version("m", "1.2.3")["version"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(tracker.read_version("m", &version)["aliases"][0], "1.2.3");
    tracker
        .patch("model-versions/update", json!({"name": "m", "version": version}))
        .ok();
}

#[test]
fn d4_a_download_uri_is_that_of_an_existing_version() {
    let tracker = with_versions(&["1.2.3"]);
    for (model, version) in [("m", "2"), ("none", "1")] {
        tracker
            .get(&format!(
                "model-versions/get-download-uri?name={model}&version={version}"
            ))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
}

#[test]
fn d5_times_are_milliseconds() {
    let tracker = with_versions(&["1.2.3"]);
    for times in [tracker.read_model("m"), tracker.read_version("m", "1")] {
        assert_eq!(
            (&times["creation_timestamp"], &times["last_updated_timestamp"]),
            (&json!(NOW_MS), &json!(NOW_MS))
        );
    }
}

#[test]
fn d6_tags_are_overwritten_and_params_logged_again() {
    let tracker = with_versions(&["1.2.3"]);
    let run = tracker.read_version("m", "1")["run_id"].take();
    for value in ["1", "2"] {
        tracker
            .post("runs/set-tag", json!({"run_id": run, "key": "t", "value": value}))
            .ok();
        tracker
            .post(
                "runs/log-batch",
                json!({"run_id": run, "tags": [{"key": "u", "value": value}]}),
            )
            .ok();
        tracker
            .post(
                "experiments/set-experiment-tag",
                json!({"experiment_id": "0", "key": "t", "value": value}),
            )
            .ok();
        tracker
            .post(
                "runs/log-parameter",
                json!({"run_id": run, "key": "p", "value": "same"}),
            )
            .ok();
    }
    let tags = tracker.read(run.as_str().unwrap())["data"]["tags"].take();
    for key in ["t", "u"] {
        assert!(
            tags.as_array().unwrap().contains(&json!({"key": key, "value": "2"})),
            "{tags}"
        );
    }
}

#[test]
fn d7_values_may_be_as_long_as_clients_send_them() {
    let tracker = with_versions(&["1.2.3"]);
    let run = tracker.read_version("m", "1")["run_id"].as_str().unwrap().to_owned();
    let (param, tag) = ("p".repeat(6_000), "t".repeat(8_000));
    let batch = json!({"run_id": run, "params": [{"key": "p", "value": param}], "tags": [{"key": "t", "value": tag}]});
    tracker.post("runs/log-batch", batch).ok();
    let data = tracker.read(&run)["data"].take();
    assert_eq!(data["params"][0]["value"], param);
    assert!(
        data["tags"]
            .as_array()
            .unwrap()
            .contains(&json!({"key": "t", "value": tag}))
    );
}

#[test]
fn d8_filters_apply_and_orders_drop_no_run() {
    let tracker = with_runs();
    let other = tracker.experiment("other");
    tracker.run(&other, 9);
    let search = |query: Value| tracker.post("runs/search", query).ok();
    let filtered = search(json!({"experiment_ids": ["0"], "filter": "metrics.m > 1"}));
    assert_eq!(run_names(&filtered), ["two"]);
    let both = search(json!({"experiment_ids": ["0", other], "order_by": ["metrics.m"]}));
    assert_eq!(run_names(&both).len(), 4);
}

#[test]
fn d9_readers_may_search() {
    let tracker = with_versions(&["1.2.3"]).as_reader();
    tracker.post("runs/search", json!({"experiment_ids": ["1"]})).ok();
    tracker.post("experiments/search", json!({"max_results": 10})).ok();
    tracker
        .post("registered-models/get-latest-versions", json!({"name": "m"}))
        .ok();
    tracker.get("registered-models/search").ok();
    tracker.get("model-versions/search").ok();
}

#[test]
fn d10_the_artifact_location_of_a_run_never_changes() {
    let tracker = with_versions(&["1.2.3"]);
    let version = tracker.read_version("m", "1");
    let run = version["run_id"].as_str().unwrap();
    let place = tracker.read(run)["info"]["artifact_uri"].take();
    assert_eq!(place, format!("mlflow-artifacts:/1/{run}/artifacts"));
    tracker
        .post("runs/update", json!({"run_id": run, "status": "FAILED"}))
        .ok();
    tracker
        .post("registered-models/rename", json!({"name": "m", "new_name": "n"}))
        .ok();
    assert_eq!(tracker.read(run)["info"]["artifact_uri"], place);
    assert_eq!(tracker.read_version("n", "1")["source"], place);
}

#[test]
fn d11_a_missing_resource_is_no_server_error() {
    let tracker = with_versions(&[]);
    let latest = tracker
        .post("registered-models/get-latest-versions", json!({"name": "m"}))
        .ok();
    assert_eq!(latest, json!({}));
    let run = tracker.run("0", 1);
    let job = json!({"run_id": run, "key": "gitlab.CI_JOB_ID", "value": "no job"});
    tracker.post("runs/set-tag", job).ok();
    for missing in [
        "model-versions/get-download-uri",
        "model-versions/get?name=m",
        "registered-models/alias?name=m",
    ] {
        tracker.get(missing).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn d12_errors_speak_mlflows_words() {
    let tracker = with_versions(&["1.2.3"]);
    let name = json!({"name": "a/b"});
    tracker
        .post("registered-models/create", name)
        .fails(400, "INVALID_PARAMETER_VALUE");
    let tag = json!({"name": "x", "tags": [{"key": "a@b"}]});
    tracker
        .post("registered-models/create", tag)
        .fails(400, "INVALID_PARAMETER_VALUE");
    tracker
        .try_version("m", Some("1.2"))
        .fails(400, "INVALID_PARAMETER_VALUE");
    let unknown = json!({"name": "m", "version": "9.9.9", "description": "d"});
    tracker
        .patch("model-versions/update", unknown)
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn d13_a_name_matches_only_as_a_whole() {
    let tracker = with_versions(&["1.2.3"]);
    tracker.model("am");
    let found = tracker.get("registered-models/search?filter=name='m'").ok();
    assert_eq!(found["registered_models"].as_array().unwrap().len(), 1);
    assert_eq!(found["registered_models"][0]["name"], "m");
}

#[test]
fn d14_the_latest_version_is_the_first_of_the_latest_versions() {
    let tracker = with_versions(&["1.0.0", "2.0.0", "1.5.0"]);
    let body = json!({"name": "m", "version": "3", "stage": "Production"});
    tracker.post("model-versions/transition-stage", body).ok();
    let found = tracker.get("registered-models/search?filter=name='m'").ok();
    assert_eq!(found["registered_models"][0]["latest_versions"][0]["version"], "2");
}

#[test]
fn d15_the_run_of_a_version_is_finished_and_has_a_user() {
    let tracker = with_versions(&["1.0.0"]);
    let run = tracker.read_version("m", "1")["run_id"].as_str().unwrap().to_owned();
    let info = tracker.read(&run)["info"].take();
    assert_eq!(
        (&info["status"], &info["user_id"], &info["start_time"]),
        (&json!("FINISHED"), &json!("writer"), &json!(NOW_MS))
    );
}

#[test]
fn d16_a_refused_model_leaves_no_experiment() {
    let tracker = Tracker::fresh();
    for bad in [
        json!({"name": "m:1"}),
        json!({"name": "m", "tags": [{"key": "a@b"}]}),
        json!({"name": "m", "description": 5}),
    ] {
        tracker
            .post("registered-models/create", bad)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
    let found = tracker
        .post("experiments/search", json!({"max_results": 10, "view_type": "ALL"}))
        .ok();
    assert_eq!(found["experiments"].as_array().unwrap().len(), 1);
    tracker.model("m");
}

/// Sets a job on a run in each possible way: as a tag of an existing run, of a batch, and of a new run.
fn name_job(tracker: &Tracker, run: &str, job: &str) -> [String; 3] {
    let tag = json!({"key": "gitlab.CI_JOB_ID", "value": job});
    let set = json!({"run_id": run, "key": tag["key"], "value": tag["value"]});
    tracker.post("runs/set-tag", set).ok();
    let batched = tracker.run("0", 1);
    let batch = json!({"run_id": batched, "tags": [tag]});
    tracker.post("runs/log-batch", batch).ok();
    let new = json!({"experiment_id": "0", "tags": [tag]});
    let created = tracker.post("runs/create", new).ok()["run"]["info"]["run_id"].take();
    [run.to_owned(), batched, created.as_str().unwrap().to_owned()]
}

#[test]
fn d17_a_job_of_another_project_is_only_stored_as_a_tag() {
    let tracker = with_versions(&["1.0.0"]);
    let run = tracker.read_version("m", "1")["run_id"].as_str().unwrap().to_owned();
    let before = tracker.read(&run)["info"].take();
    // Another project's job, an unknown one, one whose look-up fails, and invalid ids.
    for job in [
        "4242",
        "4243",
        "500",
        "no job",
        "",
        "-1",
        "../../2/jobs/4242",
        "99999999999999999999",
        "<b>ü</b>",
    ] {
        let tag = json!({"key": "gitlab.CI_JOB_ID", "value": job});
        for run in name_job(&tracker, &run, job) {
            let tags = tracker.read(&run)["data"]["tags"].take();
            assert!(tags.as_array().unwrap().contains(&tag), "{tags}");
        }
        let told = [
            tracker.post("runs/search", json!({"experiment_ids": ["0", "1"]})).ok(),
            tracker.read(&run),
            tracker.read_version("m", "1"),
            tracker.read_model("m"),
            tracker.get("model-versions/search").ok(),
        ];
        for answer in told {
            assert!(!answer.to_string().contains("secret"), "{answer}");
        }
    }
    assert_eq!(tracker.read(&run)["info"], before);
}

#[test]
fn d18_versions_made_at_once_all_get_a_number() {
    let tracker = with_versions(&[]);
    let create = |_| {
        (
            "POST",
            "/api/2.0/mlflow/model-versions/create".to_owned(),
            json!({"name": "m"}),
        )
    };
    for reply in tracker.send_all((0..16).map(create).collect()) {
        reply.ok();
    }
    assert_eq!(tracker.read_model("m")["latest_versions"][0]["version"], "16");
}

#[test]
fn d19_the_clause_that_clients_add_to_every_search_hides_no_model() {
    let tracker = with_versions(&["1.0.0"]);
    for filter in [
        "tag.`mlflow.prompt.is_prompt` != 'true'",
        "name='m' AND tag.`mlflow.prompt.is_prompt` != 'true'",
    ] {
        let found = tracker.get(&format!("registered-models/search?filter={filter}")).ok();
        assert_eq!(found["registered_models"].as_array().unwrap().len(), 1, "{filter}");
    }
}
