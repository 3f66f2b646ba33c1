//! Sign-in on a forge by OAuth 2.0 with PKCE: the requests of Gitea, Forgejo and GitLab.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use mlforge_ui::link::encoded;
use reqwest::Url;
use serde::Deserialize;

use super::{ForgeAddress, ForgeClient, ForgeError};

/// The kind of forge on which browsers sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OauthProvider {
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    Gitlab,
}

/// The application that the forge knows this server as.
#[derive(Clone)]
pub struct OauthOptions {
    /// The location of the forge.
    pub address: ForgeAddress,
    /// The kind of forge.
    pub provider: OauthProvider,
    /// The application's id.
    pub client_id: String,
    /// The application's secret. `None`: the forge knows it as a public one, which has none.
    pub client_secret: Option<String>,
}

/// The forge's sign-in for one application.
pub(crate) struct OauthClient {
    client: ForgeClient,
    options: OauthOptions,
}

/// The tokens of a user.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) access_token: String,
    pub(crate) refresh_token: Option<String>,
    /// The validity of the access token. `None`: the forge does not tell.
    pub(crate) expires_in: Option<Duration>,
}

/// The forge's answer about tokens.
#[derive(Debug)]
pub(crate) enum TokenAnswer {
    Granted(Tokens),
    /// The code or the refresh token is unknown, expired or used already.
    Refused,
}

#[derive(Deserialize)]
struct TokenDocument {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<u64>,
}

impl OauthProvider {
    fn authorize_path(self) -> &'static [&'static str] {
        match self {
            Self::Gitea => &["login", "oauth", "authorize"],
            Self::Gitlab => &["oauth", "authorize"],
        }
    }

    fn token_path(self) -> &'static [&'static str] {
        match self {
            Self::Gitea => &["login", "oauth", "access_token"],
            Self::Gitlab => &["oauth", "token"],
        }
    }

    /// The scopes with which a reader may also write, if their role permits it.
    fn scope(self) -> &'static str {
        match self {
            // Forges that know no scopes of applications ignore them.
            Self::Gitea => "read:user write:repository",
            Self::Gitlab => "api",
        }
    }
}

impl OauthClient {
    /// # Errors
    /// Fails when the URL or a certificate is invalid.
    pub(crate) fn new(options: OauthOptions) -> anyhow::Result<Self> {
        Ok(Self {
            client: ForgeClient::new(&options.address)?,
            options,
        })
    }

    /// The name of the forge for people: its host.
    pub(crate) fn forge_name(&self) -> String {
        let url: Option<Url> = self.options.address.url.parse().ok();
        url.and_then(|url| url.host_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// The page of the forge on which a reader agrees.
    pub(crate) fn authorize_url(&self, redirect_uri: &str, state: &str, challenge: &str) -> String {
        let provider = self.options.provider;
        let query = form(&[
            ("client_id", &self.options.client_id),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("state", state),
            ("scope", provider.scope()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]);
        format!("{}?{query}", self.client.link(provider.authorize_path()))
    }

    /// Changes the code with which a browser came back into tokens.
    pub(crate) async fn exchange(
        &self,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<TokenAnswer, ForgeError> {
        self.ask(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("code_verifier", verifier),
            ("redirect_uri", redirect_uri),
        ])
        .await
    }

    /// Renews an access token. The refresh token is good once.
    pub(crate) async fn refresh(&self, refresh_token: &str, redirect_uri: &str) -> Result<TokenAnswer, ForgeError> {
        self.ask(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh_token),
            ("redirect_uri", redirect_uri),
        ])
        .await
    }

    async fn ask(&self, fields: &[(&str, &str)]) -> Result<TokenAnswer, ForgeError> {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.options.client_id));
        if let Some(secret) = &self.options.client_secret {
            fields.push(("client_secret", secret));
        }
        let headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json")),
            (
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            ),
        ]);
        let path = self.options.provider.token_path();
        let reply = self.client.post_text(path, headers, form(&fields)).await?;
        if reply.status != StatusCode::OK {
            // The message tells of a wrong secret of the application, too.
            let told: String = reply.text().chars().take(TOLD_CHARS_MAX).collect();
            tracing::warn!(target: "mlforge::forge", status = %reply.status, told, "the forge gives no token");
            return Ok(TokenAnswer::Refused);
        }
        let tokens: TokenDocument = reply.json()?;
        Ok(TokenAnswer::Granted(Tokens {
            access_token: tokens.access_token,
            refresh_token: tokens.refresh_token,
            expires_in: tokens.expires_in.map(Duration::from_secs),
        }))
    }
}

/// A message of the forge is logged up to this length.
const TOLD_CHARS_MAX: usize = 200;

/// Fields as a form sends them, also in a query.
fn form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", encoded(name), encoded(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::forge::gitlab::tests::stand_in::{Answer, StandIn};
    use serde_json::json;

    fn client(url: &str, provider: OauthProvider) -> OauthClient {
        OauthClient::new(OauthOptions {
            address: ForgeAddress {
                url: url.to_owned(),
                authorities: None,
            },
            provider,
            client_id: "id 1".into(),
            client_secret: Some("s".into()),
        })
        .unwrap()
    }

    #[test]
    fn a_reader_agrees_on_a_page_of_the_forge() {
        let url = client("https://git.test/base", OauthProvider::Gitea).authorize_url("https://ml.test/-/x", "s", "c");
        let (page, query) = url.split_once('?').unwrap();
        assert_eq!(page, "https://git.test/base/login/oauth/authorize");
        assert!(
            query.contains("client_id=id%201&redirect_uri=https%3A%2F%2Fml.test%2F-%2Fx"),
            "{query}"
        );
        assert!(query.contains("code_challenge_method=S256"), "{query}");
        let url = client("https://git.test", OauthProvider::Gitlab).authorize_url("https://ml.test", "s", "c");
        assert!(url.starts_with("https://git.test/oauth/authorize?"), "{url}");
    }

    #[tokio::test]
    async fn a_code_and_a_refresh_token_become_tokens() {
        let forge = StandIn::start(|seen| match seen.target.as_str() {
            "/oauth/token" => Answer::json(
                200,
                &json!({"access_token": "a", "refresh_token": "r", "expires_in": 7200, "token_type": "Bearer"}),
            ),
            _ => Answer::json(404, &json!({})),
        });
        let forge = forge.await;
        let gitlab = client(forge.url(), OauthProvider::Gitlab);
        for answer in [gitlab.exchange("c", "v", "u").await, gitlab.refresh("r", "u").await] {
            let TokenAnswer::Granted(tokens) = answer.unwrap() else {
                panic!("refused")
            };
            assert_eq!(
                (tokens.access_token.as_str(), tokens.refresh_token.as_deref()),
                ("a", Some("r"))
            );
            assert_eq!(tokens.expires_in, Some(Duration::from_secs(7200)));
        }
        let gitea = client(forge.url(), OauthProvider::Gitea);
        assert!(matches!(gitea.exchange("c", "v", "u").await, Ok(TokenAnswer::Refused)));
    }
}
