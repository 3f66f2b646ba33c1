//! MLflow's own web pages: their files, their calls, and who may make them.

use std::fs;

use serde_json::{Value, json};

use super::*;

/// The page of the build.
const PAGE: &str = "<!DOCTYPE html><html><title>MLflow</title><h1>MLflow</h1></html>";
/// The address of the pages.
const UI: &str = "/group/one/-/ml/mlflow-ui";

/// A build of pages, and a server that serves them.
fn served() -> (Site, tempfile::TempDir) {
    let build = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("index.html", PAGE),
        ("favicon.ico", "icon"),
        ("static/js/main.0b0baad6.js", "run()"),
        ("static/media/a.txt", ""),
    ] {
        let file = build.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let directory = build.path().to_owned();
    (Site::with(|builder| builder.mlflow_ui(directory)), build)
}

/// Sends a call as a script of the pages does, with some headers instead of its own.
fn call(
    browser: &Browser<'_>,
    method: &str,
    path: &str,
    body: &Value,
    headers: &[(&'static str, &str)],
) -> (u16, Value) {
    let session = format!("mlforge-session={}", browser.session());
    let own = [
        ("host", "ml.test"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/json; charset=utf-8"),
        ("cookie", session.as_str()),
    ];
    let mut request = Request::builder().method(method).uri(format!("{UI}{path}"));
    for (name, value) in own {
        let value = headers
            .iter()
            .find(|(other, _)| *other == name)
            .map_or(value, |(_, value)| *value);
        if !value.is_empty() {
            request = request.header(name, value);
        }
    }
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let answer = browser
        .site
        .runtime
        .block_on(mlforge_tests::Answer::of(&browser.site.host, request));
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

#[test]
fn the_page_and_its_files_are_sent_as_they_are() {
    let (site, _build) = served();
    let mut browser = site.signed_in();
    let page = browser.get(&format!("{UI}/")).ok();
    assert_eq!(page.html, PAGE);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "private, no-cache");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self' 'unsafe-eval'"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'self'") && policy.contains("connect-src 'self'"),
        "{policy}"
    );
    let script = browser
        .get(&format!("{UI}/static-files/static/js/main.0b0baad6.js"))
        .ok();
    assert_eq!(script.html, "run()");
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("x-content-type-options"), "nosniff");
    assert_eq!(script.header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(
        browser.get(&format!("{UI}/static-files/static/media/a.txt")).ok().html,
        ""
    );
    // The pages of this server keep their own policy.
    let own = browser.get(EXPERIMENTS).ok();
    assert!(!own.header("content-security-policy").contains("unsafe"));
}

#[test]
fn a_file_is_sent_once_as_long_as_it_does_not_change() {
    let (site, build) = served();
    let mut browser = site.signed_in();
    let path = format!("{UI}/static-files/favicon.ico");
    let tag = browser.get(&path).ok().header("etag").to_owned();
    let again = |tag: String| {
        let session = format!("mlforge-session={}", browser.session());
        let request = Request::get(&path).header("host", "ml.test").header("cookie", session);
        let request = request
            .header("if-none-match", tag)
            .body(Full::new(Bytes::new()))
            .unwrap();
        let answer = site.runtime.block_on(mlforge_tests::Answer::of(&site.host, request));
        (answer.status, answer.body)
    };
    assert_eq!(again(format!("\"0\", W/{tag}")), (304, String::new()));
    assert_eq!(again("\"0\"".to_owned()), (200, "icon".to_owned()));
    fs::write(build.path().join("favicon.ico"), "another").unwrap();
    assert_eq!(again(tag), (200, "another".to_owned()));
    fs::remove_file(build.path().join("favicon.ico")).unwrap();
    assert_eq!(again("\"0\"".to_owned()).0, 404);
}

#[test]
fn the_length_of_a_file_is_told_without_the_file() {
    let (site, _build) = served();
    let mut browser = site.signed_in();
    let page = browser.send("HEAD", &format!("{UI}/static-files/favicon.ico"), String::new());
    assert_eq!(
        (page.status, page.header("content-length"), page.html.as_str()),
        (200, "4", "")
    );
}

#[test]
fn nothing_but_the_files_of_the_build_is_sent() {
    let (site, build) = served();
    fs::write(build.path().join("later.js"), "later").unwrap();
    let mut browser = site.signed_in();
    for path in [
        "/index.html",
        "/static-files/",
        "/static-files/static",
        "/static-files/later.js",
        "/static-files/../index.html",
        "/static-files/%2e%2e/%2e%2e/etc/passwd",
        "/static-files/..%2f..%2fetc/passwd",
        "/static-files//etc/passwd",
        "/version",
    ] {
        assert_eq!(browser.get(&format!("{UI}{path}")).status, 404, "{path}");
    }
    assert_eq!(browser.post(&format!("{UI}/"), &[]).status, 404);
    assert_eq!(address(&browser.get(UI)), "mlflow-ui/");
}

#[test]
fn the_pages_need_the_right_to_read_the_project() {
    let (site, _build) = served();
    let mut stranger = site.browser();
    for path in ["", "/", "/static-files/favicon.ico", "/static-files/none"] {
        let page = stranger.get(&format!("{UI}{path}"));
        assert_eq!(page.status, 404, "{path}");
        page.shows("/-/sign-in?next=");
    }
    assert_eq!(site.signed_in().get("/group/two/-/ml/mlflow-ui/").status, 404);
    site.state.is_public.store(true, Ordering::SeqCst);
    stranger.get(&format!("{UI}/")).ok();
}

#[test]
fn without_the_option_there_are_no_pages_and_no_calls() {
    let site = Site::new();
    let mut browser = site.signed_in();
    for path in [
        "",
        "/",
        "/static-files/favicon.ico",
        "/ajax-api/2.0/mlflow/experiments/get?experiment_id=0",
    ] {
        assert_eq!(browser.get(&format!("{UI}{path}")).status, 404, "{path}");
    }
}

#[test]
fn a_call_below_the_pages_is_one_of_the_api() {
    let (site, _build) = served();
    let browser = site.signed_in();
    let (status, made) = call(
        &browser,
        "POST",
        "/ajax-api/2.0/mlflow/experiments/create",
        &json!({"name": "made by a script"}),
        &[],
    );
    assert_eq!(status, 200, "{made}");
    let id = made["experiment_id"].as_str().unwrap();
    let path = format!("/ajax-api/2.0/mlflow/experiments/get?experiment_id={id}");
    let (_, read) = call(&browser, "GET", &path, &json!({}), &[]);
    assert_eq!(read["experiment"]["name"], "made by a script");
    let query = json!({"operationName": "MlflowGetExperimentQuery", "variables": {"input": {"experimentId": id}}});
    let (_, read) = call(&browser, "POST", "/graphql", &query, &[]);
    assert_eq!(
        read["data"]["mlflowGetExperiment"]["experiment"]["name"],
        "made by a script"
    );
    assert_eq!(
        call(&browser, "GET", "/ajax-api/3.0/mlflow/server-info", &json!({}), &[]).0,
        200
    );
    let (status, error) = call(&browser, "GET", "/get-artifact?run_uuid=0&path=x", &json!({}), &[]);
    assert_eq!((status, &error["error_code"]), (404, &json!("RESOURCE_DOES_NOT_EXIST")));
    // Only the calls of the pages are at this address.
    assert_eq!(
        call(
            &browser,
            "GET",
            "/api/2.0/mlflow/experiments/get?experiment_id=0",
            &json!({}),
            &[]
        )
        .0,
        404
    );
}

#[test]
fn another_site_can_make_no_call_that_changes_something() {
    let (site, _build) = served();
    let browser = site.signed_in();
    let path = "/ajax-api/2.0/mlflow/experiments/create";
    let body = json!({"name": "forged"});
    let create = |headers: &[(&'static str, &str)]| call(&browser, "POST", path, &body, headers);
    for forged in [
        &[("sec-fetch-site", "cross-site")][..],
        &[("sec-fetch-site", "same-site")],
        // A page that the browser does not name, as old ones do for forms.
        &[("sec-fetch-site", "")],
        // The types that forms can send.
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data; boundary=x")],
        &[("content-type", "")],
    ] {
        let (status, error) = create(forged);
        assert_eq!(
            (status, &error["error_code"]),
            (403, &json!("PERMISSION_DENIED")),
            "{forged:?}"
        );
    }
    // The cookie counts at the address of the clients too, so the rule holds there.
    let cookie = format!("mlforge-session={}", browser.session());
    let request = Request::post("/api/v4/projects/1/ml/mlflow/api/2.0/mlflow/experiments/create")
        .header("host", "ml.test")
        .header("cookie", cookie)
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    let answer = site.runtime.block_on(mlforge_tests::Answer::of(&site.host, request));
    assert_eq!(answer.status, 403);
    assert_eq!(create(&[]).0, 200);
}
