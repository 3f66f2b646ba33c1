//! Refusals as pages, for browsers, and as JSON, for clients.

use super::*;

#[test]
fn an_address_that_one_may_not_see_offers_to_sign_in() {
    let site = Site::new();
    let mut browser = site.browser();
    let mut pages = Vec::new();
    for path in ["/group/one/-/ml/experiments", "/group/two/-/ml/experiments"] {
        let page = browser.get(path);
        assert_eq!(page.status, 404, "{path}");
        assert_eq!(page.header("www-authenticate"), "");
        let id = page.header("x-request-id").to_owned();
        let page = page.shows(&format!("/-/sign-in?next={}", encoded(path))).shows(&id);
        pages.push(page.html.replace(&id, "ID").replace("two", "one"));
    }
    // The answer does not tell if there is such a project.
    assert_eq!(pages[0], pages[1]);
}

#[test]
fn a_reader_who_is_signed_in_is_not_offered_to_sign_in() {
    let site = Site::new();
    let page = site.signed_in().get("/group/two/-/ml/experiments");
    assert_eq!(page.status, 404);
    page.hides("btn pri").shows("leads to nothing");
    assert_eq!(site.signed_in().get("/-/nothing").status, 404);
}

#[test]
fn a_client_that_asks_for_no_page_gets_json() {
    let site = Site::new();
    let request = Request::get("/group/one/-/ml/experiments").header("accept", "application/json");
    let request = request.body(Full::new(Bytes::new())).unwrap();
    let answer = site.runtime.block_on(mlforge_tests::Answer::of(&site.host, request));
    assert_eq!((answer.status, answer.error_code().as_str()), (401, "UNAUTHENTICATED"));
}

#[test]
fn a_forge_that_is_down_is_told_with_the_time_to_wait() {
    let site = Site::new();
    let mut browser = site.signed_in();
    site.state.is_down.store(true, Ordering::SeqCst);
    let page = browser.get(EXPERIMENTS);
    assert_eq!((page.status, page.header("retry-after")), (503, "1"));
    page.shows("The server is busy");
}
