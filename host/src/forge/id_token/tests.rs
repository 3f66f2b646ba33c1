//! Tests of when the forge is asked for its keys. The rules for tokens are tested through the adapters.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::signer::SigningKey;
use super::*;
use crate::forge::ForgeAddress;
use crate::forge::gitlab::tests::stand_in::{Answer, StandIn};

const ISSUER: &[&str] = &["api", "actions"];

/// A forge that changes its key and fails when told.
struct World {
    server: StandIn,
    verifier: IdTokenVerifier,
    has_new_key: Arc<AtomicBool>,
    is_down: Arc<AtomicBool>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Claims {
    sub: String,
}

impl World {
    async fn new() -> Self {
        let flags: [Arc<AtomicBool>; 2] = Default::default();
        let [has_new_key, is_down] = flags.clone();
        let server = StandIn::start(move |seen| {
            let base = format!("http://{}", seen.headers["host"].to_str().unwrap());
            if flags[1].load(Ordering::SeqCst) {
                return Answer::json(502, &json!({}));
            }
            if seen.target.ends_with("/openid-configuration") {
                let issuer = format!("{base}/api/actions");
                return Answer::json(
                    200,
                    &json!({"issuer": issuer, "jwks_uri": format!("{issuer}/.well-known/keys")}),
                );
            }
            let key = if flags[0].load(Ordering::SeqCst) {
                SigningKey::second()
            } else {
                SigningKey::first()
            };
            Answer::json(200, &json!({"keys": [key.jwk()]}))
        })
        .await;
        let address = ForgeAddress {
            url: server.url().to_owned(),
            authorities: None,
        };
        let verifier = IdTokenVerifier::new(ForgeClient::new(&address).unwrap(), ISSUER, vec!["a".to_owned()]);
        Self {
            server,
            verifier,
            has_new_key,
            is_down,
        }
    }

    fn token(&self, key: &SigningKey) -> String {
        let issuer = format!("{}/api/actions", self.server.url());
        key.sign(&json!({"iss": issuer, "aud": "a", "sub": "job", "exp": get_current_timestamp() + 7200}))
    }

    /// True if the token is accepted at this time.
    async fn accepts(&self, token: &str, at: Instant) -> Result<bool, ForgeError> {
        let verified = self.verifier.verify_at::<Claims>(token, at).await?;
        Ok(verified.is_some())
    }

    /// The number of requests for keys since the last call. Each is a request for the document and one for the keys.
    fn requests(&self) -> usize {
        let seen = self.server.take_seen();
        seen.iter()
            .filter(|seen| seen.target.ends_with("/openid-configuration"))
            .count()
    }
}

#[tokio::test]
async fn keys_are_kept_for_an_hour() {
    let world = World::new().await;
    let (token, start) = (world.token(&SigningKey::first()), Instant::now());
    assert_eq!(world.accepts(&token, start).await, Ok(true));
    assert_eq!(world.accepts(&token, start + Duration::from_secs(3599)).await, Ok(true));
    assert_eq!(world.requests(), 1);
    assert_eq!(world.accepts(&token, start + Duration::from_secs(3600)).await, Ok(true));
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn a_new_key_is_taken_over_and_the_old_one_is_not_accepted_any_more() {
    let world = World::new().await;
    let (old, new) = (world.token(&SigningKey::first()), world.token(&SigningKey::second()));
    let (start, later) = (Instant::now(), Instant::now() + Duration::from_secs(120));
    assert_eq!(world.accepts(&old, start).await, Ok(true));
    world.has_new_key.store(true, Ordering::SeqCst);
    assert_eq!(world.accepts(&new, later).await, Ok(true));
    assert_eq!(world.accepts(&old, later).await, Ok(false));
}

#[tokio::test]
async fn an_unknown_key_makes_the_forge_be_asked_once_a_minute() {
    let world = World::new().await;
    let (token, start) = (world.token(&SigningKey::second()), Instant::now());
    for second in [0, 1, 59] {
        assert_eq!(
            world.accepts(&token, start + Duration::from_secs(second)).await,
            Ok(false)
        );
    }
    assert_eq!(world.requests(), 1);
    assert_eq!(world.accepts(&token, start + Duration::from_secs(120)).await, Ok(false));
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn known_keys_stay_while_the_forge_is_down_but_not_for_longer_than_an_hour() {
    let world = World::new().await;
    let (known, unknown) = (world.token(&SigningKey::first()), world.token(&SigningKey::second()));
    let start = Instant::now();
    assert_eq!(world.accepts(&known, start).await, Ok(true));
    world.is_down.store(true, Ordering::SeqCst);
    // That of an unknown key cannot be decided, and must not cost the known one.
    world
        .accepts(&unknown, start + Duration::from_secs(120))
        .await
        .unwrap_err();
    assert_eq!(world.accepts(&known, start + Duration::from_secs(120)).await, Ok(true));
    world
        .accepts(&known, start + Duration::from_secs(3600))
        .await
        .unwrap_err();
    world.is_down.store(false, Ordering::SeqCst);
    assert_eq!(world.accepts(&known, start + Duration::from_secs(3700)).await, Ok(true));
}

#[tokio::test]
async fn a_forge_that_is_down_is_asked_again_after_a_pause() {
    let world = World::new().await;
    let (token, start) = (world.token(&SigningKey::first()), Instant::now());
    world.is_down.store(true, Ordering::SeqCst);
    world.accepts(&token, start).await.unwrap_err();
    world.accepts(&token, start).await.unwrap_err();
    assert_eq!(world.requests(), 1);
    world.is_down.store(false, Ordering::SeqCst);
    assert_eq!(world.accepts(&token, start + Duration::from_secs(60)).await, Ok(true));
}

#[tokio::test]
async fn many_tokens_at_once_cause_one_request() {
    let world = World::new().await;
    let (token, now) = (world.token(&SigningKey::first()), Instant::now());
    let verify = || world.accepts(&token, now);
    let all = tokio::join!(verify(), verify(), verify(), verify());
    assert_eq!(all, (Ok(true), Ok(true), Ok(true), Ok(true)));
    assert_eq!(world.requests(), 1);
}

#[test]
fn only_jwts_name_an_issuer() {
    let jwt = SigningKey::first().sign(&json!({"iss": "https://git.example.org"}));
    assert_eq!(unverified_issuer(&jwt).as_deref(), Some("https://git.example.org"));
    for other in [
        "",
        "glpat-x",
        "glpat-abcd.01.0z1x2y3",
        "a.b.c",
        "..",
        "glcbt-e30.e30.x",
        "e30.e30.e30",
    ] {
        assert_eq!(unverified_issuer(other), None, "{other}");
    }
}
