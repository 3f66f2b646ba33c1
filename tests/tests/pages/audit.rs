//! The page of the audit log.

use std::time::Duration;

use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

use super::{Page, page};

const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

/// A project with an audit log, and a caller who may read it.
pub(super) fn audited() -> Tracker {
    Tracker::with(|builder| builder.audit_log(KEPT)).as_manager()
}

/// The address of the page's records in a format, after the project's pages.
fn link(page: &Page, format: &str) -> String {
    let (_, after) = page
        .html
        .split_once(&format!("/-/ml/audit?format={format}"))
        .expect("a link");
    let rest = after.split('"').next().unwrap().replace("&amp;", "&");
    format!("audit?format={format}{rest}")
}

/// The address of the next page, after the project's pages.
fn next(page: &Page) -> String {
    let (_, after) = page.html.split_once("audit?page_token=").expect("a next page");
    format!("audit?page_token={}", after.split('"').next().unwrap())
}

fn records(tracker: &Tracker, address: &str) -> Vec<Value> {
    let file = tracker.file("GET", &format!("/-/ml/{address}"), &[("accept", "text/html")], "");
    let mut answer: Value = serde_json::from_str(&file.ok()).unwrap();
    answer["records"].take().as_array().cloned().unwrap_or_default()
}

fn rows(page: &Page) -> usize {
    page.html.matches("<th class=\"nw\" scope=\"row\">").count()
}

#[test]
fn a_manager_sees_who_changed_what() {
    let tracker = audited();
    let run = tracker.run("0", 1);
    tracker.model("cats");
    tracker.version("cats", None);
    page(&tracker, "experiments").ok().shows("/group/1/-/ml/audit\">");
    let page = page(&tracker, "audit").ok();
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.header("vary").contains("accept,"));
    assert_eq!(rows(&page), 3);
    page.shows("runs/create")
        .shows(&format!("/-/ml/candidates/{run}\""))
        .shows("/-/ml/models/1\"")
        .shows("/-/ml/models/1/versions/1\"")
        .shows("<bdi>manager</bdi>")
        .shows("2023-11-14 22:13:20 UTC");
}

/// The addresses of the objects on a page, after the project's.
fn objects(page: &Page) -> Vec<String> {
    let cells = page.html.split("<td><a href=\"/group/1/-/ml/").skip(1);
    let addresses = cells.map(|cell| cell.split('"').next().unwrap().to_owned());
    addresses.filter(|address| !address.starts_with("audit")).collect()
}

#[test]
fn a_link_leads_to_what_exists_now() {
    let tracker = audited();
    let run = tracker.run("0", 1);
    let file = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a");
    tracker.file("PUT", &file, &[], "x").ok();
    let logged = |name: &str| {
        let model = tracker.post("logged-models", json!({"experiment_id": "0", "name": name}));
        model.ok()["model"]["info"]["model_id"].as_str().unwrap().to_owned()
    };
    let (kept, deleted) = (logged("kept"), logged("deleted"));
    for id in [&kept, &deleted] {
        let file = format!("/api/2.0/mlflow-artifacts/artifacts/0/models/{id}/artifacts/a");
        tracker.file("PUT", &file, &[], "x").ok();
    }
    tracker.delete(&format!("logged-models/{deleted}"), json!({})).ok();
    for name in ["cats", "dogs", "birds"] {
        tracker.model(name);
        tracker.version(name, None);
        tracker.version(name, None);
    }
    tracker.delete("registered-models/delete", json!({"name": "dogs"})).ok();
    let renamed = json!({"name": "birds", "new_name": "parrots"});
    tracker.post("registered-models/rename", renamed).ok();
    tracker
        .delete("model-versions/delete", json!({"name": "cats", "version": "2"}))
        .ok();
    let begun = tracker
        .post("traces", json!({"experiment_id": "0", "timestamp_ms": 1}))
        .ok();
    let trace = begun["trace_info"]["request_id"].as_str().unwrap();
    let tag = json!({"key": "k", "value": "v"});
    tracker
        .send(
            "PATCH",
            &format!("/api/2.0/mlflow/traces/{trace}/tags"),
            tag.to_string(),
        )
        .ok();
    let shown = page(&tracker, "audit").ok();
    let mut addresses = objects(&shown);
    addresses.sort();
    addresses.dedup();
    let mut expected = vec![
        format!("candidates/{run}"),
        format!("candidates/{run}/artifacts"),
        format!("logged-models/{kept}"),
        format!("logged-models/{kept}/artifacts"),
        "models/1".to_owned(),
        "models/1/versions/1".to_owned(),
        format!("traces/{trace}"),
    ];
    expected.sort();
    assert_eq!(addresses, expected);
    for address in &addresses {
        page(&tracker, address).ok();
    }
    shown.shows("<bdi>dogs</bdi>").shows("<bdi>birds/1</bdi>");
}

