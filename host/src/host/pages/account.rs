//! The page of a reader's account, with the sessions of the reader.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::time::ago;
use mlforge_ui::words::{fill, filled};

use super::form::Fields;
use super::manage::{on_forge, unexpected};
use super::members::members_address;
use super::start::ensure_form;
use super::view::{View, form_token_field, see_other, signed};
use super::{Identity, Reader};
use crate::auth::session::Entry;
use crate::forge::local::ProjectEntry;
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

impl HostState {
    pub(super) async fn account_page(self: &Arc<Self>, head: &Parts) -> Result<Response<Body>, HttpError> {
        let reader = match self.identity(head).await? {
            Identity::Known(reader) => reader,
            Identity::Unnamed => return Ok(self.unnamed_account(head)),
            Identity::Nobody => return Ok(see_other(&View::new(self, head, None).sign_in_address())),
        };
        let now_ms = self.services.now_ms();
        let user = reader.owner.user.clone();
        let listed = self.on_sessions(move |sessions| sessions.list(&user, now_ms)).await;
        let sessions = listed.ok_or(HttpError::Internal)?.map_err(|error| {
            tracing::error!(target: "mlforge::session", %error, "cannot list sessions");
            HttpError::StorageDown
        })?;
        let managed = self.managed(&reader).await?;
        let view = View::new(self, head, Some(reader.owner.login.clone()));
        let main = html! {
            (account(&view, &reader, &sessions, now_ms))
            @if let Some(managed) = &managed { (manage(&view, managed)) }
        };
        Ok(view.answer(StatusCode::OK, view.words.account.title, &main))
    }

    /// The parts that the reader may manage here. `None`: the forge has pages of its own for that.
    async fn managed(&self, reader: &Reader) -> Result<Option<Managed>, HttpError> {
        let Some(forge) = self.sign_in.local.clone() else {
            return Ok(None);
        };
        let (login, credential) = (reader.owner.login.clone(), reader.presented.credential.clone());
        let managed = on_forge(move || {
            Ok(Managed {
                owned: forge.list_owned(&login)?,
                is_admin: forge.manager(&credential)?.is_some_and(|user| user.is_admin),
            })
        });
        managed.await?.map(Some).map_err(unexpected)
    }

    /// The page for somebody whose name only the pages of projects know.
    fn unnamed_account(&self, head: &Parts) -> Response<Body> {
        let view = View::new(self, head, None);
        let words = &view.words.account;
        let main = html! {
            div.head { div { h1 { (words.title) } p.mut { (words.unnamed_text) } } }
            p.row { a.btn href=(view.address("/")) { (view.words.common.all_projects) } }
        };
        view.answer(StatusCode::OK, words.title, &main)
    }

    /// Ends the session that the form names, or all of the reader.
    pub(super) async fn end_sessions(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let reader = self.reader(head).await?.ok_or(HttpError::Unauthenticated)?;
        ensure_form(&reader.presented.form_secret(), fields)?;
        // A text that is no number is that of no session.
        let id = fields.get("id").map(|id| id.parse().unwrap_or_default());
        self.end(reader.owner.user, id).await?;
        Ok(see_other(&format!("{}/-/account", self.sign_in.cookies.root())))
    }
}

fn account(view: &View<'_>, reader: &Reader, sessions: &[Entry], now_ms: u64) -> Markup {
    let (words, common) = (&view.words.account, &view.words.common);
    let token = reader.presented.form_token();
    let own = reader.presented.session.as_ref().map(|session| session.id);
    html! {
        div.head {
            div {
                h1 { (words.title) }
                p.mut { (filled(words.signed_in_as, &[html! { bdi { (reader.owner.login) } }])) }
            }
            @if own.is_some() {
                form.acts method="post" action=(view.address("/-/sign-out")) {
                    (form_token_field(&token))
                    button.btn { (common.sign_out) }
                }
            }
        }
        @if own.is_none() { p.mut { (words.signed_in_elsewhere) } br; }
        @if !sessions.is_empty() {
            section {
                h2 { (words.sessions) }
                p.mut.small { (words.sessions_text) }
                br;
                (table(view, sessions, own, &token, now_ms))
                br;
                form method="post" action=(view.address("/-/account/end-sessions")) {
                    (form_token_field(&token))
                    button.btn.bad { (words.end_all) }
                }
            }
        }
    }
}

/// The parts that a reader may manage.
struct Managed {
    owned: Vec<ProjectEntry>,
    is_admin: bool,
}

/// The links to what the reader may manage.
fn manage(view: &View<'_>, managed: &Managed) -> Markup {
    let words = &view.words.manage;
    let owned = &managed.owned;
    html! {
        section {
            h2 { (words.tokens) }
            p { a href=(view.address("/-/tokens")) { (words.tokens_text) } }
        }
        @if !owned.is_empty() {
            section {
                h2 { (words.owned) }
                ul {
                    @for project in owned {
                        li { a href=(members_address(view.root, &project.path)) { bdi { (project.path) } } }
                    }
                }
            }
        }
        @if managed.is_admin {
            section {
                h2 { (words.administration) }
                ul {
                    li { a href=(view.address("/-/users")) { (words.users) } }
                    li { a href=(view.address("/-/projects")) { (words.all_projects) } }
                    li { a href=(view.address("/-/changes")) { (view.words.audit.changes) } }
                }
            }
        }
    }
}

fn table(view: &View<'_>, sessions: &[Entry], own: Option<i64>, token: &str, now_ms: u64) -> Markup {
    let (words, common) = (&view.words.account, &view.words.common);
    let time = |then_ms: u64| ago(view.words, signed(then_ms), signed(now_ms));
    html! {
        table.idx {
            caption.vh { (words.sessions) }
            thead {
                tr {
                    th scope="col" { (words.browser) }
                    th scope="col" { (words.last_use) }
                    th.opt scope="col" { (common.created) }
                    td { span.vh { (words.end_it) } }
                }
            }
            tbody {
                @for session in sessions {
                    tr aria-current=[(own == Some(session.id)).then_some("true")] {
                        th scope="row" {
                            bdi { (if session.agent.is_empty() { words.unnamed } else { &session.agent }) }
                            @if own == Some(session.id) { span.tag.al { (words.this_one) } }
                        }
                        td { (time(session.used_ms)) }
                        td.opt { (time(session.created_ms)) }
                        td {
                            form method="post" action=(view.address("/-/account/end-sessions")) {
                                (form_token_field(token))
                                input type="hidden" name="id" value=(session.id);
                                button.btn.bad aria-label=(fill(words.end_session, &[&session.agent])) { (words.end_it) }
                            }
                        }
                    }
                }
            }
        }
    }
}
