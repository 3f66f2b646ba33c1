//! OIDC ID tokens of CI jobs: statements about a job which the forge signs, so that they are verified without asking it.
//!
//! - Only RS256 is accepted, with keys that the forge publishes. So no token chooses its own key or algorithm.
//! - Keys are kept for an hour. A token with an unknown key makes the forge be asked, but at most once a minute.
//! - A verification takes less than a tenth of a millisecond. While the keys cannot be had, no token is accepted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, get_current_timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::{ForgeClient, ForgeError};

mod crypto;
#[cfg(test)]
pub(super) mod signer;
#[cfg(test)]
mod tests;

/// How long the forge's keys are kept.
const KEYS_TTL: Duration = Duration::from_secs(3600);
/// Minimum time between two requests for keys that are caused by tokens with unknown keys.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(60);
/// Minimum time between two requests for keys when one failed, unless the forge asks for more.
const FAILED_PAUSE: Duration = Duration::from_secs(1);
/// Tolerated difference between the forge's clock and this machine's, in seconds.
const LEEWAY_S: u64 = 60;

/// A verifier of the ID tokens of one forge.
pub(crate) struct IdTokenVerifier {
    client: ForgeClient,
    /// The segments of the issuer's URL below the forge's.
    issuer: &'static [&'static str],
    audience: Vec<String>,
    state: Mutex<State>,
    /// Lets one request for keys be in flight. Others wait for its result.
    fetching: tokio::sync::Mutex<()>,
}

/// A token that the forge signed for this server and that is valid now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdToken<T> {
    pub(crate) claims: T,
    /// The time until the token expires. Zero: it is valid only because of the leeway.
    pub(crate) remaining: Duration,
}

/// The keys that are known, and the last request for them.
#[derive(Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    last: Option<Request>,
}

/// A request for keys that has ended.
struct Request {
    at: Instant,
    error: Option<ForgeError>,
}

/// The keys of the forge, and the rules for tokens signed with them.
struct KeySet {
    /// By key id.
    keys: HashMap<String, DecodingKey>,
    validation: Validation,
    fetched: Instant,
}

/// The part of a discovery document that is used.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

/// The claims that are checked here and not by the library.
#[derive(Deserialize)]
struct Times {
    exp: f64,
    iat: Option<f64>,
}

impl IdTokenVerifier {
    /// A verifier of tokens whose `aud` is one of `audience`. `issuer` are the segments of the issuer's URL below the
    /// forge's, none if the forge itself is the issuer. No request is sent before the first token.
    pub(crate) fn new(client: ForgeClient, issuer: &'static [&'static str], audience: Vec<String>) -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            // A provider of the embedder knows RS256 as well.
            if CryptoProvider::try_get_default().is_none() {
                _ = crypto::PROVIDER.install_default();
            }
        });
        Self {
            client,
            issuer,
            audience,
            state: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// Verifies a token. `None`: the forge did not sign it, it is for another audience, or it is not valid now.
    ///
    /// # Errors
    /// Fails when the forge's keys are needed and cannot be had.
    pub(crate) async fn verify<T: DeserializeOwned>(&self, token: &str) -> Result<Option<IdToken<T>>, ForgeError> {
        self.verify_at(token, Instant::now()).await
    }

    /// Asks the forge for its keys, so that the first token need not wait for them.
    ///
    /// # Errors
    /// Fails when the forge publishes no keys.
    pub(crate) async fn fetch_keys(&self) -> Result<(), ForgeError> {
        let _one = self.fetching.lock().await;
        self.fetch(Instant::now()).await
    }

    async fn verify_at<T: DeserializeOwned>(
        &self,
        token: &str,
        now: Instant,
    ) -> Result<Option<IdToken<T>>, ForgeError> {
        let Ok(header) = decode_header(token) else {
            return Ok(None);
        };
        let (Algorithm::RS256, Some(kid)) = (header.alg, header.kid) else {
            return Ok(None);
        };
        let Some(set) = self.keys(&kid, now).await? else {
            tracing::info!(kid, "an ID token is refused: the forge has no such key");
            return Ok(None);
        };
        let Some(key) = set.keys.get(&kid) else {
            return Ok(None);
        };
        let verified = decode::<Value>(token, key, &set.validation)
            .map_err(|error| reason(error.kind()))
            .and_then(|token| claims(token.claims));
        Ok(verified
            .inspect_err(|reason| tracing::info!(reason, "an ID token is refused"))
            .ok())
    }

    /// The keys among which is this one. `None`: the forge has no such key.
    async fn keys(&self, kid: &str, now: Instant) -> Result<Option<Arc<KeySet>>, ForgeError> {
        if let Some(known) = self.state().look_up(kid, now) {
            return known;
        }
        let _one = self.fetching.lock().await;
        // Another may have asked meanwhile.
        if let Some(known) = self.state().look_up(kid, now) {
            return known;
        }
        self.fetch(now).await?;
        let keys = self.state().keys.clone();
        Ok(keys.filter(|set| set.keys.contains_key(kid)))
    }

    /// Asks for the keys. When that fails, keys that are known stay so for the rest of their time.
    async fn fetch(&self, now: Instant) -> Result<(), ForgeError> {
        let started = Instant::now();
        let result = self.request(now).await;
        let mut state = self.state();
        state.last = Some(Request {
            // The end: it also answers those who have waited for it.
            at: now + started.elapsed(),
            error: result.as_ref().err().cloned(),
        });
        state.keys = Some(Arc::new(result?));
        Ok(())
    }

    async fn request(&self, now: Instant) -> Result<KeySet, ForgeError> {
        let path = [self.issuer, &[".well-known", "openid-configuration"]].concat();
        let discovery: Discovery = self.document(&path).await?;
        let path = self.keys_path(&discovery).ok_or_else(|| {
            ForgeError::new(format!(
                "its keys are at `{}`, which is not below its own URL `{}`",
                discovery.jwks_uri, discovery.issuer
            ))
        })?;
        let set: JwkSet = self.document(&path.split('/').collect::<Vec<_>>()).await?;
        Ok(KeySet {
            keys: set.keys.iter().filter_map(signing_key).collect(),
            validation: validation(&discovery.issuer, &self.audience),
            fetched: now,
        })
    }

    async fn document<T: DeserializeOwned>(&self, segments: &[&str]) -> Result<T, ForgeError> {
        let reply = self.client.get(segments, &[], HeaderMap::new()).await?;
        if reply.status != StatusCode::OK {
            return Err(ForgeError::new(format!(
                "/{}: {}",
                segments.join("/"),
                reply.unexpected().reason
            )));
        }
        reply.json()
    }

    /// The path of the keys below the forge's URL. `None`: they are elsewhere.
    ///
    /// The document names the forge's public URL, and this server may know the forge by another one. So the path is asked
    /// for at the configured URL, and a forge cannot send this server anywhere else.
    fn keys_path<'a>(&self, discovery: &'a Discovery) -> Option<&'a str> {
        let below: String = self.issuer.iter().map(|segment| format!("/{segment}")).collect();
        let forge = discovery.issuer.trim_end_matches('/').strip_suffix(&below)?;
        discovery.jwks_uri.strip_prefix(forge)?.strip_prefix('/')
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The keys among which is this one, or that it is unknown. `None`: the forge must be asked.
    fn look_up(&self, kid: &str, now: Instant) -> Option<Result<Option<Arc<KeySet>>, ForgeError>> {
        let is_fresh = |set: &&Arc<KeySet>| now.saturating_duration_since(set.fetched) < KEYS_TTL;
        let fresh = self.keys.as_ref().filter(is_fresh);
        if let Some(set) = fresh.filter(|set| set.keys.contains_key(kid)) {
            return Some(Ok(Some(Arc::clone(set))));
        }
        let last = self.last.as_ref()?;
        let age = now.saturating_duration_since(last.at);
        match &last.error {
            Some(error) => {
                let pause = error.retry_after.unwrap_or(FAILED_PAUSE);
                (age < pause.clamp(FAILED_PAUSE, UNKNOWN_KEY_PAUSE)).then(|| Err(error.clone()))
            }
            None => (age < UNKNOWN_KEY_PAUSE).then_some(Ok(None)),
        }
    }
}

