//! The page of a user's tokens, with the local forge.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::time::ago;
use mlforge_ui::words::fill;
use time::{Duration, OffsetDateTime};

use super::form::Fields;
use super::manage::{Manager, on_forge, unexpected};
use super::view::{View, form_token_field, see_other, signed};
use crate::forge::local::{LocalError, NewToken, TokenEntry};
use crate::forge::{Credential, Decision, ProjectRef, Scope};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

/// Maximum number of days for which a token works that expires.
const DAYS_MAX: i64 = 3_650;

/// The message above the page's list.
enum Told {
    Nothing,
    /// The new token.
    Made(String),
    /// The mistake in the form.
    Mistake(String),
}

impl HostState {
    pub(super) async fn tokens_page(self: &Arc<Self>, head: &Parts) -> Result<Response<Body>, HttpError> {
        match self.manager(head).await? {
            Ok(manager) => self.show_tokens(head, &manager, &Told::Nothing).await,
            Err(answer) => Ok(answer),
        }
    }

    /// Makes the token of the form, and shows it once.
    pub(super) async fn make_token(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let manager = match self.manager_of_form(head, fields).await? {
            Ok(manager) => manager,
            Err(answer) => return Ok(answer),
        };
        let words = &View::new(self, head, None).words.manage;
        let project = fields.text("project");
        // A project that the reader may not see is as one that does not exist.
        let is_seen = project.is_empty() || self.sees(&manager.reader.presented.credential, project).await?;
        let told = match expiry(fields.text("days")) {
            _ if !is_seen => Told::Mistake(fill(words.unknown_project, &[project])),
            None => Told::Mistake(fill(words.bad_days, &[fields.text("days")])),
            Some(expires) => {
                let new = NewToken {
                    user: manager.reader.owner.login.clone(),
                    project: (!project.is_empty()).then(|| ProjectRef::from(project)),
                    scope: if fields.text("scope") == "api" {
                        Scope::Api
                    } else {
                        Scope::ReadApi
                    },
                    expires,
                };
                let forge = manager.forge.clone();
                match on_forge(move || forge.create_token(&new)).await? {
                    Ok(token) => Told::Made(token),
                    Err(LocalError::ProjectUnknown(_)) => Told::Mistake(fill(words.unknown_project, &[project])),
                    Err(error) => return Err(unexpected(error)),
                }
            }
        };
        let mut page = self.show_tokens(head, &manager, &told).await?;
        // No browser keeps a copy of the token.
        page.headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(page)
    }

    async fn sees(&self, credential: &Credential, project: &str) -> Result<bool, HttpError> {
        let decision = self.identify(credential, &ProjectRef::from(project)).await?;
        Ok(matches!(&decision, Decision::Known(access) if access.project.is_some()))
    }

    pub(super) async fn revoke_token(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let manager = match self.manager_of_form(head, fields).await? {
            Ok(manager) => manager,
            Err(answer) => return Ok(answer),
        };
        let (forge, login) = (manager.forge, manager.reader.owner.login);
        // A text that is no number is that of no token.
        let id = fields.text("id").parse().unwrap_or_default();
        on_forge(move || forge.revoke_token_of(&login, id))
            .await?
            .map_err(unexpected)?;
        Ok(see_other(&format!("{}/-/tokens", self.sign_in.cookies.root())))
    }

    async fn show_tokens(
        self: &Arc<Self>,
        head: &Parts,
        manager: &Manager,
        told: &Told,
    ) -> Result<Response<Body>, HttpError> {
        let (forge, login) = (manager.forge.clone(), manager.reader.owner.login.clone());
        let tokens = on_forge(move || forge.list_tokens_of(&login))
            .await?
            .map_err(unexpected)?;
        let mut view = View::new(self, head, Some(manager.reader.owner.login.clone()));
        view.here = "/-/tokens".to_owned();
        let form_token = manager.reader.presented.form_token();
        let status = match told {
            Told::Mistake(_) => StatusCode::BAD_REQUEST,
            Told::Nothing | Told::Made(_) => StatusCode::OK,
        };
        let main = page(&view, &tokens, &form_token, told, self.services.now_ms());
        Ok(view.answer(status, view.words.manage.tokens, &main))
    }
}

/// The first day on which a token no longer works. `Some(None)`: it works until it is revoked. `None`: the text is no number of
/// days that is allowed.
fn expiry(days: &str) -> Option<Option<time::Date>> {
    if days.is_empty() {
        return Some(None);
    }
    let days = days.parse().ok().filter(|days| (1..=DAYS_MAX).contains(days))?;
    let today = OffsetDateTime::now_utc().date();
    Some(Some(today.checked_add(Duration::days(days))?))
}

fn page(view: &View<'_>, tokens: &[TokenEntry], form_token: &str, told: &Told, now_ms: u64) -> Markup {
    let words = &view.words.manage;
    html! {
        div.head { div { h1 { (words.tokens) } p.mut { (words.tokens_text) } } }
        @match told {
            Told::Nothing => {},
            Told::Made(token) => div role="status" {
                p { (words.shown_once) }
                pre.code.copy tabindex="0" { (token) }
                br;
            },
            Told::Mistake(text) => div.note role="alert" { p { bdi { (text) } } },
        }
        (table(view, tokens, form_token, now_ms))
        section {
            h2 { (words.new_token) }
            br;
            (form(view, form_token))
        }
    }
}

fn form(view: &View<'_>, form_token: &str) -> Markup {
    let words = &view.words.manage;
    html! {
        form method="post" action=(view.address("/-/tokens")) {
            (form_token_field(form_token))
            div.field {
                label for="scope" { (words.scope) }
                select #scope name="scope" {
                    option value="read_api" { (words.reads) }
                    option value="api" { (words.writes) }
                }
            }
            div.field {
                label for="project" { (words.only_project) }
                input #project name="project" autocomplete="off";
            }
            div.field {
                label for="days" { (words.days) }
                input #days name="days" inputmode="numeric" autocomplete="off";
            }
            button.btn.pri { (view.words.common.create) }
        }
    }
}

fn table(view: &View<'_>, tokens: &[TokenEntry], form_token: &str, now_ms: u64) -> Markup {
    let words = &view.words.manage;
    html! {
        table.idx {
            caption.vh { (words.tokens) }
            thead {
                tr {
                    th scope="col" { (words.begin) }
                    th scope="col" { (words.scope) }
                    th.opt scope="col" { (words.project) }
                    th.opt scope="col" { (words.last_day) }
                    th scope="col" { (view.words.account.last_use) }
                    td { span.vh { (words.revoke) } }
                }
            }
            tbody {
                @for token in tokens {
                    tr {
                        th scope="row" { code { (token.prefix) "…" } }
                        td { (token.scope) }
                        td.opt { bdi { (token.project.as_deref().unwrap_or(words.all_mine)) } }
                        td.opt { (token.expires.map_or_else(|| words.never.to_owned(), |day| day.to_string())) }
                        td { (last_use(view, token.used_s, now_ms)) }
                        td {
                            form method="post" action=(view.address("/-/tokens/revoke")) {
                                (form_token_field(form_token))
                                input type="hidden" name="id" value=(token.id);
                                button.btn.bad aria-label=(fill(words.revoke_token, &[&token.prefix])) { (words.revoke) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The time of a token's last use.
fn last_use(view: &View<'_>, used_s: Option<u64>, now_ms: u64) -> Markup {
    html! {
        @match used_s {
            Some(used_s) => (ago(view.words, signed(used_s.saturating_mul(1_000)), signed(now_ms))),
            None => (view.words.manage.never),
        }
    }
}
