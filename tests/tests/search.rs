//! The search languages of runs and experiments, asked through the front door.

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

/// The six runs A to F of the contract's golden results; C's id is lower than B's, as there.
fn golden() -> (Tracker, Vec<(char, String)>) {
    let tracker = Tracker::fresh();
    let twins = [tracker.run("0", 200), tracker.run("0", 200)];
    let [lower, higher] = if twins[0] < twins[1] {
        twins
    } else {
        [twins[1].clone(), twins[0].clone()]
    };
    let rows = [
        (
            'A',
            tracker.run("0", 100),
            Some(json!(1)),
            Some("1"),
            Some("Foo"),
            Some(("FINISHED", 500)),
        ),
        (
            'B',
            higher,
            Some(json!(2)),
            Some("2"),
            Some("foobar"),
            Some(("FAILED", 300)),
        ),
        ('C', lower, Some(json!("NaN")), Some("10"), Some("FOO%"), None),
        (
            'D',
            tracker.run("0", 300),
            Some(json!("Infinity")),
            None,
            Some("f_o"),
            None,
        ),
        (
            'E',
            tracker.run("0", 50),
            Some(json!("-Infinity")),
            Some(""),
            None,
            None,
        ),
        ('F', tracker.run("0", 0), None, Some("it's"), Some("say \"hi\""), None),
    ];
    let mut names = Vec::new();
    for (name, run, metric, param, tag, end) in rows {
        let mut batch = json!({"run_id": run, "tags": [{"key": "mlflow.runName", "value": name.to_string()}]});
        if let Some(value) = metric {
            batch["metrics"] = json!([{"key": "m", "value": value, "timestamp": 1}]);
        }
        if let Some(value) = param {
            batch["params"] = json!([{"key": "p", "value": value}]);
        }
        if let Some(value) = tag {
            batch["tags"]
                .as_array_mut()
                .unwrap()
                .push(json!({"key": "t", "value": value}));
        }
        tracker.post("runs/log-batch", batch).ok();
        if let Some((status, end_time)) = end {
            tracker
                .post(
                    "runs/update",
                    json!({"run_id": run, "status": status, "end_time": end_time}),
                )
                .ok();
        }
        names.push((name, run));
    }
    (tracker, names)
}

