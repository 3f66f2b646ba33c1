//! `registered-models/…`

use mlforge_tests::tracker::{NOW_MS, Tracker};
use serde_json::{Value, json};

fn names(page: &Value) -> Vec<&str> {
    let models = page["registered_models"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    models.iter().map(|model| model["name"].as_str().unwrap()).collect()
}

fn search(tracker: &Tracker, query: &str) -> Value {
    tracker.get(&format!("registered-models/search?{query}")).ok()
}

fn experiment(tracker: &Tracker, name: &str) -> Option<Value> {
    let mut reply = tracker.get(&format!("experiments/get-by-name?experiment_name={name}"));
    (reply.status == 200).then(|| reply.body["experiment"].take())
}

#[test]
fn a_created_model_is_read_with_its_tags() {
    let tracker = Tracker::fresh();
    let body = json!({"name": "m", "description": "d", "tags": [
        {"key": "b", "value": "1"}, {"key": "a"}, {"key": "b", "value": "2"},
    ]});
    let made = tracker.post("registered-models/create", body).ok();
    let expected = json!({"registered_model": {
        "name": "m", "creation_timestamp": NOW_MS, "last_updated_timestamp": NOW_MS, "description": "d",
        "tags": [{"key": "a", "value": ""}, {"key": "b", "value": "2"}],
    }});
    assert_eq!(made, expected);
    assert_eq!(tracker.get("registered-models/get?name=m").ok(), expected);
    let plain = json!({"name": "plain", "creation_timestamp": NOW_MS, "last_updated_timestamp": NOW_MS});
    assert_eq!(tracker.model("plain"), plain);
}

#[test]
fn a_name_is_required_and_is_no_path_or_uri() {
    let tracker = Tracker::fresh();
    for name in [
        json!(null),
        json!(""),
        json!(" "),
        json!("a/b"),
        json!("a:b"),
        json!("."),
        json!(".."),
        json!(5),
        json!("x".repeat(494)),
    ] {
        let refused = tracker.post("registered-models/create", json!({"name": name}));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
    tracker.model("größe 모델 @1.0");
    for endpoint in [
        "registered-models/get?name=a%2Fb",
        "registered-models/get",
        "registered-models/get?name=",
    ] {
        tracker.get(endpoint).fails(400, "INVALID_PARAMETER_VALUE");
    }
    assert_eq!(
        tracker
            .get("registered-models/get?name=none")
            .fails(404, "RESOURCE_DOES_NOT_EXIST"),
        "Registered Model with name=none not found"
    );
}

#[test]
fn a_name_is_taken_once_by_model_or_prompt() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let create = |name: &str, prompt: bool| {
        let tags = if prompt {
            json!([{"key": "mlflow.prompt.is_prompt", "value": "true"}])
        } else {
            json!([])
        };
        tracker.post("registered-models/create", json!({"name": name, "tags": tags}))
    };
    assert_eq!(
        create("m", false).fails(400, "RESOURCE_ALREADY_EXISTS"),
        "Registered Model (name=m) already exists."
    );
    assert!(
        create("m", true)
            .fails(400, "RESOURCE_ALREADY_EXISTS")
            .contains("already taken by a registered model")
    );
    create("p", true).ok();
    assert_eq!(
        create("p", true).fails(400, "RESOURCE_ALREADY_EXISTS"),
        "Prompt (name=p) already exists."
    );
    assert!(
        create("p", false)
            .fails(400, "RESOURCE_ALREADY_EXISTS")
            .contains("already taken by a prompt")
    );
}

#[test]
fn a_model_owns_an_experiment_of_its_name_and_runs_are_logged_to_it() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let id = experiment(&tracker, "[model]m").unwrap()["experiment_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let run = tracker.run(&id, 1);
    assert_eq!(tracker.read(&run)["info"]["experiment_id"], id);
    tracker
        .post("registered-models/rename", json!({"name": "m", "new_name": "n"}))
        .ok();
    assert_eq!(experiment(&tracker, "[model]m"), None);
    assert_eq!(experiment(&tracker, "[model]n").unwrap()["experiment_id"], id);
    tracker.delete("registered-models/delete", json!({"name": "n"})).ok();
    assert_eq!(experiment(&tracker, "[model]n"), None);
    let gone = tracker.get(&format!("experiments/get?experiment_id={id}")).ok();
    assert_eq!(gone["experiment"]["lifecycle_stage"], "deleted");
    assert_eq!(tracker.read(&run)["info"]["lifecycle_stage"], "deleted");
}

#[test]
fn a_models_experiment_is_not_renamed_or_deleted_on_its_own() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let id = experiment(&tracker, "[model]m").unwrap()["experiment_id"].take();
    let deleted = tracker.post("experiments/delete", json!({"experiment_id": id}));
    assert!(
        deleted
            .fails(400, "INVALID_PARAMETER_VALUE")
            .starts_with("Cannot delete an experiment associated to a model")
    );
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "x"}))
        .fails(400, "INVALID_PARAMETER_VALUE");
    assert_eq!(experiment(&tracker, "[model]m").unwrap()["lifecycle_stage"], "active");
    // Other operations on experiments apply to it too.
    let tag = json!({"experiment_id": id, "key": "k", "value": "v"});
    tracker.post("experiments/set-experiment-tag", tag).ok();
}

