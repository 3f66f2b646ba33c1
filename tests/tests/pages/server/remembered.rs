//! The columns of an experiment, which the browser remembers.

use serde_json::{Value, json};

use super::*;

const EXPERIMENT: &str = "/group/one/-/ml/experiments/0";
const COOKIE: &str = "mlforge-remembered";
/// The head of the column of a param that only a choice shows, and that of one which is shown without a choice.
const CHOSEN: &str = "<bdi>same</bdi></a></th>";
const DEFAULT: &str = "<bdi>lr</bdi></a></th>";

/// A server with an experiment of two runs.
fn site() -> Site {
    let site = Site::new();
    for lr in ["0.1", "0.2"] {
        let made = api(&site, "runs/create", &json!({"experiment_id": "0"}));
        let params = json!([{"key": "lr", "value": lr}, {"key": "same", "value": "1"}]);
        let batch = json!({"run_id": made["run"]["info"]["run_id"], "params": params});
        api(&site, "runs/log-batch", &batch);
    }
    site
}

fn api(site: &Site, endpoint: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method("POST")
        .uri(format!("/api/v4/projects/1/ml/mlflow/api/2.0/mlflow/{endpoint}"))
        .header("private-token", "good")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let body = site.runtime.block_on(async {
        let response = site.host.handle(request).await;
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.unwrap().to_bytes()
    });
    serde_json::from_slice(&body).unwrap()
}

fn set_cookie(page: &Page) -> Option<&str> {
    let mut cookies = page
        .headers
        .get_all("set-cookie")
        .iter()
        .filter_map(|cookie| cookie.to_str().ok());
    cookies.find(|cookie| cookie.starts_with(COOKIE))
}

#[test]
fn a_choice_stands_in_the_address_and_counts_for_the_next_visit() {
    let site = site();
    let mut browser = site.signed_in();
    browser.get(EXPERIMENT).ok().shows(DEFAULT).hides(CHOSEN);
    let chosen = browser.get(&format!("{EXPERIMENT}?column=params.same&column=&choose=1"));
    assert_eq!(chosen.leads_to(), "experiments/0?column=params.same");
    assert_eq!(
        set_cookie(&chosen),
        Some(&*format!(
            "{COOKIE}=params.same; Path={EXPERIMENT}; Max-Age=31536000; HttpOnly; SameSite=Lax"
        ))
    );
    assert!(
        chosen
            .headers
            .keys()
            .all(|name| !name.as_str().starts_with("x-mlforge-remember"))
    );
    let page = browser.get(EXPERIMENT).ok().shows(CHOSEN).hides(DEFAULT);
    // Its links and forms have the columns, so what is sorted or sent to somebody shows the same.
    let page = page
        .shows("experiments/0?column=params.same&amp;sort=params.same")
        .shows("runs.csv?column=params.same");
    assert_eq!(set_cookie(&page), None);
}

#[test]
fn a_link_that_somebody_sent_shows_its_columns_and_changes_no_choice() {
    let site = site();
    let mut browser = site.signed_in();
    browser.get(&format!("{EXPERIMENT}?column=params.same&choose=1"));
    let shared = browser.get(&format!("{EXPERIMENT}?column=params.lr")).ok();
    assert_eq!(set_cookie(&shared), None);
    shared.shows(DEFAULT).hides(CHOSEN);
    browser.get(EXPERIMENT).ok().shows(CHOSEN);
}

#[test]
fn the_default_columns_forget_a_choice() {
    let site = site();
    let mut browser = site.signed_in();
    browser.get(&format!("{EXPERIMENT}?column=params.same&choose=1"));
    browser.get(EXPERIMENT).ok().shows("experiments/0?choose=1\"");
    let forgotten = browser.get(&format!("{EXPERIMENT}?choose=1"));
    assert_eq!(forgotten.leads_to(), "experiments/0");
    assert!(set_cookie(&forgotten).unwrap().contains("Max-Age=0;"));
    assert!(!browser.cookies.contains_key(COOKIE));
    browser.get(EXPERIMENT).ok().shows(DEFAULT).hides(CHOSEN);
}

#[test]
fn a_hostile_cookie_gives_no_more_than_the_default() {
    let site = site();
    let mut browser = site.signed_in();
    for value in [
        "x".repeat(10_000),
        "params.".to_owned(),
        "%FF%00&%&&%3Cscript%3E".to_owned(),
        "params.same\"><script>alert(1)</script>".to_owned(),
        "params.same,params.lr".to_owned(),
        format!("params.same; {COOKIE}=params.same"),
    ] {
        browser.cookies.insert(COOKIE.to_owned(), value.clone());
        let page = browser.get(EXPERIMENT).ok();
        page.shows(DEFAULT).hides(CHOSEN).hides("alert(1)");
    }
    // A name that no run has is a column that is empty.
    let encoded = mlforge_ui::link::encoded(&format!("params.{HOSTILE}"));
    browser.cookies.insert(COOKIE.to_owned(), encoded);
    browser
        .get(EXPERIMENT)
        .ok()
        .hides("<script>alert(1)")
        .hides("<img src=x");
}

#[test]
fn only_the_page_of_an_experiment_remembers() {
    let site = site();
    let mut browser = site.signed_in();
    let choice = "?column=params.same&choose=1";
    for other in ["experiments/0/runs.csv", "experiments/0/charts", "experiments"] {
        let page = browser.get(&format!("/group/one/-/ml/{other}{choice}")).ok();
        assert_eq!(set_cookie(&page), None, "{other}");
    }
    let api = format!("/api/v4/projects/1/ml/mlflow/-/ml/experiments/0{choice}");
    let cookie = browser.get(&api);
    assert!(set_cookie(&cookie).is_none_or(|cookie| cookie.contains(&format!("; Path={EXPERIMENT};"))));
}
