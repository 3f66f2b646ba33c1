//! Changes of several chosen runs.

use serde_json::json;

use super::experiment::Logged;
use super::{page, submit};

fn chosen<'a>(logged: &'a Logged, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let runs = logged.runs.iter().map(|run| ("run", run.as_str()));
    runs.chain(more.iter().copied()).collect()
}

#[test]
fn chosen_runs_are_deleted_after_a_question_and_restored() {
    let logged = Logged::pair();
    let tracker = &logged.tracker;
    let back = "filter=tags.team%20!%3D%20%27x%27";
    let query = format!(
        "run={}&run={}&back={}",
        logged.runs[0],
        logged.runs[1],
        mlforge_ui::link::encoded(back)
    );
    let asked = page(tracker, &format!("experiments/1/runs/delete?{query}")).ok();
    let asked = asked.shows("Delete the chosen runs?").shows("<bdi>small</bdi>");
    asked.shows(&format!("name=\"run\" value=\"{}\"", logged.runs[1]));
    let fields = chosen(&logged, &[("back", back)]);
    let deleted = submit(tracker, "experiments/1/runs/delete", &fields);
    // The way leads back to the table from which the runs were chosen.
    assert_eq!(deleted.leads_to(), format!("experiments/1?{back}"));
    logged.table("?filter=").ok().hides("bdi>small</bdi");
    logged
        .table("?show=deleted")
        .ok()
        .shows("bdi>small</bdi")
        .shows("runs/restore");
    logged
        .table("?show=all")
        .ok()
        .shows("<span class=\"tag\">Deleted</span>");
    page(tracker, &format!("experiments/1/runs/restore?{query}"))
        .ok()
        .shows("Restore the chosen runs?");
    submit(tracker, "experiments/1/runs/restore", &chosen(&logged, &[])).leads_to();
    logged.table("").ok().shows("bdi>small</bdi").shows("bdi>large</bdi");
}

#[test]
fn of_chosen_runs_all_are_deleted_or_none() {
    let logged = Logged::pair();
    let tracker = &logged.tracker;
    tracker.model("m");
    let version = tracker.version("m", None);
    let run = version["run_id"].as_str().unwrap().to_owned();
    let fields = chosen(&logged, &[("run", &run)]);
    let refused = submit(tracker, "experiments/1/runs/delete", &fields);
    assert_eq!(refused.status, 400);
    refused.shows("associated to a model version");
    logged.table("").ok().shows("bdi>small</bdi").shows("bdi>large</bdi");
}

#[test]
fn a_tag_is_set_of_chosen_runs() {
    let logged = Logged::pair();
    let tracker = &logged.tracker;
    let query = format!("run={}", logged.runs[0]);
    page(tracker, &format!("experiments/1/runs/tag?{query}"))
        .ok()
        .shows("<bdi>small</bdi>");
    let fields = chosen(&logged, &[("key", "team"), ("value", "green")]);
    submit(tracker, "experiments/1/runs/tag", &fields).leads_to();
    for run in &logged.runs {
        let read = tracker.read(run);
        let tags = read["data"]["tags"].as_array().unwrap();
        assert!(tags.contains(&json!({"key": "team", "value": "green"})), "{tags:?}");
    }
    for (key, message) in [
        ("../x", "must not resolve"),
        ("mlforge.ci.id", "The server writes the tag"),
        ("", "Missing value"),
    ] {
        let fields = chosen(&logged, &[("key", key), ("value", "v")]);
        let refused = submit(tracker, "experiments/1/runs/tag", &fields);
        assert_eq!(refused.status, 400, "{key}");
        refused.shows(message).shows("role=\"alert\"");
    }
}

#[test]
fn a_change_of_no_run_or_of_too_many_is_refused() {
    let logged = Logged::pair();
    let none = page(&logged.tracker, "experiments/1/runs/delete?back=show%3Dall");
    assert_eq!(none.status, 400);
    none.shows("No run is chosen").shows("experiments/1?show=all");
    let many = vec![("run", logged.runs[0].as_str()); 101];
    let refused = submit(&logged.tracker, "experiments/1/runs/delete", &many);
    assert_eq!(refused.status, 400);
    refused.shows("at most 100");
    let unknown = submit(&logged.tracker, "experiments/1/runs/delete", &[("run", "x")]);
    assert_eq!(unknown.status, 404);
}

#[test]
fn a_way_back_leads_nowhere_else() {
    let logged = Logged::pair();
    for back in ["a b", "x\r\nset-cookie: a=b", "ü"] {
        let fields = [("run", logged.runs[0].as_str()), ("back", back)];
        let changed = submit(&logged.tracker, "experiments/1/runs/restore", &fields);
        assert_eq!(changed.leads_to(), "experiments/1", "{back:?}");
    }
}
