//! The HTTP client with which adapters ask a forge.
//!
//! - It follows redirects within the forge's origin only, so no credential leaves the forge.
//! - It bounds the time and the size of every answer.
//! - An answer that is not understood counts as no answer.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Certificate, Client, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::ForgeError;

/// Maximum time for connecting to the forge.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Maximum time of a request with its redirects and the whole answer.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Maximum size of an answer, in bytes. The project with the longest description needs less.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Maximum number of redirects. A renamed project needs one.
const REDIRECTS_MAX: usize = 3;

/// The location of a forge, and whom to trust there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForgeAddress {
    /// The forge's URL, for example `https://git.example.org`. It may have a path, but no query.
    pub url: String,
    /// Certificates in PEM of authorities that are trusted besides the system's. `None`: only the system's are.
    pub authorities: Option<Vec<u8>>,
}

/// A client of one forge, for adapters. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ForgeClient {
    base: Url,
    http: Client,
}

/// An answer of the forge: a success, or a refusal (a status of 4xx).
#[derive(Clone, Debug)]
pub struct ForgeReply {
    /// The status.
    pub status: StatusCode,
    /// All headers.
    pub headers: HeaderMap,
    body: Vec<u8>,
}

impl ForgeClient {
    /// # Errors
    /// Fails when the URL or a certificate is invalid.
    pub fn new(address: &ForgeAddress) -> anyhow::Result<Self> {
        Self::with_timeout(address, TIMEOUT)
    }

    /// A client that gives a request and its whole answer this time.
    pub(crate) fn with_timeout(address: &ForgeAddress, timeout: Duration) -> anyhow::Result<Self> {
        // Fails when the embedder has installed a provider already, which is as good.
        _ = rustls::crypto::ring::default_provider().install_default();
        let base = base_url(&address.url)?;
        let origin = base.origin();
        let within_forge = move |attempt: Attempt<'_>| {
            if attempt.url().origin() == origin && attempt.previous().len() <= REDIRECTS_MAX {
                attempt.follow()
            } else {
                attempt.stop()
            }
        };
        let builder = Client::builder()
            .user_agent(concat!("mlforge/", env!("CARGO_PKG_VERSION")))
            .no_proxy()
            .redirect(Policy::custom(within_forge))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout);
        let builder = match &address.authorities {
            Some(pem) => builder.tls_certs_merge(authorities(pem)?),
            // Reading the system's certificates takes milliseconds.
            None if base.scheme() == "http" => builder.tls_certs_only([]),
            None => builder,
        };
        let http = builder.build().context("cannot set up TLS for the forge")?;
        Ok(Self { base, http })
    }

    /// The URL below the forge's with these segments. Each is percent-encoded, so it is one segment even if it has slashes.
    pub fn link(&self, segments: &[&str]) -> String {
        self.url(segments).into()
    }

    /// Sends a GET to the URL with these segments and this query, and reads the whole answer.
    ///
    /// # Errors
    /// Fails when the forge does not answer in time, answers too much, is overloaded (429), fails (5xx) or redirects to
    /// another origin.
    pub async fn get(
        &self,
        segments: &[&str],
        query: &[(&str, &str)],
        headers: HeaderMap,
    ) -> Result<ForgeReply, ForgeError> {
        let mut url = self.url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(self.http.get(url).headers(headers)).await
    }

    /// Sends a POST with a body in JSON, as [`get`](Self::get) does.
    ///
    /// # Errors
    /// Those of [`get`](Self::get). Whether the forge did what was asked is then unknown.
    pub async fn post(
        &self,
        segments: &[&str],
        headers: HeaderMap,
        json: &serde_json::Value,
    ) -> Result<ForgeReply, ForgeError> {
        self.send(self.http.post(self.url(segments)).headers(headers).json(json))
            .await
    }

    /// Sends a POST with a body as it is, as [`get`](Self::get) does. A header names its type.
    pub(crate) async fn post_text(
        &self,
        segments: &[&str],
        headers: HeaderMap,
        body: String,
    ) -> Result<ForgeReply, ForgeError> {
        self.send(self.http.post(self.url(segments)).headers(headers).body(body))
            .await
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if !segments.is_empty()
            // An `http` URL always has segments.
            && let Ok(mut path) = url.path_segments_mut()
        {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<ForgeReply, ForgeError> {
        let request = request.build().map_err(|error| ForgeError::new(cause(error)))?;
        let what = format!("{} {}", request.method(), request.url().path());
        let fail = |error| ForgeError::new(format!("{what}: {}", cause(error)));
        let response = self.http.execute(request).await.map_err(fail)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let is_answer = status.is_success() || (status.is_client_error() && !is_overload(status));
        if !is_answer {
            return Err(ForgeError {
                reason: format!("{what}: {status}"),
                retry_after: retry_after(&headers),
            });
        }
        match read(response).await {
            Ok(Some(body)) => Ok(ForgeReply { status, headers, body }),
            Ok(None) => Err(ForgeError::new(format!(
                "{what}: the answer has more than {ANSWER_BYTES_MAX} bytes"
            ))),
            Err(error) => Err(fail(error)),
        }
    }
}

impl ForgeReply {
    /// Parses the body.
    ///
    /// # Errors
    /// Fails when the body is not of this type, and names the field. Such an answer counts as none.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        parse_json(&self.body).map_err(|error| ForgeError::new(format!("the answer is not understood: {error}")))
    }

    /// The body as text, for messages of the forge.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// An error for a status that has no meaning here.
    pub fn unexpected(&self) -> ForgeError {
        ForgeError::new(format!("the answer has the unexpected status {}", self.status))
    }
}

/// Parses a whole document. The error names the field, for example `actor.id: invalid type: …`.
pub(super) fn parse_json<T: DeserializeOwned>(text: &[u8]) -> Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(parsed)
}

/// A header with a secret, which is not logged. `None`: no header can have this text.
pub fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Parses certificates in PEM, at least one.
fn authorities(pem: &[u8]) -> anyhow::Result<Vec<Certificate>> {
    let certificates =
        Certificate::from_pem_bundle(pem).context("the forge's authorities are no certificates in PEM")?;
    // Text around certificates is ignored, and so is a text without any.
    ensure!(
        !certificates.is_empty(),
        "the forge's authorities have no certificate in PEM"
    );
    Ok(certificates)
}

fn base_url(text: &str) -> anyhow::Result<Url> {
    let url: Url = text.parse().with_context(|| format!("`{text}` is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        bail!("`{text}` begins with neither https:// nor http://");
    }
    let has_user = !url.username().is_empty() || url.password().is_some();
    ensure!(!has_user, "the URL of a forge has no user and no password");
    ensure!(
        url.query().is_none() && url.fragment().is_none(),
        "`{text}` has a query or a fragment, and the URL of a forge has none"
    );
    Ok(url)
}

fn is_overload(status: StatusCode) -> bool {
    [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
}

/// The time that the forge asks for, if it is in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Reads a body. `None`: it is too large.
async fn read(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The first cause of an error. The URL is left out: it may have a secret in its query.
fn cause(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it did not answer in time".to_owned();
    }
    let (is_connect, error) = (error.is_connect(), error.without_url());
    let mut cause: &dyn std::error::Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    if is_connect {
        format!("cannot connect: {cause}")
    } else {
        cause.to_string()
    }
}