#[test]
fn a_name_whose_experiment_is_taken_is_refused_and_nothing_is_stored() {
    let tracker = Tracker::fresh();
    let id = tracker.experiment("[model]m");
    tracker
        .post("registered-models/create", json!({"name": "m"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker
        .get("registered-models/get?name=m")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    tracker.model("n");
    tracker
        .post("registered-models/rename", json!({"name": "n", "new_name": "m"}))
        .fails(400, "RESOURCE_ALREADY_EXISTS");
    assert_eq!(tracker.read_model("n")["name"], "n");
    tracker
        .post("experiments/update", json!({"experiment_id": id, "new_name": "free"}))
        .ok();
    tracker.model("m");
    // A plain experiment and a model may have one name.
    tracker.experiment("both");
    tracker.model("both");
}

#[test]
fn a_deleted_models_name_is_free_and_its_numbers_start_again() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let first = experiment(&tracker, "[model]m").unwrap()["experiment_id"].take();
    for _ in 0..3 {
        tracker.version("m", None);
    }
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "m", "alias": "a", "version": "2"}),
        )
        .ok();
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    tracker
        .delete("registered-models/delete", json!({"name": "m"}))
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    for gone in [
        "registered-models/get?name=m",
        "model-versions/get?name=m&version=1",
        "model-versions/get-download-uri?name=m&version=1.0.0",
        "registered-models/alias?name=m&alias=a",
    ] {
        tracker.get(gone).fails(404, "RESOURCE_DOES_NOT_EXIST");
    }
    assert_eq!(tracker.get("model-versions/search").ok(), json!({}));
    tracker.model("m");
    let version = tracker.version("m", None);
    assert_eq!(
        (&version["version"], &version["aliases"]),
        (&json!("1"), &json!(["1.0.0"]))
    );
    assert_eq!(tracker.read_model("m")["aliases"], json!(null));
    // The old experiment gets its name back only if the name is free.
    let restore = |id: &Value| tracker.post("experiments/restore", json!({"experiment_id": id}));
    restore(&first).fails(400, "RESOURCE_ALREADY_EXISTS");
    tracker.delete("registered-models/delete", json!({"name": "m"})).ok();
    restore(&first).ok();
    assert_eq!(experiment(&tracker, "[model]m").unwrap()["experiment_id"], first);
    tracker.post("experiments/delete", json!({"experiment_id": first})).ok();
}

