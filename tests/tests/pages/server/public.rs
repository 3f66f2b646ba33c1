//! Public projects, which everybody reads without signing in.

use super::*;

const API: &str = "/api/v4/projects/1/ml/mlflow/api/2.0/mlflow/experiments/search?max_results=1";

#[test]
fn a_public_project_is_read_without_signing_in() {
    let site = Site::new();
    site.state.is_public.store(true, Ordering::SeqCst);
    let mut browser = site.browser();
    let page = browser.get(EXPERIMENTS).ok();
    page.hides("New experiment").shows("/-/sign-in?next=");
    assert_eq!(browser.get(API).status, 200);
    let refused = browser.post("/group/one/-/ml/experiments", &[("name", "x")]);
    assert!([403, 404].contains(&refused.status), "{}", refused.status);
    let created = "/api/v4/projects/1/ml/mlflow/api/2.0/mlflow/experiments/create";
    assert_eq!(browser.post(created, &[]).status, 401);
    assert_eq!(browser.get("/group/one/-/ml/audit").status, 404);
    site.state.is_public.store(false, Ordering::SeqCst);
    assert_eq!(browser.get(EXPERIMENTS).status, 404);
}

#[test]
fn a_client_without_a_credential_gets_the_same_answer_as_ever() {
    const REFUSAL: &str = r#"{"error_code":"UNAUTHENTICATED","message":"401 Unauthorized: set MLFLOW_TRACKING_TOKEN to a valid access token."}"#;
    let site = Site::new();
    for is_down in [false, true] {
        site.state.is_down.store(is_down, Ordering::SeqCst);
        let answer = site.browser().get(API);
        assert_eq!((answer.status, answer.html.as_str()), (401, REFUSAL));
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"mlforge\"");
    }
}

#[test]
fn a_session_whose_token_was_revoked_reads_what_is_public() {
    let site = Site::new();
    let mut browser = site.signed_in();
    site.revoke("good");
    site.state.is_public.store(true, Ordering::SeqCst);
    browser.get(EXPERIMENTS).ok().hides("New experiment");
}

#[test]
fn a_wrong_token_in_a_header_is_refused_even_where_everybody_reads() {
    let site = Site::new();
    site.state.is_public.store(true, Ordering::SeqCst);
    let mut client = site.browser();
    client.headers.push(("authorization", "Bearer wrong"));
    assert_eq!(client.get(API).status, 401);
}
