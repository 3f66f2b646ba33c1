//! The server's first page: the projects that the reader may see, or a way to open one.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::link::{Address, encoded_path};
use mlforge_ui::words::{fill, filled};

use super::Identity;
use super::form::Fields;
use super::view::{View, see_other};
use crate::forge::{Credential, ProjectPage, Visibility};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

/// Maximum number of characters of a project's path.
const PATH_CHARS_MAX: usize = 1_000;

impl HostState {
    pub(super) async fn projects_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let asked = fields.get("project").map(|path| path.trim().trim_matches('/'));
        if let Some(path) = asked.filter(|path| is_path(path)) {
            let root = self.sign_in.cookies.root();
            return Ok(see_other(&format!("{root}/{}/-/ml/experiments", encoded_path(path))));
        }
        let identity = self.identity(head).await?;
        let is_unnamed = matches!(identity, Identity::Unnamed);
        let reader = match identity {
            Identity::Known(reader) => Some(reader),
            Identity::Unnamed | Identity::Nobody => None,
        };
        let credential = reader
            .as_ref()
            .map_or(&Credential::Anonymous, |reader| &reader.presented.credential);
        let after = fields.text("after");
        let page = self.list_projects(credential, after).await?;
        let login = reader.map(|reader| reader.owner.login);
        let view = View::new(self, head, login);
        let words = &view.words.projects;
        // The pages of other forges list what they leave out here.
        let is_local = self.sign_in.local.is_some();
        let main = html! {
            div.head {
                div {
                    h1 { (words.title) }
                    @if is_unnamed { p.mut { (view.words.account.unnamed_text) } }
                    @if page.is_none() { p.mut { (words.forge_lists) } }
                }
            }
            @if let Some(page) = &page { (list(&view, page, after, is_local)) }
            @if page.is_none() || !is_local { (open_form(&view, asked, page.is_none() && !is_unnamed)) }
        };
        let status = if asked.is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        Ok(view.answer(status, view.words.projects.title, &main))
    }

    async fn list_projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, HttpError> {
        let listed = self.services.forge.projects(credential, after).await;
        listed.map_err(|error| {
            tracing::error!(target: "mlforge::forge", reason = error.reason, "forge unavailable");
            HttpError::ForgeDown { retry_after_s: 1 }
        })
    }
}

fn list(view: &View<'_>, page: &ProjectPage, after: &str, is_local: bool) -> Markup {
    let (words, common) = (&view.words.projects, &view.words.common);
    let next = page.next.as_ref();
    html! {
        @if page.projects.is_empty() && after.is_empty() && next.is_none() {
            (nothing(view, is_local))
        } @else {
            table.idx {
                caption.vh { (words.table) }
                thead { tr { th scope="col" { (common.name) } th scope="col" { (words.visibility) } } }
                tbody {
                    @for project in &page.projects {
                        tr {
                            th scope="row" { a href=(experiments(view, &project.path)) { bdi { (project.path) } } }
                            td.mut { (visibility_word(view.words, project.visibility)) }
                        }
                    }
                }
            }
            @if !after.is_empty() || next.is_some() {
                br;
                nav.row aria-label=(common.pages) {
                    @if !after.is_empty() { a.btn href=(view.address("/")) { (common.first) } }
                    @if let Some(next) = next {
                        a.btn href=(Address::new(view.address("/")).with("after", next.as_str())) { (common.next) }
                    }
                }
            }
        }
    }
}

fn nothing(view: &View<'_>, is_local: bool) -> Markup {
    let words = &view.words.projects;
    html! {
        @if !is_local {
            p { (words.none_of_forge) }
            br;
        } @else if view.reader.is_some() {
            p { (words.none) }
            pre.code tabindex="0" { "mlforge project create team/model\nmlforge member set team/model NAME owner" }
        } @else {
            p { (words.none_public) }
            br;
            p.row { a.btn.pri href=(view.sign_in_address()) { (view.words.common.sign_in) } }
        }
    }
}

/// The form that opens a project by its path. Forges that do not list projects have pages of their own which do.
fn open_form(view: &View<'_>, refused: Option<&str>, offers_sign_in: bool) -> Markup {
    let words = &view.words.projects;
    let described = if refused.is_some() {
        "project-error project-help"
    } else {
        "project-help"
    };
    html! {
        br;
        form method="get" action=(view.address("/")) {
            h2 { (words.open) }
            br;
            div.field {
                label for="project" { (words.path) }
                div.find.short {
                    input #project name="project" value=(refused.unwrap_or_default()) required
                        aria-invalid=[refused.map(|_| "true")] aria-describedby=(described);
                    button.btn.pri { (words.go) }
                }
                @if let Some(path) = refused {
                    p.err.small #project-error role="alert" { (filled(words.bad_path, &[html! { bdi { (path) } }])) }
                }
                p.mut.small #project-help { (fill(words.path_help, &["vision/cats"])) }
            }
        }
        @if offers_sign_in && view.reader.is_none() {
            p.row { a.btn href=(view.sign_in_address()) { (view.words.common.sign_in) } }
        }
    }
}

fn experiments(view: &View<'_>, path: &str) -> String {
    view.address(&format!("/{}/-/ml/experiments", encoded_path(path)))
}

/// The word for a visibility.
pub(super) fn visibility_word(words: &Words, visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => words.projects.private,
        Visibility::Internal => words.projects.internal,
        Visibility::Public => words.projects.public,
    }
}

/// True for a text that may be the path of a project: two segments or more, none of which leads elsewhere.
fn is_path(text: &str) -> bool {
    let is_of_name = |sign: char| sign.is_alphanumeric() || "_.-+~".contains(sign);
    let is_segment =
        |segment: &str| !segment.is_empty() && !segment.starts_with(['-', '.']) && segment.chars().all(is_of_name);
    let is_short = text.chars().count() <= PATH_CHARS_MAX;
    is_short && text.contains('/') && text.split('/').all(is_segment)
}
