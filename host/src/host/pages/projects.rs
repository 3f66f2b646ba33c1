//! The server's first page: the projects that the reader may see, or a way to open one.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::link::{Address, encoded_path};
use mlforge_ui::words::{fill, filled};

use super::form::Fields;
use super::view::{View, see_other};
use crate::forge::calls::ForgeCall;
use crate::forge::{Credential, PROJECTS_LISTED_MAX, Project, Visibility};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;
use crate::storage::ProjectId;

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
        let reader = self.reader(head).await?;
        let credential = reader
            .as_ref()
            .map_or(&Credential::Anonymous, |reader| &reader.presented.credential);
        let after = ProjectId(fields.text("after").parse().unwrap_or_default());
        let projects = self.list_projects(credential, after).await?;
        let login = reader.map(|reader| reader.owner.login);
        let view = View::new(self, head, login);
        let main = html! {
            div.head { div { h1 { (view.words.projects.title) } } }
            @match &projects {
                Some(projects) => (list(&view, projects, after)),
                None => (open_form(&view, asked)),
            }
        };
        let status = if asked.is_some() {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::OK
        };
        Ok(view.answer(status, view.words.projects.title, &main))
    }

    async fn list_projects(
        &self,
        credential: &Credential,
        after: ProjectId,
    ) -> Result<Option<Vec<Project>>, HttpError> {
        let asked = self.services.forge.forge().projects(credential, after);
        let calls = self.services.forge.calls();
        calls
            .bounded(ForgeCall::Projects, self.limits.forge_timeout, asked, Option::is_none)
            .await
            .map_err(|error| {
                tracing::error!(target: "mlforge::forge", reason = error.reason, "forge unavailable");
                HttpError::ForgeDown { retry_after_s: 1 }
            })
    }
}

fn list(view: &View<'_>, projects: &[Project], after: ProjectId) -> Markup {
    let (words, common) = (&view.words.projects, &view.words.common);
    // A full page may have another one after it.
    let next = projects.last().filter(|_| projects.len() >= PROJECTS_LISTED_MAX);
    html! {
        @if projects.is_empty() && after.0 == 0 {
            (nothing(view))
        } @else {
            table.idx {
                caption.vh { (words.table) }
                thead { tr { th scope="col" { (common.name) } th scope="col" { (words.visibility) } } }
                tbody {
                    @for project in projects {
                        tr {
                            th scope="row" { a href=(experiments(view, &project.path)) { bdi { (project.path) } } }
                            td.mut { (visibility(view.words, project.visibility)) }
                        }
                    }
                }
            }
            @if after.0 > 0 || next.is_some() {
                br;
                nav.row aria-label=(common.pages) {
                    @if after.0 > 0 { a.btn href=(view.address("/")) { (common.first) } }
                    @if let Some(last) = next {
                        a.btn href=(Address::new(view.address("/")).with("after", last.id.0.to_string())) { (common.next) }
                    }
                }
            }
        }
    }
}

fn nothing(view: &View<'_>) -> Markup {
    let words = &view.words.projects;
    html! {
        @if view.reader.is_some() {
            p { (words.none) }
            pre.code tabindex="0" { "mlforge project create team/model\nmlforge member set team/model NAME owner" }
        } @else {
            p { (words.none_public) }
            br;
            p.row { a.btn.pri href=(view.sign_in_address()) { (view.words.common.sign_in) } }
        }
    }
}

/// The forges that do not list projects have pages of their own which do.
fn open_form(view: &View<'_>, refused: Option<&str>) -> Markup {
    let words = &view.words.projects;
    let described = if refused.is_some() {
        "project-error project-help"
    } else {
        "project-help"
    };
    html! {
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
        @if view.reader.is_none() {
            p.row { a.btn href=(view.sign_in_address()) { (view.words.common.sign_in) } }
        }
    }
}

fn experiments(view: &View<'_>, path: &str) -> String {
    view.address(&format!("/{}/-/ml/experiments", encoded_path(path)))
}

fn visibility(words: &Words, visibility: Visibility) -> &'static str {
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