#[test]
fn a_rename_carries_versions_tags_and_aliases() {
    let tracker = Tracker::fresh();
    tracker.model("old");
    tracker.version("old", Some("1.2.3"));
    tracker
        .post(
            "registered-models/set-tag",
            json!({"name": "old", "key": "k", "value": "v"}),
        )
        .ok();
    tracker
        .post(
            "registered-models/alias",
            json!({"name": "old", "alias": "a", "version": "1"}),
        )
        .ok();
    let rename = |name: &str, new_name: Value| {
        tracker.post("registered-models/rename", json!({"name": name, "new_name": new_name}))
    };
    let renamed = rename("old", json!("new")).ok()["registered_model"].take();
    assert_eq!(renamed["tags"], json!([{"key": "k", "value": "v"}]));
    assert_eq!(renamed["aliases"], json!([{"alias": "a", "version": "1"}]));
    assert_eq!(renamed["latest_versions"][0]["name"], "new");
    assert_eq!(tracker.read_model("new"), renamed);
    assert_eq!(tracker.read_version("new", "1.2.3")["name"], "new");
    tracker
        .get("model-versions/get?name=old&version=1")
        .fails(404, "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(names(&search(&tracker, "filter=name='new'")), ["new"]);
    assert_eq!(search(&tracker, "filter=name='old'"), json!({}));
    tracker.model("old");
    rename("old", json!("new")).fails(400, "RESOURCE_ALREADY_EXISTS");
    rename("new", json!("new")).ok();
    rename("none", json!("x")).fails(404, "RESOURCE_DOES_NOT_EXIST");
    for bad in [json!(null), json!(""), json!("a/b")] {
        rename("new", bad).fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn an_update_without_a_description_removes_it() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let update = |body: Value| tracker.patch("registered-models/update", body);
    assert_eq!(
        update(json!({"name": "m", "description": "d"})).ok()["registered_model"]["description"],
        "d"
    );
    assert_eq!(
        update(json!({"name": "m"})).ok()["registered_model"]["description"],
        json!(null)
    );
    update(json!({"name": "none"})).fails(404, "RESOURCE_DOES_NOT_EXIST");
    update(json!({"name": "m", "description": "x".repeat(100_001)})).fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn tags_are_set_overwritten_and_deleted() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let set = |key: &str, value: &str| {
        tracker.post(
            "registered-models/set-tag",
            json!({"name": "m", "key": key, "value": value}),
        )
    };
    set("k", "1").ok();
    set("k", "2").ok();
    set("gitlab.version", "no version of a model").ok();
    set("a@b", "").fails(400, "INVALID_PARAMETER_VALUE");
    set("k", &"x".repeat(100_001)).fails(400, "INVALID_PARAMETER_VALUE");
    set("long", &"x".repeat(100_000)).ok();
    let delete =
        |name: &str, key: &str| tracker.delete("registered-models/delete-tag", json!({"name": name, "key": key}));
    for key in ["long", "gitlab.version", "nobody set this"] {
        delete("m", key).ok();
    }
    assert_eq!(tracker.read_model("m")["tags"], json!([{"key": "k", "value": "2"}]));
    delete("none", "k").fails(404, "RESOURCE_DOES_NOT_EXIST");
    delete("m", "").fails(400, "INVALID_PARAMETER_VALUE");
}

#[test]
fn a_search_finds_by_name_and_tags() {
    let tracker = Tracker::fresh();
    for (name, tag) in [("alpha", "1"), ("Alps", "2"), ("beta", "1")] {
        let tags = json!([{"key": "t", "value": tag}, {"key": "a b", "value": "x"}]);
        tracker
            .post("registered-models/create", json!({"name": name, "tags": tags}))
            .ok();
    }
    for (filter, expected) in [
        ("", &["Alps", "alpha", "beta"][..]),
        ("name = 'alpha'", &["alpha"]),
        ("name='alp'", &[]),
        ("name != 'alpha'", &["Alps", "beta"]),
        ("name LIKE 'alp%25'", &["alpha"]),
        ("name ILIKE 'alp%25'", &["Alps", "alpha"]),
        ("name IN ('beta', 'Alps', 'none')", &["Alps", "beta"]),
        ("name NOT IN ('beta')", &["Alps", "alpha"]),
        ("attribute.name = 'beta' AND tags.t = '1'", &["beta"]),
        ("tag.`a b` = 'x' AND tags.t != '1'", &["Alps"]),
        ("tags.none != 'x'", &[]),
    ] {
        assert_eq!(
            names(&search(&tracker, &format!("filter={filter}"))),
            expected,
            "{filter}"
        );
    }
    for bad in [
        "name > 'a'",
        "timestamp = 1",
        "attributes.name = 'a'",
        "params.a = 'b'",
        "tags.t IS NULL",
        "name = 5",
        "id = 'x'",
    ] {
        let refused = tracker.get(&format!("registered-models/search?filter={bad}"));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn pages_by_name_or_another_order_have_no_gap_or_duplicate() {
    let tracker = Tracker::fresh();
    let made: Vec<String> = (0..7).map(|number| format!("m{number}")).collect();
    for name in made.iter().rev() {
        tracker.model(name);
    }
    let walk = |more: &str| {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let page = search(&tracker, &format!("max_results=3&page_token={token}{more}"));
            found.extend(names(&page).into_iter().map(str::to_owned));
            match page["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => return found,
            }
        }
    };
    for order in [
        "",
        "&order_by=name",
        "&order_by=timestamp DESC",
        "&order_by=last_updated_timestamp&order_by=name ASC",
    ] {
        assert_eq!(walk(order), made, "{order}");
    }
    assert!(walk("&order_by=name DESC").iter().eq(made.iter().rev()));
    assert_eq!(
        walk("&filter=name IN ('m5','m1','m3','m0','x')"),
        ["m0", "m1", "m3", "m5"]
    );
    assert_eq!(walk("&filter=name LIKE '%25%25'"), made);
    for bad in [
        "max_results=0",
        "max_results=1001",
        "max_results=x",
        "page_token=zz",
        "page_token=00",
        "order_by=creation_timestamp",
        "order_by=attribute.name",
        "order_by=timestamp&order_by=last_updated_timestamp",
        "order_by=tags.t",
        "order_by=",
    ] {
        let refused = tracker.get(&format!("registered-models/search?{bad}"));
        refused.fails(400, "INVALID_PARAMETER_VALUE");
    }
}

#[test]
fn prompts_are_hidden_unless_asked_for() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let mark = |value: &str| json!([{"key": "mlflow.prompt.is_prompt", "value": value}]);
    tracker
        .post("registered-models/create", json!({"name": "p", "tags": mark("true")}))
        .ok();
    tracker
        .post("registered-models/create", json!({"name": "q", "tags": mark("false")}))
        .ok();
    let found = |filter: &str| {
        let page = search(&tracker, &format!("filter={filter}"));
        names(&page).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let key = "tags.`mlflow.prompt.is_prompt`";
    for hiding in [
        String::new(),
        format!("{key} != 'true'"),
        format!("tag.{} = 'false'", "mlflow.prompt.is_prompt"),
    ] {
        assert_eq!(found(&hiding), ["m", "q"], "{hiding}");
    }
    assert_eq!(found(&format!("{key} = 'true'")), ["p"]);
    assert_eq!(found(&format!("{key} != 'false'")), ["p"]);
    assert_eq!(found(&format!("name = 'p' AND {key} = 'true'")), ["p"]);
    assert_eq!(found("name = 'p'"), [""; 0]);
}

#[test]
fn one_of_many_concurrent_creations_of_a_model_succeeds() {
    let tracker = Tracker::fresh();
    let create = |_| {
        (
            "POST",
            "/api/2.0/mlflow/registered-models/create".to_owned(),
            json!({"name": "m"}),
        )
    };
    let replies = tracker.send_all((0..16).map(create).collect());
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for reply in replies.into_iter().filter(|reply| reply.status != 200) {
        reply.fails(400, "RESOURCE_ALREADY_EXISTS");
    }
    let found = tracker
        .post("experiments/search", json!({"max_results": 10, "view_type": "ALL"}))
        .ok();
    assert_eq!(found["experiments"].as_array().unwrap().len(), 2);
}

#[test]
fn projects_do_not_see_each_others_models() {
    let mut tracker = Tracker::fresh();
    tracker.model("m");
    tracker.version("m", None);
    tracker.in_project(2, |other| {
        other
            .get("registered-models/get?name=m")
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        other
            .get("model-versions/get?name=m&version=1")
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(other.get("registered-models/search").ok(), json!({}));
        assert_eq!(other.get("model-versions/search").ok(), json!({}));
        other.model("m");
    });
}

#[test]
fn an_impossible_model_name_is_not_found() {
    let tracker = Tracker::fresh();
    let long = "x".repeat(5_000);
    for name in [&*long, "a%0Ab"] {
        tracker
            .get(&format!("registered-models/get?name={name}"))
            .fails(404, "RESOURCE_DOES_NOT_EXIST");
        assert_eq!(search(&tracker, &format!("filter=name='{name}'")), json!({}));
        let found = tracker.get(&format!("model-versions/search?filter=name='{name}'"));
        assert_eq!(found.ok(), json!({}));
    }
}
