//! Sessions: their begin, their rights and their end.

use super::*;

#[test]
fn a_token_signs_in_and_leads_back_to_the_page() {
    let site = Site::new();
    let mut browser = site.browser();
    assert_eq!(browser.get(EXPERIMENTS).status, 404);
    assert_eq!(address(&browser.sign_in("good", EXPERIMENTS)), EXPERIMENTS);
    let page = browser.get(EXPERIMENTS).ok();
    page.shows("New experiment").shows("href=\"/-/account\"").shows(">ada<");
}

#[test]
fn a_wrong_token_is_told_why_and_begins_nothing() {
    let site = Site::new();
    let mut browser = site.browser();
    for (token, text) in [
        ("", "Paste a token first"),
        ("wrong", "unknown, has expired or was revoked"),
        ("narrow", "It needs the scope read_api"),
    ] {
        let page = browser.sign_in(token, EXPERIMENTS);
        assert_eq!(page.status, 400, "{token}");
        let page = page
            .shows(text)
            .shows("aria-invalid=\"true\"")
            .shows("value=\"/group/one/");
        assert!(!page.html.contains("value=\"wrong\""));
        assert_eq!(browser.session(), "");
    }
    site.state.is_down.store(true, Ordering::SeqCst);
    let page = browser.sign_in("good", "/");
    assert_eq!(page.status, 503);
    page.shows("does not answer");
}

#[test]
fn a_session_has_the_rights_that_its_token_has_now() {
    let site = Site::new();
    let mut browser = site.signed_in();
    browser.get(EXPERIMENTS).ok();
    site.revoke("good");
    let page = browser.get(EXPERIMENTS);
    assert_eq!(page.status, 404);
    page.shows("/-/sign-in?next=");
    assert!(!browser.is_signed_in());
}

#[test]
fn a_session_ends_when_its_reader_signs_out() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let stolen = browser.clone();
    assert_eq!(address(&browser.submit("/-/sign-out", &[])), "/");
    assert_eq!(browser.session(), "");
    for mut browser in [browser, stolen] {
        assert!(!browser.is_signed_in());
        assert_eq!(browser.get(EXPERIMENTS).status, 404);
    }
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all() {
    let site = Site::new();
    let (mut first, mut second) = (site.signed_in(), site.signed_in());
    let page = first.get("/-/account").ok();
    assert_eq!(
        page.html.matches("Browser 1").count(),
        4,
        "two rows, each with a button"
    );
    let page = page.shows("this one").shows("Signed in as");
    let ids: Vec<&str> = page
        .html
        .split("name=\"id\" value=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    // A number of no session ends none. The list begins with the session that was used last.
    first.submit("/-/account/end-sessions", &[("id", "9999")]);
    assert!(first.is_signed_in() && second.is_signed_in());
    let (own, _) = page.html.split_once("this one").unwrap();
    let is_own = |id: &&&str| own.matches("name=\"id\"").count() == ids.iter().position(|other| other == *id).unwrap();
    let other = ids.iter().find(|id| !is_own(id)).unwrap();
    first.submit("/-/account/end-sessions", &[("id", other)]);
    assert!(first.is_signed_in() && !second.is_signed_in());
    let (mut first, mut second) = (site.signed_in(), site.signed_in());
    assert_eq!(address(&first.submit("/-/account/end-sessions", &[])), "/-/account");
    assert!(!first.is_signed_in() && !second.is_signed_in());
}

#[test]
fn a_session_ends_after_a_week_without_use_and_after_a_month() {
    let site = Site::new();
    let mut idle = site.signed_in();
    let mut busy = site.signed_in();
    site.pass(7 * DAY_MS - 1);
    assert!(busy.is_signed_in());
    site.pass(1);
    assert!(!idle.is_signed_in() && busy.is_signed_in());
    for _ in 0..22 {
        site.pass(DAY_MS);
        assert!(busy.is_signed_in());
    }
    site.pass(DAY_MS);
    assert!(!busy.is_signed_in());
}

#[test]
fn sessions_survive_a_restart_if_they_have_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.db");
    let site = Site::with(|builder| builder.sessions(&file));
    let cookies = site.signed_in().cookies;
    drop(site);
    let again = Site::with(|builder| builder.sessions(&file));
    let mut browser = again.browser();
    browser.cookies = cookies;
    assert!(browser.is_signed_in());
    let stored = std::fs::read(&file).unwrap();
    assert!(!stored.windows(4).any(|part| part == b"good"));
}

#[test]
fn a_link_signs_in_once() {
    let site = Site::new();
    let make = || Ok(Credential::Bearer("good".into()));
    let link = site.host.sign_in_link(make).unwrap();
    let mut scanner = site.browser();
    scanner.send("HEAD", &link, String::new());
    let mut browser = site.browser();
    assert_eq!(address(&browser.get(&link)), "/");
    assert!(browser.is_signed_in());
    let mut late = site.browser();
    let page = late.get(&link);
    assert_eq!(page.status, 400);
    page.shows("was followed already");
    assert!(!late.is_signed_in());
    let link = site.host.sign_in_link(make).unwrap();
    site.pass(10 * 60 * 1_000);
    assert_eq!(late.get(&link).status, 400);
}

#[test]
fn a_reader_chooses_the_language() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let page = browser.get(&format!("/-/language?to=ko&next={}", encoded(EXPERIMENTS)));
    assert_eq!(address(&page), EXPERIMENTS);
    browser.get(EXPERIMENTS).ok().shows("lang=\"ko\"").shows("실험");
    browser.get("/-/account").ok().shows("세션");
    browser.get("/-/language?to=xx&next=/");
    browser.get("/-/account").ok().shows("세션");
}

#[test]
fn pages_without_scripts_have_their_style() {
    let site = Site::new();
    let style = site.browser().get("/-/assets/style.css").ok();
    assert!(style.header("cache-control").contains("immutable"));
    assert_eq!(site.browser().get("/-/assets/other").status, 404);
}
