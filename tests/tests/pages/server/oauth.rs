//! Sign-in on the forge, with a stand-in for it.

use mlforge::Limits;
use mlforge::forge::{ForgeAddress, OauthOptions, OauthProvider};

use super::provider::Provider;
use super::*;

const HOUR_MS: u64 = 3_600 * 1_000;

/// A server that signs in on a forge. The stand-in runs on a runtime of its own, which must outlive it.
fn site() -> (Site, Provider, tokio::runtime::Runtime) {
    site_with(Limits::default())
}

fn site_with(limits: Limits) -> (Site, Provider, tokio::runtime::Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let provider = runtime.block_on(Provider::start());
    let options = OauthOptions {
        address: ForgeAddress {
            url: provider.url.clone(),
            authorities: None,
        },
        provider: OauthProvider::Gitlab,
        client_id: "application".into(),
        client_secret: Some("app-secret".into()),
    };
    let site = Site::with(|builder| builder.limits(limits).oauth(options));
    (site, provider, runtime)
}

/// Begins a sign-in. Returns the state that the forge sends back.
fn begin(browser: &mut Browser<'_>) -> String {
    let page = browser.get(&format!("/-/oauth/start?next={}", encoded(EXPERIMENTS)));
    let address = address(&page);
    assert!(address.contains("/oauth/authorize?client_id=application&"), "{address}");
    assert!(
        address.contains("code_challenge_method=S256") && !address.contains("secret"),
        "{address}"
    );
    let (_, state) = address.split_once("&state=").unwrap();
    state.split('&').next().unwrap().to_owned()
}

#[test]
fn a_reader_who_agrees_on_the_forge_is_signed_in() {
    let (site, provider, _runtime) = site();
    let mut browser = site.browser();
    browser.get("/-/sign-in").ok().shows("Continue with 127.0.0.1");
    let state = begin(&mut browser);
    let page = browser.get(&format!("/-/oauth/callback?code=agreed&state={state}"));
    assert_eq!(address(&page), EXPERIMENTS);
    browser.get(EXPERIMENTS).ok().shows("New experiment");
    let forms = provider.forms.lock().unwrap();
    let form = forms.last().unwrap();
    assert!(
        form.contains("code_verifier=") && form.contains("client_secret=app-secret"),
        "{form}"
    );
    assert!(form.contains(&encoded("http://ml.test/-/oauth/callback")), "{form}");
    assert!(!browser.cookies.contains_key("mlforge-oauth"));
}

#[test]
fn an_access_token_that_expires_is_renewed() {
    let (site, provider, _runtime) = site();
    let mut browser = site.browser();
    let state = begin(&mut browser);
    browser.get(&format!("/-/oauth/callback?code=agreed&state={state}"));
    let form = browser.get("/-/account").ok().form_token();
    site.revoke("good");
    site.state.tokens.lock().unwrap().insert("better".into());
    site.pass(2 * HOUR_MS);
    browser.get(EXPERIMENTS).ok().shows("New experiment");
    browser.get(EXPERIMENTS).ok();
    assert_eq!(provider.forms.lock().unwrap().len(), 2);
    // Forms that were open stay good.
    assert_eq!(browser.get("/-/account").ok().form_token(), form);
    // The next refresh token is unknown to the forge: the session has ended.
    site.pass(2 * HOUR_MS);
    assert_eq!(browser.get(EXPERIMENTS).status, 404);
    browser.get(EXPERIMENTS);
    assert_eq!(provider.forms.lock().unwrap().len(), 3);
}

/// Sends a request of the API with the token `good`.
async fn api(site: &Site, method: &str, path: &str, body: Bytes) -> Bytes {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v4/projects/1/ml/mlflow/api/2.0/{path}"))
        .header("private-token", "good")
        .body(Full::new(body));
    let response = site.host.handle(request.unwrap()).await;
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap().to_bytes()
}

#[test]
fn a_download_outlives_the_access_token_with_which_it_began() {
    let (site, provider, _runtime) = site_with(Limits {
        rights_check_pause: Duration::from_millis(5),
        ..Limits::default()
    });
    let mut browser = site.browser();
    let state = begin(&mut browser);
    browser.get(&format!("/-/oauth/callback?code=agreed&state={state}"));
    let session = format!("mlforge-session={}", browser.session());
    // More than all that is buffered between the file and the browser.
    let file = Bytes::from(vec![7; 16 << 20]);
    let downloaded = site.runtime.block_on(async {
        let created = api(&site, "POST", "mlflow/runs/create", "{\"experiment_id\":\"0\"}".into()).await;
        let created: serde_json::Value = serde_json::from_slice(&created).unwrap();
        let run = created["run"]["info"]["run_id"].as_str().unwrap();
        let path = format!("mlflow-artifacts/artifacts/0/{run}/artifacts/big");
        api(&site, "PUT", &path, file.clone()).await;
        let request = Request::builder()
            .uri(format!("/group/one/-/ml/candidates/{run}/raw/big"))
            .header("host", "ml.test")
            .header("cookie", session)
            .body(Full::new(Bytes::new()));
        let response = site.host.handle(request.unwrap()).await;
        assert_eq!(response.status(), 200);
        let mut body = response.into_body();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        site.state.tokens.lock().unwrap().insert("better".into());
        site.pass(2 * HOUR_MS);
        let renewed = async {
            while provider.forms.lock().unwrap().len() < 2 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), renewed).await.unwrap();
        site.revoke("good");
        let rest = body.collect().await.expect("the rest").to_bytes();
        first.len() + rest.len()
    });
    assert_eq!(downloaded, file.len());
}

#[test]
fn a_sign_in_that_another_browser_began_is_refused() {
    let (site, provider, _runtime) = site();
    let (mut attacker, mut victim) = (site.browser(), site.browser());
    let state = begin(&mut attacker);
    let callback = format!("/-/oauth/callback?code=agreed&state={state}");
    assert_eq!(victim.get(&callback).status, 400);
    begin(&mut victim);
    let page = victim.get(&callback);
    assert_eq!((page.status, victim.session()), (400, String::new()));
    page.shows("Begin again");
    let state = begin(&mut victim);
    site.pass(11 * 60 * 1_000);
    assert_eq!(
        victim
            .get(&format!("/-/oauth/callback?code=agreed&state={state}"))
            .status,
        400
    );
    assert_eq!(provider.forms.lock().unwrap().len(), 0);
}

#[test]
fn a_reader_who_does_not_agree_is_not_signed_in() {
    let (site, _provider, _runtime) = site();
    let mut browser = site.browser();
    let state = begin(&mut browser);
    let page = browser.get(&format!("/-/oauth/callback?error=access_denied&state={state}"));
    assert_eq!(page.status, 400);
    page.shows("You did not agree");
    let state = begin(&mut browser);
    let page = browser.get(&format!("/-/oauth/callback?code=wrong&state={state}"));
    assert_eq!((page.status, browser.session()), (400, String::new()));
}

#[test]
fn a_server_without_an_application_has_no_such_pages() {
    let site = Site::new();
    for path in ["/-/oauth/start", "/-/oauth/callback?code=agreed&state=x"] {
        assert_eq!(site.browser().get(path).status, 404, "{path}");
    }
}
