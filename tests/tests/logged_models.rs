//! `logged-models/…`, `runs/outputs`, `runs/log-model`, and metrics that belong to a logged model too.

use std::cmp::Ordering;

use mlforge_tests::tracker::{NOW_MS, Reply, Tracker};
use serde_json::{Value, json};

/// Makes a logged model in `Default`; returns it.
fn create(tracker: &Tracker, mut body: Value) -> Value {
    if body.get("experiment_id").is_none() {
        body["experiment_id"] = json!("0");
    }
    tracker.post("logged-models", body).ok()["model"].take()
}

fn id(model: &Value) -> String {
    model["info"]["model_id"].as_str().unwrap().to_owned()
}

fn get(tracker: &Tracker, model_id: &str) -> Reply {
    tracker.get(&format!("logged-models/{model_id}"))
}

fn read(tracker: &Tracker, model_id: &str) -> Value {
    get(tracker, model_id).ok()["model"].take()
}

fn set_tags(tracker: &Tracker, model_id: &str, tags: Value) -> Reply {
    tracker.patch(&format!("logged-models/{model_id}/tags"), json!({ "tags": tags }))
}

fn log_params(tracker: &Tracker, model_id: &str, params: Value) -> Reply {
    tracker.post(&format!("logged-models/{model_id}/params"), json!({ "params": params }))
}

fn finalize(tracker: &Tracker, model_id: &str, status: Value) -> Reply {
    let body = json!({"model_id": model_id, "status": status});
    tracker.patch(&format!("logged-models/{model_id}"), body)
}

fn delete(tracker: &Tracker, model_id: &str) -> Reply {
    tracker.delete(&format!("logged-models/{model_id}"), json!({}))
}

fn search(tracker: &Tracker, mut body: Value) -> Reply {
    if body.get("experiment_ids").is_none() {
        body["experiment_ids"] = json!(["0"]);
    }
    tracker.post("logged-models/search", body)
}

fn names(page: &Value) -> Vec<String> {
    let models = page["models"].as_array().map(Vec::as_slice).unwrap_or_default();
    models
        .iter()
        .map(|model| model["info"]["name"].as_str().unwrap().to_owned())
        .collect()
}

/// The names on all pages of a search, with this page size.
fn walk(tracker: &Tracker, body: &Value, count: usize) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let mut body = body.clone();
        (body["max_results"], body["page_token"]) = (json!(count), json!(token));
        let page = search(tracker, body).ok();
        all.extend(names(&page));
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
    }
}

/// Logs a point to a run and a model.
fn measure(tracker: &Tracker, run: &str, model: &str, key: &str, (value, step): (f64, i64), dataset: &str) {
    let body = json!({
        "run_id": run, "key": key, "value": value, "timestamp": 5, "step": step, "model_id": model, "dataset_name": dataset,
        "dataset_digest": if dataset.is_empty() { "" } else { "1" },
    });
    tracker.post("runs/log-metric", body).ok();
}

#[test]
fn a_created_model_is_pending_and_reads_back() {
    let tracker = Tracker::fresh();
    let experiment = tracker.experiment("e");
    let run = tracker.run(&experiment, 1);
    let made = create(
        &tracker,
        json!({
            "experiment_id": experiment, "name": "m", "model_type": "agent", "source_run_id": run,
            "params": [{"key": "b", "value": "1"}, {"key": "a/@", "value": ""}], "tags": [{"key": "t", "value": "0"}, {"key": "t", "value": "1"}],
        }),
    );
    let model_id = id(&made);
    assert!(model_id.starts_with("m-") && model_id.len() == 34, "{model_id}");
    let expected = json!({
        "info": {
            "model_id": model_id, "experiment_id": experiment, "name": "m", "creation_timestamp_ms": NOW_MS,
            "last_updated_timestamp_ms": NOW_MS, "artifact_uri": format!("mlflow-artifacts:/{experiment}/models/{model_id}/artifacts"),
            "status": "LOGGED_MODEL_PENDING", "model_type": "agent", "source_run_id": run, "tags": [{"key": "t", "value": "1"}],
        },
        "data": {"params": [{"key": "a/@", "value": ""}, {"key": "b", "value": "1"}]},
    });
    assert_eq!(made, expected);
    assert_eq!(read(&tracker, &model_id), expected);
    let plain = create(&tracker, json!({}));
    assert_eq!((&plain["info"]["model_type"], &plain["data"]), (&json!(""), &json!({})));
    assert!(!plain["info"]["name"].as_str().unwrap().is_empty());
}

