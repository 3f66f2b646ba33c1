//! The server's own pages: sign-in, account, language and the list of projects. Those of a project are the component's.
//!
//! A page that changes something is a form. It carries a token that only the reader's own pages know, and is answered with the
//! address that shows the change.

mod account;
mod all_projects;
mod changes;
mod error;
mod form;
mod manage;
mod members;
mod oauth;
mod projects;
mod sign_in;
mod start;
mod storage;
mod tokens;
mod users;
mod view;

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{Method, Response};
use mlforge_ui::{Language, assets};

use self::form::Fields;
use self::view::{see_other, with_cookie};
use crate::auth::cookies;
use crate::auth::session::Owner;
use crate::forge::{Credential, Decision, ProjectRef};
use crate::host::HostState;
use crate::host::credentials::Presented;
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;
use crate::http::response_body::Body;
use crate::http::route_class::Intent;
use crate::http::router::ServerPage;
use crate::limits::budget::Exhausted;

/// Maximum number of forms that are read at a time. Their senders may be nobody.
pub(crate) const FORMS_MAX: usize = 32;
/// The time for which a chosen language is remembered, in seconds.
const LANGUAGE_S: u64 = 365 * 24 * 3_600;

/// Whose request it is, as far as the forge tells.
pub(crate) enum Identity {
    /// Nobody is signed in, or with a credential that the forge does not take.
    Nobody,
    /// Somebody whom the forge has signed in with a cookie of its own, and whom it names within a project only.
    Unnamed,
    Known(Box<Reader>),
}

/// Somebody who is signed in.
pub(crate) struct Reader {
    pub(crate) owner: Owner,
    pub(crate) presented: Presented,
}

impl HostState {
    /// Answers a request of one of the server's own pages.
    pub(crate) async fn answer_page(
        self: &Arc<Self>,
        head: &Parts,
        page: ServerPage<'_>,
        body: Inbound,
    ) -> Response<Body> {
        match self.try_page(head, page, body).await {
            Ok(response) => response,
            Err(refusal) => self.refuse(head, true, refusal).await,
        }
    }

    async fn try_page(
        self: &Arc<Self>,
        head: &Parts,
        page: ServerPage<'_>,
        mut body: Inbound,
    ) -> Result<Response<Body>, HttpError> {
        if let ServerPage::Asset(name) = page {
            return asset(name);
        }
        let is_form = head.method == Method::POST;
        let intent = if is_form { Intent::Write } else { Intent::Read };
        // Browsers send cookies by themselves, and a form even without one may sign somebody in.
        let is_ambient = is_form || head.headers.contains_key(COOKIE);
        if let Err(refusal) = self.config.origins.check(head, intent, is_ambient) {
            return Err(self.reject(head, &mut body, refusal).await);
        }
        let fields = if is_form {
            let permit = self.forms.try_acquire();
            let _permit = permit.map_err(|_| HttpError::NoRoom(Exhausted::All))?;
            Fields::receive(body).await?
        } else {
            Fields::of_query(head)
        };
        match page {
            ServerPage::Projects => self.projects_page(head, &fields).await,
            ServerPage::SignIn => self.sign_in_page(head, &fields).await,
            ServerPage::SignInForm => self.sign_in_form(head, &fields).await,
            ServerPage::SignOut => self.sign_out(head, &fields).await,
            ServerPage::Account => self.account_page(head).await,
            ServerPage::EndSessions => self.end_sessions(head, &fields).await,
            ServerPage::Language => Ok(self.choose_language(&fields)),
            ServerPage::OauthStart => self.oauth_start(&fields),
            ServerPage::OauthCallback => self.oauth_callback_page(head, &fields).await,
            ServerPage::Tokens => self.tokens_page(head).await,
            ServerPage::MakeToken => self.make_token(head, &fields).await,
            ServerPage::RevokeToken => self.revoke_token(head, &fields).await,
            ServerPage::Members => self.members_page(head, &fields).await,
            ServerPage::ChangeMembers => self.change_members(head, &fields).await,
            ServerPage::Users => self.users_page(head, &fields).await,
            ServerPage::MakeUser => self.make_user(head, &fields).await,
            ServerPage::AllProjects => self.all_projects_page(head, &fields).await,
            ServerPage::MakeProject => self.make_project(head, &fields).await,
            ServerPage::Changes => self.changes_page(head, &fields).await,
            ServerPage::Asset(name) => asset(name),
        }
    }

    /// The reader of a page. `None`: nobody is signed in, or with a credential that the forge does not take.
    pub(crate) async fn reader(self: &Arc<Self>, head: &Parts) -> Result<Option<Reader>, HttpError> {
        match self.identity(head).await? {
            Identity::Known(reader) => Ok(Some(*reader)),
            Identity::Nobody | Identity::Unnamed => Ok(None),
        }
    }

    /// Whose request it is.
    pub(crate) async fn identity(self: &Arc<Self>, head: &Parts) -> Result<Identity, HttpError> {
        let Some(presented) = self.presented(&head.headers).await else {
            return Ok(Identity::Nobody);
        };
        let decision = self.identify(&presented.credential, &of_nothing()).await?;
        // A forge that does not tell may have told when the session began.
        let owner = match (decision, &presented.session) {
            (Decision::Known(access), _) => Owner {
                user: access.actor.id.clone(),
                login: access.actor.login.clone(),
            },
            (Decision::ProjectNotFound, Some(session)) => session.owner.clone(),
            (Decision::ProjectNotFound, None) => return Ok(Identity::Unnamed),
            _ => return Ok(Identity::Nobody),
        };
        Ok(Identity::Known(Box::new(Reader { owner, presented })))
    }

    /// The forge's decision about a credential, as it is now.
    async fn identify(&self, credential: &Credential, project: &ProjectRef) -> Result<Decision, HttpError> {
        let forge = &self.services.forge;
        let decided = forge
            .resolve(project, credential, crate::forge::cache::REFUSED_TTL_MAX)
            .await;
        decided.map_err(|error| {
            tracing::error!(target: "mlforge::forge", reason = error.reason, "forge unavailable");
            HttpError::ForgeDown { retry_after_s: 1 }
        })
    }

    fn choose_language(&self, fields: &Fields) -> Response<Body> {
        let address = format!("{}{}", self.sign_in.cookies.root(), fields.next());
        let chosen = Language::of_tag(fields.text("to"));
        let cookie = chosen.and_then(|language| {
            let cookies = &self.sign_in.cookies;
            cookies.set(cookies::LANGUAGE, language.tag(), LANGUAGE_S)
        });
        with_cookie(see_other(&address), cookie)
    }
}

/// A project that no forge has, for questions about a credential alone.
fn of_nothing() -> ProjectRef {
    ProjectRef::Path(String::new())
}

fn asset(name: &str) -> Result<Response<Body>, HttpError> {
    let asset = assets::find(name).ok_or(HttpError::EndpointNotFound)?;
    let mut response = Response::new(Body::from(asset.text.to_owned()));
    let headers = [
        (CONTENT_TYPE, asset.kind),
        (CACHE_CONTROL, assets::CACHE_CONTROL),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
