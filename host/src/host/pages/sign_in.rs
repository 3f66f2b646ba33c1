//! The page on which readers sign in: with a token, on the forge, or by a link that is good once.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HeaderValue, RETRY_AFTER};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::words::{fill, filled};

use super::form::Fields;
use super::of_nothing;
use super::start::ensure_form;
use super::view::{View, form_token_field, with_cookie};
use crate::auth::cookies;
use crate::auth::form_token::form_token;
use crate::auth::session::{Contents, Owner, Secret};
use crate::forge::{Credential, Decision, ProjectRef};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;
use crate::http::router::{self, Route};

/// The validity of the form of the page, in seconds.
const FORM_S: u64 = 24 * 3_600;

/// The reason why somebody is not signed in.
pub(super) enum Mistake {
    NoToken,
    UnknownToken,
    ScopeLacks(String),
    NoProject,
    TooMany,
    LinkUsed,
    ForgeRefused,
    ForgeDenied,
    FlowExpired,
    ForgeDown,
}

impl Mistake {
    fn status(&self) -> StatusCode {
        match self {
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::ForgeDown => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// True if the field of the token is at fault.
    fn is_of_token(&self) -> bool {
        matches!(
            self,
            Self::NoToken | Self::UnknownToken | Self::ScopeLacks(_) | Self::NoProject
        )
    }

    fn text(&self, view: &View<'_>, forge: &str) -> String {
        let words = &view.words.sign_in;
        match self {
            Self::NoToken => words.no_token.to_owned(),
            Self::UnknownToken => words.unknown_token.to_owned(),
            Self::ScopeLacks(scope) => fill(words.scope_lacks, &[scope]),
            Self::NoProject => words.no_project.to_owned(),
            Self::TooMany => words.too_many.to_owned(),
            Self::LinkUsed => words.link_used.to_owned(),
            Self::ForgeRefused => fill(words.forge_refused, &[forge]),
            Self::ForgeDenied => fill(words.forge_denied, &[forge]),
            Self::FlowExpired => words.flow_expired.to_owned(),
            Self::ForgeDown => words.forge_down.to_owned(),
        }
    }
}

impl HostState {
    pub(super) async fn sign_in_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        match fields.get("once") {
            // A HEAD may come from a program that only looks whether the address exists.
            Some(code) if head.method == Method::GET => self.follow_once(head, code, fields).await,
            _ => Ok(self.show_sign_in(head, fields.next(), None)),
        }
    }

    pub(super) async fn sign_in_form(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let secret = self.form_cookie(head).ok_or(HttpError::FormExpired)?;
        ensure_form(&secret, fields)?;
        let token = fields.text("token");
        if token.is_empty() {
            return Ok(self.show_sign_in(head, fields.next(), Some(&Mistake::NoToken)));
        }
        let contents = Contents {
            credential: Credential::Bearer(token.to_owned()),
            renewal: None,
        };
        self.sign_in_with(head, contents, fields.next()).await
    }

    /// Signs in with a credential if the forge knows whose it is.
    pub(super) async fn sign_in_with(
        self: &Arc<Self>,
        head: &Parts,
        contents: Contents,
        next: &str,
    ) -> Result<Response<Body>, HttpError> {
        let (address, now_ms) = (self.client_address(head), self.services.now_ms());
        if !self.sign_in.attempts.may_try(address, now_ms) {
            return Ok(self.show_sign_in(head, next, Some(&Mistake::TooMany)));
        }
        let mistake = match self.identify(&contents.credential, &project_of(next)).await {
            Ok(Decision::Known(access)) => {
                let owner = Owner {
                    user: access.actor.id.clone(),
                    login: access.actor.login.clone(),
                };
                return self.begin_session(head, owner, contents, next).await;
            }
            Ok(Decision::Unauthenticated) => Mistake::UnknownToken,
            Ok(Decision::InsufficientScope { required }) => Mistake::ScopeLacks(required),
            Ok(Decision::ProjectNotFound) => Mistake::NoProject,
            Err(_) => Mistake::ForgeDown,
        };
        if !matches!(mistake, Mistake::ForgeDown) {
            self.sign_in.attempts.fail(address, now_ms);
        }
        Ok(self.show_sign_in(head, next, Some(&mistake)))
    }

    async fn follow_once(
        self: &Arc<Self>,
        head: &Parts,
        code: &str,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let Some(make) = self.sign_in.once.take(code, self.services.now_ms()) else {
            return Ok(self.show_sign_in(head, fields.next(), Some(&Mistake::LinkUsed)));
        };
        let made = tokio::task::spawn_blocking(make).await;
        let made = made.map_err(anyhow::Error::from).and_then(|made| made);
        let credential = made.map_err(|error| {
            tracing::error!(target: "mlforge::session", %error, "cannot make a token for the link that signs in");
            HttpError::StorageDown
        })?;
        let contents = Contents {
            credential,
            renewal: None,
        };
        self.sign_in_with(head, contents, fields.next()).await
    }

    /// The page, with what went wrong. A browser without the cookie of its form gets one.
    pub(super) fn show_sign_in(&self, head: &Parts, next: &str, mistake: Option<&Mistake>) -> Response<Body> {
        let mut view = View::new(self, head, None);
        view.here = Address::new("/-/sign-in").with("next", next).to_string();
        let cookies = &self.sign_in.cookies;
        let (secret, cookie) = match self.form_cookie(head) {
            Some(secret) => (Some(secret), None),
            None => match Secret::new().map(|secret| secret.text()) {
                Some(text) => {
                    let cookie = cookies.set(cookies::FORM, &text, FORM_S);
                    (Some(Credential::Cookie(text)), cookie)
                }
                None => (None, None),
            },
        };
        let token = secret.map_or_else(String::new, |secret| form_token(&secret));
        let status = mistake.map_or(StatusCode::OK, Mistake::status);
        let main = self.sign_in_main(&view, next, &token, mistake);
        let mut response = view.answer(status, view.words.common.sign_in, &main);
        if status == StatusCode::TOO_MANY_REQUESTS {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("60"));
        }
        with_cookie(response, cookie)
    }

