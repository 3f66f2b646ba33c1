//! Changes by forms: only the reader's own page can make one, and only with the right to write.

use mlforge_plugin::http::route::{PROJECT_PREFIX, PROJECT_ROUTES};
use mlforge_tests::tracker::Tracker;

use super::{page, post, submit};

#[test]
fn a_form_without_the_token_of_the_reader_changes_nothing() {
    let tracker = Tracker::fresh();
    for body in [
        "name=x",
        "name=x&form_token=",
        "name=x&form_token=00000000000000000000000000000000",
    ] {
        let refused = post(&tracker, "experiments", body);
        assert_eq!(refused.status, 403, "{body}");
        refused.shows("form token");
    }
    assert_eq!(tracker.get("experiments/get-by-name?experiment_name=x").status, 404);
}

#[test]
fn every_form_needs_the_token_of_the_reader() {
    let tracker = Tracker::fresh();
    for route in PROJECT_ROUTES.iter().filter(|route| route.method == "POST") {
        let path: Vec<&str> = route
            .path
            .split('/')
            .map(|step| if step.starts_with('{') { "1" } else { step })
            .collect();
        let refused = post(&tracker, &path.join("/"), "name=x");
        assert_eq!(refused.status, 403, "{PROJECT_PREFIX}{}", route.path);
        refused.shows("form token");
    }
}

#[test]
fn a_form_of_a_reader_is_refused_and_not_shown() {
    let tracker = Tracker::fresh().as_reader();
    page(&tracker, "experiments").ok().hides("New experiment");
    let refused = post(&tracker, "experiments", "name=x");
    assert_eq!(refused.status, 403);
}

#[test]
fn a_form_that_another_site_sends_is_refused() {
    let tracker = Tracker::fresh();
    let token = page(&tracker, "experiments/new").form_token();
    let headers = [
        ("host", "ml.test"),
        ("sec-fetch-site", "cross-site"),
        ("accept", "text/html"),
    ];
    let refused = tracker.file(
        "POST",
        "/-/ml/experiments",
        &headers,
        format!("name=x&form_token={token}"),
    );
    assert_eq!(refused.status, 403);
    assert_eq!(submit(&tracker, "experiments", &[("name", "x")]).status, 303);
}