fn letters(page: &Value) -> String {
    let runs = page["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    runs.iter()
        .map(|run| run["info"]["run_name"].as_str().unwrap())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn filters_find_what_the_real_server_finds() {
    let (tracker, _) = golden();
    let golden = [
        ("", "D C B A E F"),
        ("metrics.m > 1", "D B"),
        ("metrics.m >= 1", "D B A"),
        ("metrics.m != 1", "D C B E"),
        ("metrics.m < 2", "A E"),
        ("params.p LIKE '1%'", "C A"),
        ("params.p ILIKE '1_'", "C"),
        ("params.p != '1'", "C B E F"),
        ("params.p IS NULL", "D"),
        ("tags.t LIKE 'foo%'", "B"),
        ("tags.t ILIKE 'foo%'", "C B A"),
        ("tags.t LIKE 'f_o'", "D"),
        ("status LIKE 'F%'", "B A"),
        ("end_time > 0", "B A"),
        ("run_name ILIKE 'a'", "A"),
        ("params.p = \"it's\"", "F"),
        ("metrics.m > 0 AND params.p = '2' and tags.t LIKE '%bar'", "B"),
        ("metrics.none > 0", ""),
    ];
    for (filter, expected) in golden {
        let page = tracker
            .post("runs/search", json!({"experiment_ids": ["0"], "filter": filter}))
            .ok();
        assert_eq!(letters(&page), expected, "{filter}");
    }
}

#[test]
fn orders_match_the_real_server_and_pages_have_no_gap_or_duplicate() {
    let (tracker, _) = golden();
    let golden = [
        (json!([]), "D C B A E F"),
        (json!(["metrics.m"]), "E A B D C F"),
        (json!(["metrics.m DESC"]), "D B A E C F"),
        (json!(["params.p"]), "E A C B F D"),
        (json!(["params.p DESC"]), "F B C A E D"),
        (json!(["end_time"]), "B A D C E F"),
        (json!(["end_time DESC"]), "A B D C E F"),
        (json!(["status"]), "B A D C E F"),
        (json!(["start_time ASC"]), "F E A C B D"),
        (json!(["attributes.start_time DESC"]), "D C B A E F"),
        (json!(["tags.none", "metrics.m desc"]), "D B A E C F"),
    ];
    for (order, expected) in golden {
        for (size, filter) in [(1000, ""), (1, ""), (2, "start_time >= 0"), (4, ""), (6, "")] {
            let (mut walked, mut token) = (Vec::new(), json!(""));
            while !token.is_null() {
                let query = json!({
                    "experiment_ids": ["0"], "order_by": order, "max_results": size, "page_token": token, "filter": filter,
                });
                let page = tracker.post("runs/search", query).ok();
                walked.extend(letters(&page).split(' ').map(str::to_owned).collect::<Vec<_>>());
                token = page["next_page_token"].clone();
            }
            assert_eq!(walked.join(" "), expected, "{order} {size}");
        }
    }
}

#[test]
fn the_error_of_a_filter_or_order_names_position_and_reason() {
    let tracker = Tracker::fresh();
    for (filter, named) in [
        ("metrics.m > 'x'", "'x'"),
        ("params.p = 5", "5"),
        ("nothing.m > 1", "nothing"),
        ("attribute.lifecycle_stage = 'x'", "start_time"),
        ("metrics.m > 1 OR metrics.n > 1", "OR"),
        ("   ", "   "),
        ("tags.t RLIKE 'x'", "RLIKE"),
        ("run_id IN ()", "character 12"),
    ] {
        let query = json!({"experiment_ids": ["0"], "filter": filter});
        let message = tracker.post("runs/search", query).fails(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains(named), "{filter}: {message}");
    }
    for order in [
        "dataset.name",
        "metrics.m UP",
        " metrics.m",
        "experiment_id",
        "status, end_time",
    ] {
        let query = json!({"experiment_ids": ["0"], "order_by": [order]});
        tracker.post("runs/search", query).fails(400, "INVALID_PARAMETER_VALUE");
    }
    let twice = json!({"experiment_ids": ["0"], "order_by": ["metrics.m", "metrics.m DESC"]});
    tracker.post("runs/search", twice).fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn datasets_are_searched_by_name_digest_and_context() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    tracker.run("0", 2);
    let input = json!({
        "tags": [{"key": "mlflow.data.context", "value": "train"}],
        "dataset": {"name": "iris", "digest": "abc", "source_type": "local", "source": "{}"},
    });
    tracker
        .post("runs/log-inputs", json!({"run_id": run, "datasets": [input]}))
        .ok();
    for (filter, found) in [
        ("dataset.name = 'iris'", 1),
        ("datasets.digest LIKE 'a%' AND dataset.context = 'train'", 1),
        ("dataset.name = 'x'", 0),
        ("dataset.context IN ('train', 'eval')", 1),
    ] {
        let page = tracker
            .post("runs/search", json!({"experiment_ids": ["0"], "filter": filter}))
            .ok();
        assert_eq!(page["runs"].as_array().map_or(0, Vec::len), found, "{filter}");
    }
}

#[test]
fn a_rare_run_is_found_among_many() {
    let tracker = Tracker::fresh();
    let requests = (0..700)
        .map(|n| {
            (
                "POST",
                "/api/2.0/mlflow/runs/create".to_owned(),
                json!({"experiment_id": "0", "start_time": n}),
            )
        })
        .collect();
    for reply in tracker.send_all(requests) {
        reply.ok();
    }
    let rare = tracker.run("0", -5);
    let all = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    assert_eq!(all["runs"].as_array().map(Vec::len), Some(701));
    tracker
        .post(
            "runs/log-parameter",
            json!({"run_id": rare, "key": "rare", "value": "yes"}),
        )
        .ok();
    for query in [
        json!({"filter": "params.rare = 'yes'"}),
        json!({"order_by": ["params.rare"]}),
    ] {
        let mut query = query;
        query["experiment_ids"] = json!(["0"]);
        query["max_results"] = json!(1);
        let page = tracker.post("runs/search", query.clone()).ok();
        assert_eq!(page["runs"][0]["info"]["run_id"], rare.as_str(), "{query}");
    }
}

#[test]
fn experiments_are_searched_by_name_time_and_tags() {
    let tracker = Tracker::fresh();
    for name in ["alpha", "beta", "Alphabet"] {
        tracker.experiment(name);
    }
    tracker
        .post(
            "experiments/set-experiment-tag",
            json!({"experiment_id": "2", "key": "team", "value": "vision"}),
        )
        .ok();
    let search = |query: Value| {
        let mut query = query;
        query["max_results"] = json!(10);
        let page = tracker.post("experiments/search", query).ok();
        let found = page["experiments"].as_array().cloned().unwrap_or_default();
        found
            .iter()
            .map(|experiment| experiment["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(search(json!({"filter": "name LIKE 'alpha%'"})), "alpha");
    assert_eq!(search(json!({"filter": "name ILIKE 'alpha%'"})), "alpha Alphabet");
    assert_eq!(search(json!({"filter": "tags.team = 'vision'"})), "beta");
    assert_eq!(
        search(json!({"filter": "creation_time > 0", "order_by": ["name DESC"]})),
        "beta alpha Default Alphabet"
    );
    assert_eq!(
        search(json!({"order_by": ["creation_time ASC"]})),
        "Default Alphabet beta alpha"
    );
    let (mut walked, mut token) = (Vec::new(), json!(""));
    while !token.is_null() {
        let query = json!({"max_results": 1, "order_by": ["name"], "page_token": token, "filter": "name != 'beta'"});
        let page = tracker.post("experiments/search", query).ok();
        walked.push(page["experiments"][0]["name"].as_str().unwrap().to_owned());
        token = page["next_page_token"].clone();
    }
    assert_eq!(walked, ["Alphabet", "Default", "alpha"]);
    for wrong in [
        json!({"filter": "params.x = 'y'"}),
        json!({"filter": "nothing = 'y'"}),
        json!({"order_by": ["tags.team"]}),
    ] {
        let mut query = wrong;
        query["max_results"] = json!(10);
        tracker
            .post("experiments/search", query)
            .fails(400, "INVALID_PARAMETER_VALUE");
    }
}
