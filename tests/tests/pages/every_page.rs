//! Rules for every page: it is well formed in both languages, it runs nothing, and it hides nothing behind a script.

use mlforge_plugin::http::route::{PROJECT_PREFIX, PROJECT_ROUTES};
use mlforge_tests::tracker::Tracker;
use serde_json::json;

use super::{HOSTILE, Page, page, page_in};

/// The routes whose answers are no pages.
const OTHERS: [&str; 5] = [
    "/-/ml/audit",
    "/-/ml/assets/{name}",
    "/-/ml/",
    "/-/ml/models/by-name/{name}",
    "/-/ml/models/by-name/{name}/versions/{version}",
];

/// A project in which everything has a hostile name.
struct Hostile {
    tracker: Tracker,
    /// The id of a logged model.
    logged: String,
}

/// Makes model 1 with a version, prompt 2 with two versions, and a logged model, all hostile. Returns the id of the
/// logged model.
fn registry(tracker: &Tracker) -> String {
    // Names of models have none of these.
    let name: String = HOSTILE.chars().filter(|char| !"/?:".contains(*char)).collect();
    let tags = json!([{"key": "mlflow.prompt.text", "value": HOSTILE}, {"key": "t", "value": HOSTILE}]);
    let model = json!({"name": name, "description": HOSTILE, "tags": tags});
    tracker.post("registered-models/create", model).ok();
    let version = json!({"name": name, "source": "", "description": HOSTILE, "tags": tags, "run_link": HOSTILE});
    let version = tracker.post("model-versions/create", version).ok()["model_version"].take();
    let batch = json!({
        "run_id": version["run_id"], "params": [{"key": "p", "value": HOSTILE}],
        "tags": [{"key": "mlflow.runName", "value": HOSTILE}, {"key": "mlflow.note.content", "value": HOSTILE}],
        "metrics": [{"key": "m", "value": "NaN", "timestamp": 1, "step": -1}],
    });
    tracker.post("runs/log-batch", batch).ok();
    let mark = json!({"key": "mlflow.prompt.is_prompt", "value": "true"});
    let prompt = format!("prompt {name}");
    let tags = |text: &str| json!([mark, {"key": "mlflow.prompt.text", "value": text}]);
    let model = json!({"name": prompt, "description": HOSTILE, "tags": tags(HOSTILE)});
    tracker.post("registered-models/create", model).ok();
    for text in [HOSTILE.to_owned(), format!("{HOSTILE}\nx{HOSTILE}")] {
        let version = json!({"name": prompt, "source": "dummy-source", "description": HOSTILE, "tags": tags(&text)});
        tracker.post("model-versions/create", version).ok();
    }
    let name: String = HOSTILE.chars().filter(|char| !"/:.%\"'".contains(*char)).collect();
    let pairs = json!([{"key": HOSTILE, "value": HOSTILE}]);
    let logged = json!({
        "experiment_id": "0", "name": name, "model_type": HOSTILE, "source_run_id": HOSTILE,
        "params": pairs, "tags": pairs,
    });
    let logged = tracker.post("logged-models", logged).ok()["model"].take();
    logged["info"]["model_id"].as_str().unwrap().to_owned()
}

impl Hostile {
    fn project() -> Self {
        let tracker = Tracker::fresh();
        tracker.post("experiments/create", json!({"name": HOSTILE})).ok();
        let logged = registry(&tracker);
        Hostile { tracker, logged }
    }

    /// An address of each page.
    fn addresses(&self) -> Vec<(&'static str, String)> {
        vec![
            ("/-/ml/experiments", "experiments".to_owned()),
            (
                "/-/ml/experiments",
                format!("experiments?q={}", mlforge_ui::link::encoded(HOSTILE)),
            ),
            ("/-/ml/experiments/new", "experiments/new".to_owned()),
            (
                "/-/ml/experiments/{experiment_id}/logged-models",
                "experiments/0/logged-models".to_owned(),
            ),
            (
                "/-/ml/logged-models/{model_id}",
                format!("logged-models/{}", self.logged),
            ),
            ("/-/ml/models", "models".to_owned()),
            (
                "/-/ml/models",
                format!("models?q={}", mlforge_ui::link::encoded(HOSTILE)),
            ),
            ("/-/ml/models/new", "models/new".to_owned()),
            ("/-/ml/models/{model_id}", "models/1".to_owned()),
            (
                "/-/ml/models/{model_id}",
                format!("models/1?q={}", mlforge_ui::link::encoded(HOSTILE)),
            ),
            ("/-/ml/models/{model_id}/edit", "models/1/edit".to_owned()),
            ("/-/ml/models/{model_id}/delete", "models/1/delete".to_owned()),
            (
                "/-/ml/models/{model_id}/versions/new",
                "models/1/versions/new".to_owned(),
            ),
            (
                "/-/ml/models/{model_id}/versions/{version}",
                "models/1/versions/1".to_owned(),
            ),
            (
                "/-/ml/models/{model_id}/versions/{version}/edit",
                "models/1/versions/1/edit".to_owned(),
            ),
            (
                "/-/ml/models/{model_id}/versions/{version}/upload",
                "models/1/versions/1/upload".to_owned(),
            ),
            (
                "/-/ml/models/{model_id}/versions/{version}/delete",
                "models/1/versions/1/delete".to_owned(),
            ),
            ("/-/ml/prompts", "prompts".to_owned()),
            ("/-/ml/prompts/{model_id}", "prompts/2".to_owned()),
            ("/-/ml/prompts/{model_id}", "prompts/2?from=1&to=2".to_owned()),
        ]
    }
}

#[test]
fn every_page_is_in_the_list_of_addresses() {
    let addresses = Hostile::project().addresses();
    for route in PROJECT_ROUTES.iter().filter(|route| route.method == "GET") {
        let path = format!("{PROJECT_PREFIX}{}", route.path);
        let is_listed = OTHERS.contains(&path.as_str()) || addresses.iter().any(|(listed, _)| *listed == path);
        assert!(is_listed, "{path} has no address here");
    }
}

#[test]
fn no_page_runs_or_styles_what_users_wrote() {
    let hostile = Hostile::project();
    for (_, address) in hostile.addresses() {
        for language in ["en", "ko"] {
            let page = page_in(&hostile.tracker, &address, language).ok();
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
