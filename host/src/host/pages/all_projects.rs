//! The page on which administrators make projects and see what storage each uses, with the local forge.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::link::{Address, encoded_path};
use mlforge_ui::words::fill;

use super::form::Fields;
use super::manage::{Manager, on_forge, unexpected};
use super::members::VISIBILITIES;
use super::projects::visibility_word;
use super::storage::Shown;
use super::view::{View, form_token_field, see_other};
use crate::forge::Visibility;
use crate::forge::local::{LocalError, ProjectEntry};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;
use crate::storage::ProjectId;

/// Number of projects on a page. Each may have to be counted.
const PER_PAGE: usize = 50;

/// The form for a new project, as it was filled in.
#[derive(Default)]
struct NewProject {
    path: String,
    owner: String,
    visibility: Option<Visibility>,
    mistake: Option<Mistake>,
}

/// The field that is wrong, and why.
struct Mistake {
    field: &'static str,
    text: String,
}

impl HostState {
    pub(super) async fn all_projects_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        match self.admin(head).await? {
            Ok(admin) => {
                let after = ProjectId(fields.text("after").parse().unwrap_or_default());
                let new = NewProject {
                    owner: admin.reader.owner.login.clone(),
                    ..NewProject::default()
                };
                self.show_all_projects(head, &admin, after, &new).await
            }
            Err(answer) => Ok(answer),
        }
    }

    /// Makes the project of the form, and leads to the list.
    pub(super) async fn make_project(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let admin = match self.admin_of_form(head, fields).await? {
            Ok(admin) => admin,
            Err(answer) => return Ok(answer),
        };
        let visibility = fields
            .text("visibility")
            .parse::<Visibility>()
            .map_err(|_| HttpError::FormExpired)?;
        let (path, owner) = (fields.text("path").to_owned(), fields.text("owner").to_owned());
        let (forge, new_path, new_owner) = (admin.forge.clone(), path.clone(), owner.clone());
        let made = on_forge(move || forge.create_owned_project(&new_path, visibility, &new_owner)).await?;
        let words = &View::new(self, head, None).words.manage;
        let mistake = match made {
            Ok(id) => {
                // The page that begins with the new project.
                let address = Address::new(format!("{}/-/projects", self.sign_in.cookies.root()));
                return Ok(see_other(
                    &address.with("after", id.0.saturating_sub(1).to_string()).to_string(),
                ));
            }
            Err(LocalError::PathTaken(path)) => ("path", fill(words.path_taken, &[&path])),
            Err(error @ LocalError::PathInvalid { .. }) => ("path", error.to_string()),
            Err(LocalError::UserUnknown(user)) => ("owner", fill(words.unknown_owner, &[&user])),
            Err(error) => return Err(unexpected(error)),
        };
        let new = NewProject {
            path,
            owner,
            visibility: Some(visibility),
            mistake: Some(Mistake {
                field: mistake.0,
                text: mistake.1,
            }),
        };
        self.show_all_projects(head, &admin, ProjectId(0), &new).await
    }

    async fn show_all_projects(
        self: &Arc<Self>,
        head: &Parts,
        admin: &Manager,
        after: ProjectId,
        new: &NewProject,
    ) -> Result<Response<Body>, HttpError> {
        let forge = admin.forge.clone();
        let listed = on_forge(move || forge.list_projects(after))
            .await?
            .map_err(unexpected)?;
        let has_next = listed.len() > PER_PAGE;
        let shown = listed.into_iter().take(PER_PAGE);
        let projects: Vec<(ProjectEntry, Shown)> = shown
            .map(|project| {
                let storage = self.shown_storage(project.id);
                (project, storage)
            })
            .collect();
        let mut view = View::new(self, head, Some(admin.reader.owner.login.clone()));
        view.here = "/-/projects".to_owned();
        let status = match new.mistake {
            Some(_) => StatusCode::BAD_REQUEST,
            None => StatusCode::OK,
        };
        let words = &view.words.manage;
        let main = html! {
            div.head { div { h1 { (words.all_projects) } p.mut { (words.all_projects_text) } } }
            (table(&view, &projects))
            (pager(&view, &projects, after, has_next))
            section { h2 { (words.new_project) } br; (form(&view, &admin.reader.presented.form_token(), new)) }
        };
        Ok(view.answer(status, words.all_projects, &main))
    }
}

fn table(view: &View<'_>, projects: &[(ProjectEntry, Shown)]) -> Markup {
    let words = &view.words.manage;
    html! {
        table.idx {
            caption.vh { (words.all_projects) }
            thead {
                tr {
                    th scope="col" { (words.project) }
                    th.opt scope="col" { (view.words.projects.visibility) }
                    th.num scope="col" { (words.records) }
                    th.num scope="col" { (words.files) }
                    th.opt scope="col" { (words.count) }
                }
            }
            tbody {
                @for (project, storage) in projects {
                    tr {
                        th scope="row" {
                            a href=(view.address(&format!("/{}/-/ml/experiments", encoded_path(&project.path)))) {
                                bdi { (project.path) }
                            }
                        }
                        td.mut.opt { (visibility_word(view.words, project.visibility)) }
                        td.num { (storage.records(view)) }
                        td.num { (storage.files(view)) }
                        td.mut.opt { (storage.counted(view)) }
                    }
                }
            }
        }
    }
}

fn pager(view: &View<'_>, projects: &[(ProjectEntry, Shown)], after: ProjectId, has_next: bool) -> Markup {
    let common = &view.words.common;
    let next = projects.last().filter(|_| has_next);
    let address = Address::new(view.address("/-/projects"));
    html! {
        @if after.0 > 0 || next.is_some() {
            br;
            nav.row aria-label=(common.pages) {
                @if after.0 > 0 { a.btn href=(view.address("/-/projects")) { (common.first) } }
                @if let Some((last, _)) = next {
                    a.btn href=(address.with("after", last.id.0.to_string())) { (common.next) }
                }
            }
        }
    }
}

fn form(view: &View<'_>, form_token: &str, new: &NewProject) -> Markup {
    let words = &view.words.manage;
    let mistake_of = |name: &str| new.mistake.as_ref().filter(|mistake| mistake.field == name);
    let field = |name: &'static str, label: &str, value: &str| {
        let mistake = mistake_of(name);
        html! {
            div.field {
                label for=(name) { (label) }
                input id=(name) name=(name) value=(value) required autocomplete="off" maxlength="255"
                    aria-invalid=[mistake.map(|_| "true")] aria-describedby=[mistake.map(|_| "mistake")];
                @if let Some(mistake) = mistake { p.err.small #mistake role="alert" { bdi { (mistake.text) } } }
            }
        }
    };
    html! {
        form method="post" action=(view.address("/-/projects")) {
            (form_token_field(form_token))
            (field("path", view.words.projects.path, &new.path))
            (field("owner", words.owner, &new.owner))
            div.field {
                label for="visibility" { (view.words.projects.visibility) }
                select #visibility name="visibility" {
                    @for visibility in VISIBILITIES {
                        option value=(visibility) selected[new.visibility == Some(visibility)] { (visibility) }
                    }
                }
                p.mut.small { (words.visibility_text) }
            }
            button.btn.pri { (view.words.common.create) }
        }
    }
}
