//! Changes of a run by forms.

use mlforge_tests::tracker::Tracker;

use super::super::{page, submit};
use super::set_tag;

/// The value of a tag. `None`: there is none.
fn tag(tracker: &Tracker, run: &str, key: &str) -> Option<String> {
    let read = tracker.read(run);
    let tags = read["data"]["tags"].as_array().cloned().unwrap_or_default();
    let found = tags.iter().find(|tag| tag["key"] == key)?;
    Some(found["value"].as_str().unwrap().to_owned())
}

#[test]
fn name_and_note_are_changed_together() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let address = format!("candidates/{run}");
    page(&tracker, &format!("{address}/edit")).ok().shows("<textarea");
    let fields = [("name", " best & last "), ("note", "# One\r\n\r\n<b>two</b>")];
    let changed = submit(&tracker, &address, &fields);
    assert_eq!(changed.leads_to(), address);
    assert_eq!(tracker.read(&run)["info"]["run_name"], "best & last");
    assert_eq!(
        tag(&tracker, &run, "mlflow.note.content").unwrap(),
        "# One\n\n<b>two</b>"
    );
    page(&tracker, &address)
        .ok()
        .shows("best &amp; last")
        .shows("One</h3>")
        .hides("<b>two");
    let refused = submit(&tracker, &address, &[("name", " "), ("note", "kept")]);
    assert_eq!(refused.status, 400);
    refused.shows("role=\"alert\"").shows("kept</textarea>");
    assert_eq!(tracker.read(&run)["info"]["run_name"], "best & last");
}

#[test]
fn a_tag_is_set_and_removed() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let address = format!("candidates/{run}/tags");
    let set = submit(
        &tracker,
        &format!("candidates/{run}/tags"),
        &[("key", "gpu"), ("value", "a100")],
    );
    assert_eq!(set.leads_to(), address);
    assert_eq!(tag(&tracker, &run, "gpu").as_deref(), Some("a100"));
    page(&tracker, &address).ok().shows("<bdi>a100</bdi>");
    let removed = submit(&tracker, &format!("candidates/{run}/tags/delete"), &[("key", "gpu")]);
    assert_eq!(removed.leads_to(), address);
    assert_eq!(tag(&tracker, &run, "gpu"), None);
}

#[test]
fn a_tag_that_may_not_be_set_is_shown_again_with_the_mistake() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    for key in ["", "mlforge.ci.id", "a@b"] {
        let refused = submit(
            &tracker,
            &format!("candidates/{run}/tags"),
            &[("key", key), ("value", "v1")],
        );
        assert_eq!(refused.status, 400, "{key}");
        refused.shows("aria-invalid=\"true\"").shows("value=\"v1\"");
        assert_eq!(tag(&tracker, &run, key), None);
    }
    set_tag(&tracker, &run, "own", "x");
    page(&tracker, &format!("candidates/{run}/tags"))
        .ok()
        .shows("own")
        .hides("mlflow.runName");
}

#[test]
fn a_run_is_deleted_after_a_question_and_restored() {
    let tracker = Tracker::fresh();
    let run = tracker.run("0", 1);
    let address = format!("candidates/{run}");
    page(&tracker, &format!("{address}/delete"))
        .ok()
        .shows("restored from the trash")
        .shows("name=\"form_token\"");
    assert_eq!(tracker.read(&run)["info"]["lifecycle_stage"], "active");
    let deleted = submit(&tracker, &format!("candidates/{run}/delete"), &[]);
    assert_eq!(deleted.leads_to(), address);
    assert_eq!(tracker.read(&run)["info"]["lifecycle_stage"], "deleted");
    page(&tracker, &address)
        .ok()
        .shows("This run was deleted")
        .hides("/edit\"")
        .hides("data-refresh");
    let restored = submit(&tracker, &format!("candidates/{run}/restore"), &[]);
    assert_eq!(restored.leads_to(), address);
    assert_eq!(tracker.read(&run)["info"]["lifecycle_stage"], "active");
    page(&tracker, &address).ok().shows("/edit\"");
}