#[test]
fn a_model_needs_an_active_experiment_and_a_proper_name() {
    let tracker = Tracker::fresh();
    let gone = tracker.experiment("gone");
    tracker.post("experiments/delete", json!({"experiment_id": gone})).ok();
    let create = |body| tracker.post("logged-models", body);
    create(json!({})).fails(400, "INVALID_PARAMETER_VALUE");
    create(json!({"experiment_id": "x"})).fails(400, "INVALID_PARAMETER_VALUE");
    create(json!({"experiment_id": "99"})).fails(404, "RESOURCE_DOES_NOT_EXIST");
    create(json!({"experiment_id": gone})).fails(400, "INVALID_PARAMETER_VALUE");
    for bad in ["a/b", "a:b", "a.b", "a%b", "a\"b", "a'b", &"x".repeat(501)] {
        create(json!({"experiment_id": "0", "name": bad})).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let twins = json!([{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]);
    create(json!({"experiment_id": "0", "params": twins})).fails(400, "INVALID_PARAMETER_VALUE");
    for (key, value) in [("", 1), ("k", 65_536)] {
        let pairs = json!([{"key": key, "value": "x".repeat(value)}]);
        create(json!({"experiment_id": "0", "params": pairs})).fails(400, "INVALID_PARAMETER_VALUE");
        create(json!({"experiment_id": "0", "tags": pairs})).fails(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(search(&tracker, json!({})).ok(), json!({}));
}

#[test]
fn an_unknown_model_is_404_everywhere() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for model_id in [&*format!("m-{}", "0".repeat(32)), "m-0", "nothing", "search"] {
        let metric = json!({"run_id": run, "key": "k", "value": 1, "timestamp": 1, "model_id": model_id});
        for reply in [
            get(&tracker, model_id),
            finalize(&tracker, model_id, json!("LOGGED_MODEL_READY")),
            delete(&tracker, model_id),
            set_tags(&tracker, model_id, json!([{"key": "k"}])),
            tracker.delete(&format!("logged-models/{model_id}/tags/k"), json!({})),
            log_params(&tracker, model_id, json!([{"key": "k"}])),
            tracker.post("runs/log-metric", metric.clone()),
            tracker.post("runs/log-batch", json!({"run_id": run, "metrics": [metric]})),
        ] {
            let message = reply.fails(404, "RESOURCE_DOES_NOT_EXIST");
            assert_eq!(message, format!("Logged model with ID '{model_id}' not found."));
        }
    }
    assert_eq!(tracker.read(&run)["data"].get("metrics"), None);
}

#[test]
fn a_model_is_finalized_by_name_or_number_of_a_status() {
    let tracker = Tracker::fresh();
    let model_id = id(&create(&tracker, json!({})));
    for (status, shown) in [
        (json!("LOGGED_MODEL_READY"), "LOGGED_MODEL_READY"),
        (json!(3), "LOGGED_MODEL_UPLOAD_FAILED"),
        (json!("1"), "LOGGED_MODEL_PENDING"),
    ] {
        let model = finalize(&tracker, &model_id, status).ok()["model"].take();
        assert_eq!(model["info"]["status"], shown);
        assert_eq!(read(&tracker, &model_id), model);
    }
    for bad in [json!(null), json!("READY"), json!(9), json!([])] {
        finalize(&tracker, &model_id, bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

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

#[test]
fn a_deleted_model_is_hidden_but_can_be_read_by_id() {
    let tracker = Tracker::fresh();
    let model_id = id(&create(&tracker, json!({"name": "m"})));
    delete(&tracker, &model_id).ok();
    delete(&tracker, &model_id).ok();
    get(&tracker, &model_id).fails(404, "RESOURCE_DOES_NOT_EXIST");
    let shown = tracker
        .get(&format!("logged-models/{model_id}?allow_deleted=true"))
        .ok();
    assert_eq!(shown["model"]["info"]["name"], "m");
    for body in [
        json!({}),
        json!({"filter": "name = 'm'"}),
        json!({"order_by": [{"field_name": "name"}]}),
    ] {
        assert_eq!(search(&tracker, body).ok(), json!({}));
    }
    set_tags(&tracker, &model_id, json!([{"key": "k", "value": "v"}])).ok();
    finalize(&tracker, &model_id, json!(2)).ok();
}

#[test]
fn a_point_belongs_to_its_run_and_its_model() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    for _ in 0..2 {
        measure(&tracker, &run, &model_id, "m", (1.0, 0), "");
        measure(&tracker, &run, &model_id, "m", (0.5, 1), "train");
    }
    let plain = json!({"run_id": run, "key": "m", "value": 7, "timestamp": 9, "step": 9});
    tracker.post("runs/log-metric", plain).ok();
    let batch = json!([
        {"key": "n", "value": 3, "timestamp": 5, "model_id": model_id, "dataset_name": "d"},
        {"key": "o", "value": 4, "timestamp": 5, "dataset_name": "d", "dataset_digest": "1"},
    ]);
    tracker
        .post("runs/log-batch", json!({"run_id": run, "metrics": batch}))
        .ok();
    let expected = json!([
        {"key": "m", "value": 1.0, "timestamp": 5, "step": 0, "model_id": model_id, "run_id": run},
        {"key": "m", "value": 0.5, "timestamp": 5, "step": 1, "dataset_name": "train", "dataset_digest": "1", "model_id": model_id, "run_id": run},
        {"key": "n", "value": 3.0, "timestamp": 5, "step": 0, "dataset_name": "d", "model_id": model_id, "run_id": run},
    ]);
    assert_eq!(read(&tracker, &model_id)["data"]["metrics"], expected);
    let of_run = json!([
        {"key": "m", "value": 7.0, "timestamp": 9, "step": 9},
        {"key": "n", "value": 3.0, "timestamp": 5, "step": 0},
        {"key": "o", "value": 4.0, "timestamp": 5, "step": 0},
    ]);
    assert_eq!(tracker.read(&run)["data"]["metrics"], of_run);
}

#[test]
fn a_model_with_too_many_points_shows_only_the_newest() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    for some in 0..26 {
        let point = |n: i64| json!({"key": "m", "value": n, "timestamp": n, "step": n, "model_id": model_id});
        let metrics: Vec<Value> = (some * 1_000..(some + 1) * 1_000).map(point).collect();
        tracker
            .post("runs/log-batch", json!({"run_id": run, "metrics": metrics}))
            .ok();
        let shown = read(&tracker, &model_id)["data"]["metrics"].as_array().unwrap().len();
        assert_eq!(shown, if some < 25 { (some as usize + 1) * 1_000 } else { 1 });
    }
    assert_eq!(read(&tracker, &model_id)["data"]["metrics"][0]["step"], 25_999);
}

#[test]
fn many_writers_of_one_model_do_not_conflict() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let model_id = id(&create(&tracker, json!({})));
    let write = |n: i64| {
        let metric = json!({"run_id": run, "key": "m", "value": n, "timestamp": n, "model_id": model_id});
        [
            ("POST", "/api/2.0/mlflow/runs/log-metric".to_owned(), metric),
            (
                "PATCH",
                format!("/api/2.0/mlflow/logged-models/{model_id}/tags"),
                json!({"tags": [{"key": n.to_string(), "value": "v"}]}),
            ),
        ]
    };
    for reply in tracker.send_all((0..40).flat_map(write).collect()) {
        reply.ok();
    }
    let model = read(&tracker, &model_id);
    assert_eq!(model["info"]["tags"].as_array().unwrap().len(), 40);
    assert_eq!(model["data"]["metrics"].as_array().unwrap().len(), 40);
}

#[test]
fn a_run_shows_its_input_and_output_models() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    assert_eq!(tracker.read(&run)["outputs"], json!({}));
    let models = json!([{"model_id": "m-b", "step": 3}, {"model_id": "m-a"}]);
    let outputs = |body| tracker.post("runs/outputs", body);
    for _ in 0..2 {
        outputs(json!({"run_id": run, "models": models})).ok();
    }
    tracker
        .post(
            "runs/log-inputs",
            json!({"run_id": run, "models": [{"model_id": "m-c"}]}),
        )
        .ok();
    let shown = tracker.read(&run);
    let made = json!({"model_outputs": [{"model_id": "m-b", "step": 3}, {"model_id": "m-a", "step": 0}]});
    assert_eq!(
        (&shown["outputs"], &shown["inputs"]),
        (&made, &json!({"model_inputs": [{"model_id": "m-c"}]}))
    );
    tracker.pack();
    assert_eq!(tracker.read(&run), shown);
    let found = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    assert_eq!(found["runs"][0]["outputs"], made);
    for bad in [
        json!({"run_id": run}),
        json!({"run_id": run, "models": [{}]}),
        json!({"models": models}),
    ] {
        outputs(bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    outputs(json!({"run_id": run, "models": models})).fails(400, "INVALID_PARAMETER_VALUE");
    outputs(json!({"run_id": "0".repeat(32), "models": models})).fails(404, "RESOURCE_DOES_NOT_EXIST");
}

#[test]
fn models_of_an_old_client_are_listed_in_a_tag() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let log = |json: &str| tracker.post("runs/log-model", json!({"run_id": run, "model_json": json}));
    let model = |path: &str| {
        let flavors = json!({"python_function": {"env": "x", "config": {"a": 1}}, "other": "y"});
        json!({"artifact_path": path, "flavors": flavors, "utc_time_created": "t", "run_id": run, "signature": "s"})
            .to_string()
    };
    for path in ["a", "b"] {
        log(&model(path)).ok();
        tracker.pack();
    }
    let tags = tracker.read(&run)["data"]["tags"].take();
    let tag = tags
        .as_array()
        .unwrap()
        .iter()
        .find(|tag| tag["key"] == "mlflow.log-model.history")
        .unwrap();
    let noted: Value = serde_json::from_str(tag["value"].as_str().unwrap()).unwrap();
    let note = |path: &str| {
        let flavors = json!({"python_function": {"env": "x"}, "other": "y"});
        json!({"run_id": run, "artifact_path": path, "utc_time_created": "t", "flavors": flavors})
    };
    assert_eq!(noted, json!([note("a"), note("b")]));
    for bad in [
        "",
        "nonsense",
        "[]",
        "{}",
        r#"{"artifact_path": "a", "flavors": {}, "run_id": "x"}"#,
    ] {
        log(bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
    // Clients parse the list, so it is never cut.
    log(&model(&"x".repeat(90_000))).ok();
    log(&model(&"y".repeat(10_000))).fails(400, "INVALID_PARAMETER_VALUE");
}

/// Five models of two experiments, with params, tags and metrics on two datasets.
fn with_models() -> (Tracker, Vec<Value>) {
    let tracker = Tracker::fresh();
    let other = tracker.experiment("other");
    let run = tracker.run("0", 1);
    for (name, experiment, param) in [
        ("a", "0", "1"),
        ("b", &*other, "1"),
        ("c", "0", "2"),
        ("d", &*other, "10"),
        ("e", "0", "x"),
    ] {
        let body = json!({
            "experiment_id": experiment, "name": name, "model_type": if name < "c" { "t" } else { "" }, "source_run_id": run,
            "params": [{"key": "p", "value": param}], "tags": [{"key": "k k", "value": name.to_uppercase()}],
        });
        let model = id(&create(&tracker, body));
        let (number, status) = (
            f64::from(name.as_bytes()[0] - b'a'),
            (name.as_bytes()[0] - b'a') % 3 + 1,
        );
        finalize(&tracker, &model, json!(status)).ok();
        if name != "e" {
            measure(&tracker, &run, &model, "acc", (number, 2), "train");
            measure(&tracker, &run, &model, "acc", (9.0, 1), "train");
            measure(
                &tracker,
                &run,
                &model,
                "acc",
                (4.0 - number, 3),
                if name < "c" { "test" } else { "" },
            );
        }
    }
    let page = search(&tracker, json!({"experiment_ids": ["0", other]})).ok();
    let models = page["models"].as_array().unwrap().clone();
    (tracker, models)
}

/// The names as sorted letters. Models made at the same time are ordered by their random ids.
fn sorted(mut names: Vec<String>) -> String {
    names.sort_unstable();
    names.concat()
}

#[test]
fn a_filter_chooses_models() {
    let (tracker, _) = with_models();
    for (filter, datasets, expected) in [
        ("", json!([]), "abcde"),
        ("name = 'a'", json!([]), "a"),
        ("name IN ('a', 'd', 'z')", json!([]), "ad"),
        ("name != 'a' AND name NOT IN ('b')", json!([]), "cde"),
        ("name = a", json!([]), "a"),
        ("attributes.name ILIKE 'A%'", json!([]), "a"),
        ("params.p = '1'", json!([]), "ab"),
        ("params.p = 1", json!([]), "ab"),
        ("params.p LIKE '1%'", json!([]), "abd"),
        ("params.nothing != '1'", json!([]), ""),
        ("tags.`k k` = 'C'", json!([]), "c"),
        ("status = 'READY'", json!([]), "be"),
        ("status IN ('PENDING', 'FAILED')", json!([]), "acd"),
        ("status != READY", json!([]), "acd"),
        ("model_type = 't'", json!([]), "ab"),
        ("experiment_id = '0'", json!([]), "ace"),
        (
            "creation_timestamp > 0 AND last_updated_timestamp_ms <= 1700000000000",
            json!([]),
            "abcde",
        ),
        ("creation_time < 5", json!([]), ""),
        ("metrics.acc >= 3", json!([]), "ab"),
        ("metrics.acc < 3", json!([]), "cd"),
        ("metrics.acc = 9", json!([]), ""),
        ("metrics.acc >= 1", json!([{"dataset_name": "train"}]), "bcd"),
        (
            "metrics.acc >= 1",
            json!([{"dataset_name": "train", "dataset_digest": "2"}]),
            "",
        ),
        (
            "metrics.acc >= 4",
            json!([{"dataset_name": "train", "dataset_digest": "1"}, {"dataset_name": "test"}]),
            "a",
        ),
        ("", json!([{"dataset_name": "test"}]), "ab"),
        ("name != 'b'", json!([{"dataset_name": "test"}]), "a"),
    ] {
        let body = json!({"experiment_ids": ["0", "1"], "filter": filter, "datasets": datasets});
        assert_eq!(
            sorted(names(&search(&tracker, body.clone()).ok())),
            expected,
            "{filter} {datasets}"
        );
        assert_eq!(
            sorted(walk(&tracker, &body, 1)),
            expected,
            "{filter} {datasets}, page by page"
        );
    }
    for bad in [
        "metric.acc > 1",
        "status = 'ready'",
        "status LIKE 'R%'",
        "name > 'a'",
        "nothing = 'a'",
        "name = 'a' OR name = 'b'",
        "metrics.acc > 'x'",
        "params.p IS NULL",
        "run.name = 'a'",
    ] {
        search(&tracker, json!({"filter": bad})).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn an_order_is_total_and_its_pages_have_no_gap_or_duplicate() {
    let (tracker, models) = with_models();
    let by = |field: &str, ascending: bool, dataset: &str| json!({"field_name": field, "ascending": ascending, "dataset_name": dataset});
    let default: Vec<String> = models
        .iter()
        .map(|model| model["info"]["name"].as_str().unwrap().to_owned())
        .collect();
    let mut by_id = models.clone();
    by_id.sort_by_key(id);
    assert_eq!(names(&json!({ "models": by_id })), default);
    for (order, expected) in [
        (json!([]), &*default.concat()),
        (json!([by("name", true, "")]), "abcde"),
        (json!([by("name", false, "")]), "edcba"),
        (json!([{"field_name": "name"}]), "abcde"),
        (json!([by("status", true, ""), by("name", false, "")]), "daebc"),
        (json!([by("experiment_id", false, ""), by("name", true, "")]), "bdace"),
        (json!([by("metrics.acc", true, "")]), "dcbae"),
        (json!([by("metrics.acc", false, "")]), "abcde"),
        (json!([by("metrics.acc", false, "train")]), "dcbae"),
        (json!([by("metrics.acc", true, "test"), by("name", true, "")]), "bacde"),
        (
            json!([
                by("metrics.none", true, ""),
                by("name", true, ""),
                by("name", false, "")
            ]),
            "abcde",
        ),
    ] {
        let body = json!({"experiment_ids": ["0", "1"], "order_by": order});
        for count in [1, 2, 5] {
            assert_eq!(
                walk(&tracker, &body, count).concat(),
                expected,
                "{order}, {count} a page"
            );
        }
    }
    for bad in ["nothing", "", "tags.k", "metric.acc", "attributes.name"] {
        search(&tracker, json!({"order_by": [{"field_name": bad}]})).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn a_search_requires_experiments_and_accepts_only_its_own_tokens() {
    let (tracker, _) = with_models();
    for bad in [
        json!({"experiment_ids": []}),
        json!({"experiment_ids": ["x"]}),
        json!({"max_results": 0}),
        json!({"max_results": 50_001}),
        json!({"datasets": [{"dataset_digest": "1"}]}),
        json!({"page_token": "x"}),
        json!({"page_token": "00"}),
    ] {
        search(&tracker, bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let by_name = json!([{"field_name": "name", "ascending": true}]);
    let token = search(&tracker, json!({"max_results": 1, "order_by": by_name})).ok()["next_page_token"].take();
    search(&tracker, json!({"page_token": token})).fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(search(&tracker, json!({"experiment_ids": ["77"]})).ok(), json!({}));
}

#[test]
fn another_project_does_not_see_the_model() {
    let (mut tracker, models) = with_models();
    let model_id = id(&models[0]);
    tracker.in_project(2, |tracker| {
        get(tracker, &model_id).fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(search(tracker, json!({})).ok(), json!({}));
    });
}

#[test]
fn a_random_search_matches_a_plain_evaluation_of_every_model() {
    let tracker = Tracker::fresh();
    let other = tracker.experiment("other");
    let run = tracker.run("0", 1);
    // A generator with a fixed seed, so that a failure can be repeated.
    let mut state = 7_u64;
    let mut draw = move |count: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % count
    };
    for _ in 0..25 {
        let experiment = ["0", &*other][draw(2) as usize];
        let name = ["x", "y", "z"][draw(3) as usize];
        let body =
            json!({"experiment_id": experiment, "name": name, "params": [{"key": "p", "value": draw(3).to_string()}]});
        let model = id(&create(&tracker, body));
        for _ in 0..draw(3) {
            measure(
                &tracker,
                &run,
                &model,
                "m",
                (draw(5) as f64, draw(4) as i64),
                ["", "d"][draw(2) as usize],
            );
        }
    }
    let all = search(&tracker, json!({"experiment_ids": ["0", other]})).ok()["models"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(all.len(), 25);
    let newest = |model: &Value, on_d: bool| -> Option<f64> {
        let points = model["data"]["metrics"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let fitting = points.iter().filter(|point| !on_d || point["dataset_name"] == "d");
        let order = |point: &&Value| (point["step"].as_i64().unwrap(), point["value"].as_f64().unwrap() as i64);
        fitting.max_by_key(order).map(|point| point["value"].as_f64().unwrap())
    };
    for _ in 0..60 {
        let (by_name, by_metric, on_d, descending) = (draw(2) == 0, draw(2) == 0, draw(2) == 0, draw(2) == 0);
        let (name, bound, one) = (["x", "y", "w"][draw(3) as usize], draw(5) as f64, draw(2) == 0);
        let mut clauses = Vec::new();
        clauses.extend(by_name.then(|| format!("name = '{name}'")));
        clauses.extend(by_metric.then(|| format!("metrics.m >= {bound}")));
        let mut expected: Vec<&Value> = all
            .iter()
            .filter(|model| !one || model["info"]["experiment_id"] == "0")
            .filter(|model| !by_name || model["info"]["name"] == name)
            .filter(|model| !by_metric || newest(model, on_d).is_some_and(|value| value >= bound))
            .filter(|model| !on_d || by_metric || newest(model, true).is_some())
            .collect();
        expected.sort_by(|a, b| {
            match (newest(a, on_d), newest(b, on_d)) {
                (Some(a), Some(b)) if descending => b.total_cmp(&a),
                (Some(a), Some(b)) => a.total_cmp(&b),
                (a, b) => a.is_none().cmp(&b.is_none()),
            }
            .then(Ordering::Equal)
        });
        let body = json!({
            "experiment_ids": if one { json!(["0"]) } else { json!(["0", other]) }, "filter": clauses.join(" AND "),
            "order_by": [{"field_name": "metrics.m", "ascending": !descending}], "datasets": if on_d { json!([{"dataset_name": "d"}]) } else { json!([]) },
        });
        let expected: Vec<String> = expected.iter().map(|model| id(model)).collect();
        let page = search(&tracker, body.clone()).ok();
        let found: Vec<String> = page["models"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default()
            .iter()
            .map(id)
            .collect();
        assert_eq!(found, expected, "{body}");
        assert_eq!(walk(&tracker, &body, 3).len(), expected.len(), "{body}");
    }
}

#[test]
fn a_version_can_be_made_from_a_logged_model() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let run = tracker.run("0", 1);
    let model = create(&tracker, json!({"name": "l", "source_run_id": run}));
    let (model_id, root) = (id(&model), model["info"]["artifact_uri"].as_str().unwrap().to_owned());
    let make = |source: &str, model: Value| {
        tracker.post(
            "model-versions/create",
            json!({"name": "m", "source": source, "model_id": model}),
        )
    };
    let named = format!("models:/{model_id}");
    for (source, location) in [
        (&named, &root),
        (&root, &root),
        (&format!("{root}/a"), &format!("{root}/a")),
    ] {
        for model in [json!(model_id), json!(null)] {
            let made = make(source, model).ok()["model_version"].take();
            assert_eq!((&made["source"], &made["run_id"]), (&json!(source), &json!(run)));
            let uri = tracker
                .get(&format!(
                    "model-versions/get-download-uri?name=m&version={}",
                    made["version"].as_str().unwrap()
                ))
                .ok();
            assert_eq!(uri["artifact_uri"], json!(location));
        }
    }
    let tags = read(&tracker, &model_id)["info"]["tags"].take();
    let noted: Value = serde_json::from_str(tags[0]["value"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&tags[0]["key"], noted.as_array().unwrap().len()),
        (&json!("mlflow.modelVersions"), 6)
    );
    assert_eq!(noted[0], json!({"name": "m", "version": 1}));

    let other = id(&create(&tracker, json!({})));
    for (source, model) in [
        (&*named, &*other),
        (&root, &other),
        ("", &model_id),
        (&format!("runs:/{run}/l"), &model_id),
        (&named, "m-1"),
        (&format!("models:/m-{}", "0".repeat(32)), ""),
        (&format!("mlflow-artifacts:/1/models/{model_id}/artifacts"), ""),
        (&format!("mlflow-artifacts:/0/models/{model_id}"), &model_id),
    ] {
        make(source, json!(model)).fails(400, "INVALID_PARAMETER_VALUE");
    }
    make("models:/m/1", json!(model_id)).ok();
    make("models:/m/1", json!(other)).fails(400, "INVALID_PARAMETER_VALUE");
    let own = make(&format!("models:/{other}"), json!(null)).ok()["model_version"].take();
    assert_eq!(
        tracker.read(own["run_id"].as_str().unwrap())["info"]["lifecycle_stage"],
        "active"
    );
    delete(&tracker, &model_id).ok();
    make(&named, json!(model_id)).fails(400, "INVALID_PARAMETER_VALUE");
}
