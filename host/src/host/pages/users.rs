//! The page on which administrators make users, with the local forge.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::link::Address;
use mlforge_ui::words::{fill, filled};
use time::{Duration, OffsetDateTime};

use super::form::Fields;
use super::manage::{Manager, on_forge, unexpected};
use super::view::{View, form_token_field};
use crate::convert::to_usize;
use crate::forge::local::{LIST_PAGE_MAX, LocalError, UserEntry};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

/// Days for which the first token of a user works.
const FIRST_TOKEN_DAYS: i64 = 7;

/// The message above the page's list.
enum Told {
    Nothing,
    /// A new user, and their first token.
    Made {
        login: String,
        token: String,
    },
    /// The login that was refused, and why.
    Refused {
        login: String,
        mistake: String,
    },
}

impl HostState {
    pub(super) async fn users_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        match self.admin(head).await? {
            Ok(admin) => {
                let after = fields.text("after").parse().unwrap_or_default();
                self.show_users(head, &admin, after, &Told::Nothing).await
            }
            Err(answer) => Ok(answer),
        }
    }

    /// Makes the user of the form, and shows their first token once.
    pub(super) async fn make_user(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let admin = match self.admin_of_form(head, fields).await? {
            Ok(admin) => admin,
            Err(answer) => return Ok(answer),
        };
        let words = &View::new(self, head, None).words.manage;
        let login = fields.text("login").to_owned();
        let today = OffsetDateTime::now_utc().date();
        let expires = today
            .checked_add(Duration::days(FIRST_TOKEN_DAYS))
            .ok_or(HttpError::Internal)?;
        let (forge, new) = (admin.forge.clone(), login.clone());
        let told = match on_forge(move || forge.create_user_with_token(&new, expires)).await? {
            Ok(token) => Told::Made { login, token },
            Err(LocalError::LoginTaken(_)) => Told::Refused {
                mistake: fill(words.user_taken, &[&login]),
                login,
            },
            Err(error @ LocalError::LoginInvalid { .. }) => Told::Refused {
                mistake: error.to_string(),
                login,
            },
            Err(error) => return Err(unexpected(error)),
        };
        let mut page = self.show_users(head, &admin, 0, &told).await?;
        // No browser keeps a copy of the token.
        page.headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(page)
    }

    async fn show_users(
        self: &Arc<Self>,
        head: &Parts,
        admin: &Manager,
        after: u64,
        told: &Told,
    ) -> Result<Response<Body>, HttpError> {
        let forge = admin.forge.clone();
        let users = on_forge(move || forge.list_users(after)).await?.map_err(unexpected)?;
        let mut view = View::new(self, head, Some(admin.reader.owner.login.clone()));
        view.here = "/-/users".to_owned();
        let status = match told {
            Told::Refused { .. } => StatusCode::BAD_REQUEST,
            Told::Nothing | Told::Made { .. } => StatusCode::OK,
        };
        let words = &view.words.manage;
        let main = html! {
            div.head { div { h1 { (words.users) } p.mut { (words.users_text) } } }
            (message(&view, told))
            (table(&view, &users, after))
            section { h2 { (words.new_user) } br; (form(&view, &admin.reader.presented.form_token(), told)) }
        };
        Ok(view.answer(status, words.users, &main))
    }
}

fn message(view: &View<'_>, told: &Told) -> Markup {
    let words = &view.words.manage;
    html! {
        @if let Told::Made { login, token } = told {
            div role="status" {
                p { (filled(words.first_token, &[html! { bdi { (login) } }])) }
                pre.code.copy tabindex="0" { (token) }
                br;
            }
        }
    }
}

fn form(view: &View<'_>, form_token: &str, told: &Told) -> Markup {
    let (login, mistake) = match told {
        Told::Refused { login, mistake } => (login.as_str(), Some(mistake)),
        Told::Nothing | Told::Made { .. } => ("", None),
    };
    html! {
        form method="post" action=(view.address("/-/users")) {
            (form_token_field(form_token))
            div.field {
                label for="login" { (view.words.manage.member) }
                input #login name="login" value=(login) required autocomplete="off" maxlength="255"
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                @if let Some(mistake) = mistake { p.err.small #mistake role="alert" { bdi { (mistake) } } }
            }
            button.btn.pri { (view.words.common.create) }
        }
    }
}

fn table(view: &View<'_>, users: &[UserEntry], after: u64) -> Markup {
    let (words, common) = (&view.words.manage, &view.words.common);
    let next = users.last().filter(|_| users.len() >= to_usize(LIST_PAGE_MAX));
    html! {
        table.idx {
            caption.vh { (words.users) }
            thead { tr { th scope="col" { (words.member) } th scope="col" { (words.role) } } }
            tbody {
                @for user in users {
                    tr {
                        th scope="row" { bdi { (user.login) } }
                        td { @if user.is_admin { span.tag { (words.administrator) } } }
                    }
                }
            }
        }
        @if after > 0 || next.is_some() {
            br;
            nav.row aria-label=(common.pages) {
                @if after > 0 { a.btn href=(view.address("/-/users")) { (common.first) } }
                @if let Some(last) = next {
                    a.btn href=(Address::new(view.address("/-/users")).with("after", last.id.to_string())) { (common.next) }
                }
            }
        }
    }
}