/// The issuer that a JWT names. `None`: the text is no JWT, or names none. Nothing of it is verified: it serves only to
/// tell ID tokens from other tokens.
pub(crate) fn unverified_issuer(token: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    // Most tokens are none, and cost nothing.
    if token.bytes().filter(|byte| *byte == b'.').count() != 2 {
        return None;
    }
    let token = jsonwebtoken::dangerous::insecure_decode::<Issuer>(token).ok()?;
    Some(token.claims.iss)
}

fn validation(issuer: &str, audience: &[String]) -> Validation {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[issuer]);
    validation.set_audience(audience);
    validation.validate_nbf = true;
    validation.leeway = LEEWAY_S;
    validation
}

/// The id and the key, if it is one that signs with RS256.
fn signing_key(jwk: &Jwk) -> Option<(String, DecodingKey)> {
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let is_rs256 = common
        .key_algorithm
        .is_none_or(|algorithm| algorithm == KeyAlgorithm::RS256);
    match &jwk.algorithm {
        AlgorithmParameters::RSA(_) if signs && is_rs256 => {
            Some((common.key_id.clone()?, DecodingKey::from_jwk(jwk).ok()?))
        }
        _ => None,
    }
}

/// Checks the rest of the claims of a token that is signed.
fn claims<T: DeserializeOwned>(claims: Value) -> Result<IdToken<T>, String> {
    let times = Times::deserialize(&claims).map_err(|error| error.to_string())?;
    let now = Duration::from_secs(get_current_timestamp());
    let since_1970 = |seconds: f64| Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string());
    if let Some(issued) = times.iat
        && since_1970(issued)? > now + Duration::from_secs(LEEWAY_S)
    {
        return Err("it is issued in the future".to_owned());
    }
    let remaining = since_1970(times.exp)?.saturating_sub(now);
    match T::deserialize(claims) {
        Ok(claims) => Ok(IdToken { claims, remaining }),
        Err(error) => Err(format!("its claims are not understood: {error}")),
    }
}

fn reason(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired".to_owned(),
        ErrorKind::ImmatureSignature => "it is not valid yet".to_owned(),
        ErrorKind::InvalidAudience => "its `aud` is not this server's".to_owned(),
        ErrorKind::InvalidIssuer => "its `iss` is not the forge's".to_owned(),
        ErrorKind::InvalidSignature => "the forge did not sign it".to_owned(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it has no `{claim}`"),
        // The other kinds name parts of a token, and never its text.
        kind => format!("{kind:?}"),
    }
}
