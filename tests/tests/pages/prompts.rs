//! The list of prompts, and the page of a prompt.

use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{page, submit};

/// A model `m`, and a prompt `p` whose versions have these texts.
fn with_prompt(texts: &[&str]) -> Tracker {
    let tracker = Tracker::fresh();
    tracker.model("m");
    let mark = json!({"key": "mlflow.prompt.is_prompt", "value": "true"});
    let body = json!({"name": "p", "tags": [mark]});
    tracker.post("registered-models/create", body).ok();
    for text in texts {
        let tags = json!([mark, {"key": "mlflow.prompt.text", "value": text}]);
        let body = json!({"name": "p", "source": "dummy-source", "description": "why", "tags": tags});
        tracker.post("model-versions/create", body).ok();
    }
    tracker
}

#[test]
fn prompts_are_listed_apart_from_models() {
    let tracker = with_prompt(&["hi"]);
    for sort in ["name", "created", "updated"] {
        page(&tracker, &format!("models?sort={sort}"))
            .ok()
            .shows("<bdi>m</bdi>")
            .hides("<bdi>p</bdi>");
        page(&tracker, &format!("prompts?sort={sort}"))
            .ok()
            .shows("<bdi>p</bdi>")
            .hides("<bdi>m</bdi>");
    }
    page(&tracker, "prompts").ok().shows("prompts/2?version=1\"");
    page(&Tracker::fresh(), "prompts")
        .ok()
        .shows("No prompt is registered yet")
        .shows("register_prompt");
}

#[test]
fn a_prompt_shows_the_text_of_a_version() {
    let tracker = with_prompt(&["Say {{word}}.", "Sing {{word}} & dance."]);
    page(&tracker, "prompts/2")
        .ok()
        .shows("Text of version 2")
        .shows("Sing {{word}} &amp; dance.")
        .hides("Say {{word}}.")
        .shows("why")
        .shows("mlflow.genai.load_prompt(&quot;prompts:/p/2&quot;)");
    page(&tracker, "prompts/2?version=1").ok().shows("Say {{word}}.");
    for missing in ["prompts/2?version=3", "prompts/2?version=x", "prompts/9"] {
        assert_eq!(page(&tracker, missing).status, 404, "{missing}");
    }
}

#[test]
fn two_versions_of_a_prompt_are_compared_line_by_line() {
    let tracker = with_prompt(&["a\nb\nc", "a\nx\nc", "a\nx\nc"]);
    page(&tracker, "prompts/2?from=1&to=2")
        .ok()
        .shows("From version 1 to 2")
        .shows("− <bdi>b</bdi>")
        .shows("+ <bdi>x</bdi>")
        .shows("  <bdi>c</bdi>");
    page(&tracker, "prompts/2?from=2&to=3")
        .ok()
        .shows("The texts are the same");
    page(&tracker, "prompts/2").ok().shows("?from=2&amp;to=3\"");
    assert_eq!(page(&tracker, "prompts/2?from=1&to=9").status, 404);
}

#[test]
fn addresses_of_models_and_prompts_lead_to_each_other() {
    let tracker = with_prompt(&["hi"]);
    assert_eq!(page(&tracker, "models/2").leads_to(), "prompts/2");
    assert_eq!(page(&tracker, "models/2/versions/1").leads_to(), "prompts/2?version=1");
    assert_eq!(page(&tracker, "prompts/1").leads_to(), "models/1");
}

#[test]
fn a_prompt_is_changed_and_deleted_by_forms() {
    let tracker = with_prompt(&["hi"]);
    let tag = submit(&tracker, "models/2/tags", &[("key", "team"), ("value", "v42")]);
    assert_eq!(tag.leads_to(), "prompts/2#tags");
    page(&tracker, "prompts/2").ok().shows("v42");
    assert_eq!(submit(&tracker, "models/2/tags", &[("key", "a@b")]).status, 400);
    let alias = submit(&tracker, "models/2/versions/1/aliases", &[("alias", "live")]);
    assert_eq!(alias.leads_to(), "prompts/2?version=1#aliases");
    page(&tracker, "prompts/2").ok().shows("@live");
    assert_eq!(submit(&tracker, "models/2/delete", &[]).leads_to(), "prompts");
    assert_eq!(page(&tracker, "prompts/2").status, 404);
}
