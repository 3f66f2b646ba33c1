//! Attacks of other sites, of other hosts of the same domain, and of who guesses.

use super::*;

/// The fields of a form to sign in that some browser was given.
fn fields_of(browser: &mut Browser<'_>) -> String {
    browser.get("/-/sign-in").ok().form_token()
}

#[test]
fn a_session_is_new_at_each_sign_in() {
    let site = Site::new();
    let mut browser = site.browser();
    // A cookie that somebody else chose is never taken over.
    let planted = "A".repeat(43);
    browser.cookies.insert("mlforge-session".into(), planted.clone());
    assert_eq!(browser.sign_in("good", "/").status, 303);
    let first = browser.session();
    assert_ne!(first, planted);
    let mut old = browser.clone();
    assert_eq!(browser.sign_in("good", "/").status, 303);
    assert_ne!(browser.session(), first);
    // The former session has ended.
    assert!(old.get(EXPERIMENTS).status == 404 && browser.is_signed_in());
}

#[test]
fn a_cookie_is_hidden_from_scripts_and_other_sites() {
    let site = Site::new();
    let mut browser = site.browser();
    let page = browser.sign_in("good", "/");
    let mut set = page
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().unwrap());
    let cookie = set.find(|cookie| cookie.starts_with("mlforge-session=")).unwrap();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/;"),
        "{cookie}"
    );
    let secure = Site::with(|builder| builder.external_url("https://ml.test"));
    let mut browser = secure.browser();
    browser.sign_in("good", "/");
    assert!(browser.cookies.contains_key("__Host-mlforge-session"));
    assert!(browser.is_signed_in());
    // Another host of the domain can set only a cookie without the prefix.
    let value = browser.cookies.remove("__Host-mlforge-session").unwrap();
    browser.cookies.insert("mlforge-session".into(), value);
    assert!(!browser.is_signed_in());
}

#[test]
fn of_two_session_cookies_none_is_taken() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let value = format!("{}; mlforge-session=planted", browser.session());
    browser.cookies.insert("mlforge-session".into(), value);
    assert!(!browser.is_signed_in());
}

#[test]
fn a_form_to_sign_in_belongs_to_the_browser_that_asked_for_it() {
    let site = Site::new();
    let (mut attacker, mut victim) = (site.browser(), site.browser());
    let token = fields_of(&mut attacker);
    let refused = victim.post("/-/sign-in", &[("token", "good"), ("form_token", &token)]);
    assert_eq!(refused.status, 403);
    fields_of(&mut victim);
    let refused = victim.post("/-/sign-in", &[("token", "good"), ("form_token", &token)]);
    assert_eq!((refused.status, victim.session()), (403, String::new()));
    refused.shows("too old");
}

#[test]
fn forms_of_another_site_change_nothing() {
    let site = Site::new();
    let mut browser = site.signed_in();
    let token = browser.get("/-/account").ok().form_token();
    for header in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.test")] {
        let mut forged = browser.clone();
        forged.headers.push(header);
        for path in ["/-/sign-in", "/-/sign-out", "/-/account/end-sessions"] {
            assert_eq!(forged.post(path, &[("form_token", &token)]).status, 403, "{path}");
        }
        assert_eq!(
            forged
                .post("/group/one/-/ml/experiments", &[("name", "x"), ("form_token", &token)])
                .status,
            403
        );
    }
    for path in ["/-/sign-out", "/-/account/end-sessions"] {
        assert_eq!(browser.post(path, &[("form_token", "0")]).status, 403, "{path}");
        assert_eq!(browser.post(path, &[]).status, 403, "{path}");
    }
    assert!(browser.is_signed_in());
}

#[test]
fn a_session_counts_under_names_of_the_server_only() {
    let site = Site::new();
    let mut browser = site.signed_in();
    browser.host = "rebound.test";
    for path in ["/", "/-/account", EXPERIMENTS] {
        assert_eq!(browser.get(path).status, 403, "{path}");
    }
    let mut stranger = site.browser();
    stranger.host = "rebound.test";
    assert_eq!(stranger.post("/-/sign-in", &[("token", "good")]).status, 403);
}

#[test]
fn nobody_is_led_to_another_site() {
    let site = Site::new();
    for next in [
        "//evil.test",
        "/\\evil.test",
        "https://evil.test",
        "javascript:alert(1)",
        "/a\nb",
    ] {
        let mut browser = site.browser();
        assert_eq!(address(&browser.sign_in("good", next)), "/", "{next}");
        let chosen = browser.get(&format!("/-/language?to=ko&next={}", encoded(next)));
        assert_eq!(address(&chosen), "/", "{next}");
    }
}

#[test]
fn sign_ins_that_fail_are_bounded() {
    let site = Site::new();
    let mut browser = site.browser();
    for _ in 0..10 {
        assert_eq!(browser.sign_in("wrong", "/").status, 400);
    }
    let refused = browser.sign_in("good", "/");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "60"));
    refused.shows("Try again in a minute");
    site.pass(60_000);
    assert_eq!(browser.sign_in("good", "/").status, 303);
}

#[test]
fn pages_of_the_server_run_nothing_of_users() {
    let site = Site::new();
    let hostile = encoded(HOSTILE);
    let mut browser = site.signed_in();
    for path in [
        format!("/-/sign-in?next=/{hostile}"),
        format!("/?project={hostile}"),
        format!("/-/{hostile}"),
        "/-/account".to_owned(),
    ] {
        for language in ["en", "ko"] {
            browser.headers = vec![("accept-language", language)];
            let page = browser.get(&path).hides("<script>alert").hides("<img src=x");
            assert!(page.html.contains(&format!("<html lang=\"{language}\">")), "{path}");
            assert!(
                page.header("content-security-policy").starts_with("default-src 'none'"),
                "{path}"
            );
        }
    }
}
