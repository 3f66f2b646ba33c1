//! Authors: the caller as the forge knows them is kept with every run, model and version.

use mlforge::forge::Actor;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

fn ada() -> Actor {
    Actor {
        name: Some("Ada Lovelace".into()),
        ..Actor::new("42", "ada")
    }
}

fn as_ada() -> Tracker {
    let tracker = Tracker::fresh();
    tracker.ci().set_actor(ada());
    tracker
}

fn author() -> Value {
    json!({"id": "42", "login": "ada", "name": "Ada Lovelace"})
}

/// Creates a run with a user of the client's choice.
fn run_of(tracker: &Tracker, user: Option<&str>) -> String {
    let body = json!({"experiment_id": "0", "user_id": user});
    let created = tracker.post("runs/create", body).ok();
    created["run"]["info"]["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_has_the_caller_beside_the_clients_user() {
    let tracker = as_ada();
    let (sent, unsent) = (run_of(&tracker, Some("root")), run_of(&tracker, None));
    tracker.pack();
    for (run, user) in [(sent, "root"), (unsent, "ada")] {
        let info = tracker.read(&run)["info"].take();
        assert_eq!((&info["author"], &info["user_id"]), (&author(), &json!(user)));
    }
    let found = tracker.post("runs/search", json!({"experiment_ids": ["0"]})).ok();
    assert!(
        found["runs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|run| run["info"]["author"] == author())
    );
}

#[test]
fn a_model_and_a_version_with_its_run_have_the_caller() {
    let tracker = as_ada();
    assert_eq!(tracker.model("m")["author"], author());
    let version = tracker.version("m", None);
    for version in [
        version.clone(),
        tracker.read_version("m", "1"),
        tracker.read_model("m")["latest_versions"][0].take(),
        tracker.get("model-versions/search").ok()["model_versions"][0].take(),
    ] {
        assert_eq!((&version["author"], &version["user_id"]), (&author(), &json!("ada")));
    }
    assert_eq!(tracker.read_model("m")["author"], author());
    let run = tracker.read(version["run_id"].as_str().unwrap());
    assert_eq!(run["info"]["author"], author());
}

#[test]
fn an_author_adds_no_tag() {
    let tracker = as_ada();
    let run = run_of(&tracker, None);
    let tags = tracker.read(&run)["data"]["tags"].take();
    assert_eq!(tags.as_array().unwrap().len(), 1, "{tags}");
    assert_eq!(tracker.model("m")["tags"], Value::Null);
}

#[test]
fn an_author_stays_whoever_changes_the_item_and_however_they_are_called_now() {
    let tracker = as_ada();
    let run = run_of(&tracker, None);
    tracker.model("m");
    tracker.version("m", None);
    tracker.ci().set_actor(Actor::new("42", "countess"));
    let renamed = json!({"run_id": run, "run_name": "n", "status": "FINISHED"});
    tracker.post("runs/update", renamed).ok();
    tracker.post("runs/delete", json!({"run_id": run})).ok();
    tracker.post("runs/restore", json!({"run_id": run})).ok();
    let described = json!({"name": "m", "version": "1", "description": "d"});
    tracker.patch("model-versions/update", described).ok();
    let staged = json!({"name": "m", "version": "1", "stage": "Production"});
    tracker.post("model-versions/transition-stage", staged).ok();
    let described = json!({"name": "m", "description": "d"});
    tracker.patch("registered-models/update", described).ok();
    assert_eq!(tracker.read(&run)["info"]["author"], author());
    assert_eq!(tracker.read_version("m", "1")["author"], author());
    assert_eq!(tracker.read_model("m")["author"], author());
    let later = run_of(&tracker, None);
    let same_user = json!({"id": "42", "login": "countess"});
    assert_eq!(tracker.read(&later)["info"]["author"], same_user);
}

#[test]
fn texts_of_an_author_may_have_any_characters() {
    let tracker = Tracker::fresh();
    let odd = "Åda %41\t\"<b>\r\nx-mlforge-rights: write 模";
    tracker.ci().set_actor(Actor {
        name: Some(odd.into()),
        ..Actor::new(odd, odd)
    });
    let run = run_of(&tracker, None);
    let expected = json!({"id": odd, "login": odd, "name": odd});
    let info = tracker.read(&run)["info"].take();
    assert_eq!((&info["author"], &info["user_id"]), (&expected, &json!(odd)));
}

/// The end of the record of an item whose author is Ada.
fn stored_author() -> Vec<u8> {
    let text = |text: &str| [&u32::try_from(text.len()).unwrap().to_be_bytes()[..], text.as_bytes()].concat();
    [text("42"), text("ada"), vec![1], text("Ada Lovelace")].concat()
}

#[test]
fn an_item_that_is_older_than_its_author_has_none() {
    let tracker = as_ada();
    let run = run_of(&tracker, Some("root"));
    tracker.model("m");
    tracker.version("m", Some("1.0.0"));
    let model = tracker.read_model("m");
    let all = [b'r', b'M', b'V'].into_iter().flat_map(|kind| tracker.records_of(kind));
    let older = all.filter_map(|(key, value)| {
        let before = value.strip_suffix(&stored_author()[..])?;
        // The byte before the author of a version belongs to the author.
        let before = if key[0] == b'V' {
            &before[..before.len() - 1]
        } else {
            before
        };
        Some((key, before.to_vec()))
    });
    let older: Vec<_> = older.collect();
    // The run, the version's run, the model and the version.
    assert_eq!(older.len(), 4);
    tracker.put_records(older);
    let info = tracker.read(&run)["info"].take();
    assert_eq!((&info["author"], &info["user_id"]), (&Value::Null, &json!("root")));
    let version = tracker.read_version("m", "1");
    assert_eq!((&version["author"], &version["user_id"]), (&Value::Null, &Value::Null));
    assert_eq!(tracker.read_model("m")["author"], Value::Null);
    assert_eq!(tracker.read_model("m")["name"], model["name"]);
}
