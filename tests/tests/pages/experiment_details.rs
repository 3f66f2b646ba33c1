//! The details of an experiment, and their changes.

use mlforge_tests::tracker::Tracker;

use super::experiment::Logged;
use super::{page, submit};

#[test]
fn an_experiment_is_renamed_and_a_mistake_is_shown_at_its_form() {
    let tracker = Tracker::fresh();
    tracker.experiment("old");
    tracker.experiment("taken");
    let renamed = submit(&tracker, "experiments/1/rename", &[("name", " new ")]);
    assert_eq!(renamed.leads_to(), "experiments/1/details");
    page(&tracker, "experiments/1").ok().shows("<bdi>new</bdi></h1>");
    for (name, message) in [("taken", "already exists"), ("", "Missing value")] {
        let refused = submit(&tracker, "experiments/1/rename", &[("name", name)]);
        assert_eq!(refused.status, 400);
        refused.shows(message).shows(&format!("value=\"{name}\" required"));
    }
}

#[test]
fn a_note_is_shown_as_markdown() {
    let tracker = Tracker::fresh();
    tracker.experiment("e");
    let note = "# Plan\r\n\r\n**bold** <script>alert(1)</script>";
    submit(&tracker, "experiments/1/note", &[("note", note)]).leads_to();
    let body = tracker.get("experiments/get?experiment_id=1").ok();
    assert_eq!(body["experiment"]["tags"][0]["value"], note.replace("\r\n", "\n"));
    let page = page(&tracker, "experiments/1/details").ok();
    page.shows("<strong>bold</strong>").hides("<script>alert");
    let long = "x".repeat(20_001);
    let refused = submit(&tracker, "experiments/1/note", &[("note", &long)]);
    assert_eq!(refused.status, 400);
    refused.shows("maximum length").shows("<details open");
}

#[test]
fn tags_of_an_experiment_are_set_and_deleted() {
    let tracker = Tracker::fresh();
    tracker.experiment("e");
    let set = submit(&tracker, "experiments/1/tags/set", &[("key", "team"), ("value", "red")]);
    assert_eq!(set.leads_to(), "experiments/1/details");
    page(&tracker, "experiments/1").ok().shows("team: red");
    let refused = submit(&tracker, "experiments/1/tags/set", &[("key", "../x"), ("value", "red")]);
    assert_eq!(refused.status, 400);
    refused.shows("value=\"../x\"").shows("must not resolve");
    for _ in 0..2 {
        submit(&tracker, "experiments/1/tags/delete", &[("key", "team")]).leads_to();
    }
    page(&tracker, "experiments/1").ok().hides("team: red");
}

#[test]
fn a_deletion_is_asked_about_and_a_deleted_experiment_offers_its_restoration() {
    let logged = Logged::pair();
    let tracker = &logged.tracker;
    let asked = page(tracker, "experiments/1/delete").ok();
    asked
        .shows("Delete the experiment sweep?")
        .shows("Its runs are deleted");
    let deleted = submit(tracker, "experiments/1/delete", &[]);
    assert_eq!(deleted.leads_to(), "trash");
    // Its runs are deleted with it, and still shown.
    let page = logged.table("").ok();
    page.shows("was deleted")
        .shows(">large<")
        .shows(">Restore<")
        .hides(">Edit<");
    let restored = submit(tracker, "experiments/1/restore", &[]);
    assert_eq!(restored.leads_to(), "experiments/1");
    logged.table("").ok().hides("was deleted").shows(">large<");
}

#[test]
fn the_experiment_of_a_model_is_changed_with_its_model_only() {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let refused = submit(&tracker, "experiments/1/rename", &[("name", "x")]);
    assert_eq!(refused.status, 400);
    refused.shows("associated to a model");
}