#[test]
fn others_see_neither_the_page_nor_its_tab() {
    let tracker = Tracker::with(|builder| builder.audit_log(KEPT));
    page(&tracker, "experiments").ok().hides("/-/ml/audit");
    let page = page(&tracker, "audit");
    assert_eq!(page.status, 403);
    page.shows("role=\"alert\"");
}

#[test]
fn the_address_filters_by_who_what_and_day() {
    let tracker = audited();
    let run = tracker.run("0", 1);
    tracker.model("cats");
    for (query, count) in [
        ("actor=manager", 2),
        ("actor=nobody", 0),
        ("action=runs/create", 1),
        (&*format!("object={run}"), 1),
        ("object=cats&action=runs/create", 0),
        ("from=2023-11-14&until=2023-11-14", 2),
        ("from=2023-11-15", 0),
        ("until=2023-11-13", 0),
    ] {
        let page = page(&tracker, &format!("audit?{query}")).ok();
        assert_eq!(rows(&page), count, "{query}");
        page.shows("Show all");
    }
}

#[test]
fn a_day_that_is_none_is_told_beside_its_field() {
    let page = page(&audited(), "audit?from=2023-02-30&actor=ada");
    assert_eq!(page.status, 400);
    page.shows("2023-02-30 is no day")
        .shows("aria-describedby=\"mistake\"")
        .shows("value=\"ada\"");
}

#[test]
fn the_links_have_what_is_shown_as_data() {
    let tracker = audited();
    tracker.run("0", 1);
    tracker.model("cats");
    let shown = page(
        &tracker,
        "audit?from=2023-11-14&until=2023-11-14&action=registered-models/create",
    )
    .ok();
    let found = records(&tracker, &link(&shown, "json"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["object"], "cats");
    let csv = tracker.file("GET", &format!("/-/ml/{}", link(&shown, "csv")), &[], "");
    assert_eq!(csv.ok().lines().count(), 2);
}

#[test]
fn a_long_log_has_pages_and_each_record_is_on_one() {
    let tracker = audited();
    for number in 0..60 {
        tracker
            .post("experiments/create", json!({"name": format!("e{number}")}))
            .ok();
    }
    let first = page(&tracker, "audit").ok().hides(">First<");
    let second = page(&tracker, &next(&first)).ok().shows(">First<");
    assert_eq!((rows(&first), rows(&second)), (50, 10));
    let mut all = records(&tracker, &link(&first, "json"));
    all.extend(records(&tracker, &link(&second, "json")));
    let mut objects: Vec<&str> = all.iter().map(|record| record["object"].as_str().unwrap()).collect();
    objects.sort_unstable();
    objects.dedup();
    assert_eq!(objects.len(), 60);
    // A token is good for its own filters only.
    let other = next(&first).replace("audit?", "audit?actor=manager&");
    assert_eq!(page(&tracker, &other).status, 400);
}

#[test]
fn an_empty_log_says_so() {
    page(&audited(), "audit").ok().shows("No change is recorded.");
}