    fn sign_in_main(&self, view: &View<'_>, next: &str, token: &str, mistake: Option<&Mistake>) -> Markup {
        let words = &view.words.sign_in;
        let forge = self.sign_in.oauth.as_ref().map(|oauth| oauth.forge_name());
        let forge = forge.unwrap_or_default();
        let said = mistake.map(|mistake| (mistake.text(view, &forge), mistake.is_of_token()));
        let start = Address::new(view.address("/-/oauth/start"))
            .with("next", next)
            .to_string();
        html! {
            div.sheet {
                h1 { (view.words.common.sign_in) }
                p.mut { (if next == "/" { words.text } else { words.hidden_text }) }
                @if let Some((text, false)) = &said { br; div.note role="alert" { p { bdi { (text) } } } }
                br;
                @if self.sign_in.oauth.is_some() {
                    a.btn.pri.full href=(start) { (fill(words.continue_with, &[&forge])) }
                    hr;
                } @else if let Some(page) = &self.sign_in.forge_page {
                    a.btn.pri.full href=(page) { (fill(words.continue_with, &[&host_of(page)])) }
                    hr;
                }
                (token_form(view, next, token, said.as_ref().filter(|(_, is_of_token)| *is_of_token)))
                @if self.sign_in.once.was_made() {
                    br;
                    p.mut.small { (filled(words.once_hint, &[html! { code { "mlforge serve" } }])) }
                }
            }
        }
    }

    /// The secret of the cookie to which the form of this browser is bound. `None`: it has none.
    fn form_cookie(&self, head: &Parts) -> Option<Credential> {
        let value = self.sign_in.cookies.get(&head.headers, cookies::FORM)?;
        Secret::parse(&value).map(|secret| Credential::Cookie(secret.text()))
    }

    pub(super) fn client_address(&self, head: &Parts) -> Option<IpAddr> {
        self.config.audit.trusted_proxies.client_of(head)
    }
}

fn token_form(view: &View<'_>, next: &str, token: &str, mistake: Option<&(String, bool)>) -> Markup {
    let words = &view.words.sign_in;
    let described = if mistake.is_some() {
        "token-error token-help"
    } else {
        "token-help"
    };
    html! {
        form method="post" action=(view.address("/-/sign-in")) {
            (form_token_field(token))
            input type="hidden" name="next" value=(next);
            div.field {
                label for="token" { (words.token) }
                input #token name="token" type="password" autocomplete="off" required
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=(described);
                @if let Some((text, _)) = mistake { p.err.small #token-error role="alert" { bdi { (text) } } }
                p.mut.small #token-help { (words.token_help) }
            }
            button.btn.full { (words.with_token) }
        }
    }
}

/// The project of the page to which somebody wants. Some forges tell only there whose a token is.
fn project_of(next: &str) -> ProjectRef {
    let target = next.parse::<http::Uri>();
    match target.as_ref().map(|uri| router::route(&Method::GET, uri)) {
        Ok(Route::Project { project, .. }) => project,
        _ => of_nothing(),
    }
}

fn host_of(page: &str) -> String {
    let uri = page.parse::<http::Uri>().ok();
    uri.and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default()
}
