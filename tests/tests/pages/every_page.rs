//! Rules for every page: it is well formed in both languages, it runs nothing, and it hides nothing behind a script.

use mlforge_plugin::http::route::{PROJECT_PREFIX, PROJECT_ROUTES};
use mlforge_tests::tracker::Tracker;

use super::{Page, hostile, page, page_in};

/// The routes whose answers are no pages.
const OTHERS: [&str; 17] = [
    "/-/ml/assets/{name}",
    "/-/ml/",
    "/-/ml/candidates/{run_id}/metrics/{*metric}",
    "/-/ml/badge/{of}/{*metric}",
    "/-/ml/compare.csv",
    "/-/ml/compare.json",
    "/-/ml/experiments/{experiment_id}/runs.csv",
    "/-/ml/experiments/{experiment_id}/runs.json",
    "/-/ml/candidates/{run_id}/metrics.csv",
    "/-/ml/candidates/{run_id}/raw/{*path}",
    "/-/ml/candidates/{run_id}/archive",
    "/-/ml/logged-models/{model_id}/raw/{*path}",
    "/-/ml/logged-models/{model_id}/archive",
    "/-/ml/models/{model_id}/versions/{version}/raw/{*path}",
    "/-/ml/models/{model_id}/versions/{version}/archive",
    "/-/ml/models/by-name/{name}",
    "/-/ml/models/by-name/{name}/versions/{version}",
];

#[test]
fn every_page_is_in_the_list_of_addresses() {
    let projects = hostile::projects();
    let addresses: Vec<_> = projects.iter().flat_map(|project| &project.addresses).collect();
    for route in PROJECT_ROUTES.iter().filter(|route| route.method == "GET") {
        let path = format!("{PROJECT_PREFIX}{}", route.path);
        let is_listed = OTHERS.contains(&path.as_str()) || addresses.iter().any(|(listed, _)| *listed == path);
        assert!(is_listed, "{path} has no address here");
    }
}

#[test]
fn no_page_runs_or_styles_what_users_wrote() {
    for project in hostile::projects() {
        for (_, address) in &project.addresses {
            for language in ["en", "ko"] {
                let page = page_in(&project.tracker, address, language).ok();
                let page = page.hides("<script>alert").hides("<img src=x");
                let policy = page.header("content-security-policy");
                assert!(
                    policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
                    "{policy}"
                );
                assert_eq!(page.header("x-content-type-options"), "nosniff");
                assert!(page.html.contains(&format!("<html lang=\"{language}\">")), "{address}");
            }
        }
    }
}

#[test]
fn a_page_that_does_not_exist_is_a_page_too() {
    let tracker = Tracker::fresh();
    for path in ["nothing", "experiments?page_token=zz"] {
        let page = page(&tracker, path);
        assert!((400..500).contains(&page.status), "{path}");
        page.shows("role=\"alert\"");
    }
}

#[test]
fn pages_load_a_style_sheet_and_a_script_that_may_be_kept() {
    let tracker = Tracker::fresh();
    let page = page(&tracker, "experiments").ok();
    for name in ["style.css", "page.js", "icon.svg"] {
        let (before, _) = page.html.split_once(name).expect("a link");
        let start = before.rfind('"').unwrap() + 1;
        let rest = &page.html[start..];
        let address = &rest[..rest.find('"').unwrap()];
        let file = tracker.file(
            "GET",
            &format!("/-/ml/{}", address.split_once("/-/ml/").unwrap().1),
            &[],
            "",
        );
        assert_eq!(file.status, 200, "{address}");
        assert!(file.headers["cache-control"].to_str().unwrap().contains("immutable"));
    }
    assert_eq!(Page::of(tracker.file("GET", "/-/ml/assets/other", &[], "")).status, 404);
}

#[test]
fn the_address_of_clients_leads_to_the_pages() {
    let tracker = Tracker::fresh();
    for path in ["", "/"] {
        let page = Page::of(tracker.file("GET", path, &[("accept", "text/html")], "")).ok();
        page.shows("fragment.js")
            .shows("data-pages=\"/group/1/-/ml\"")
            .shows("/group/1/-/ml/experiments");
    }
    assert_eq!(page(&tracker, "").leads_to(), "experiments");
}

#[test]
fn a_page_is_found_below_the_path_of_its_project() {
    let tracker = Tracker::fresh();
    let headers = [("authorization", "Bearer writer"), ("accept", "text/html")];
    let file = tracker.anonymous("GET", "/group/1/-/ml/experiments", &headers, "");
    Page::of(file).ok().shows("Experiments");
    let file = tracker.anonymous("GET", "/group/9/-/ml/experiments", &headers, "");
    assert_eq!(file.status, 404);
}
