//! The page of a project's members and visibility, for its owners, with the local forge.

use std::sync::Arc;

use http::request::Parts;
use http::{Response, StatusCode};
use maud::{Markup, html};
use mlforge_ui::link::{Address, encoded_path};
use mlforge_ui::words::fill;

use super::form::Fields;
use super::manage::{Manager, on_forge, unexpected};
use super::storage::Shown;
use super::view::{View, form_token_field, see_other};
use crate::forge::local::{LocalError, MemberEntry};
use crate::forge::{Decision, Project, ProjectRef, Role, Visibility};
use crate::host::HostState;
use crate::http::error::HttpError;
use crate::http::response_body::Body;

const ROLES: [Role; 5] = [
    Role::Guest,
    Role::Reporter,
    Role::Developer,
    Role::Maintainer,
    Role::Owner,
];
/// All visibilities, the narrowest first.
pub(super) const VISIBILITIES: [Visibility; 3] = [Visibility::Private, Visibility::Internal, Visibility::Public];

impl HostState {
    pub(super) async fn members_page(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        match self.manager(head).await? {
            Ok(manager) => {
                let project = self.owned(&manager, fields).await?;
                self.show_members(head, &manager, &project, None).await
            }
            Err(answer) => Ok(answer),
        }
    }

    /// Does what a form of the page says: it sets or removes a role, or sets the visibility.
    pub(super) async fn change_members(
        self: &Arc<Self>,
        head: &Parts,
        fields: &Fields,
    ) -> Result<Response<Body>, HttpError> {
        let manager = match self.manager_of_form(head, fields).await? {
            Ok(manager) => manager,
            Err(answer) => return Ok(answer),
        };
        let project = self.owned(&manager, fields).await?;
        let user = fields.text("user").to_owned();
        if user.eq_ignore_ascii_case(&manager.reader.owner.login) {
            return Err(HttpError::OwnerDenied);
        }
        let (forge, id) = (manager.forge.clone(), project.id);
        let named = ProjectRef::Id(id.0);
        let (role, visibility) = (fields.text("role"), fields.text("visibility"));
        let changed = match (role.parse(), visibility.parse()) {
            (Ok(role), _) => on_forge(move || forge.set_member(&named, &user, role)).await?,
            (_, Ok(visibility)) => on_forge(move || forge.set_visibility(&named, visibility)).await?,
            _ if role == "none" => on_forge(move || forge.remove_member(id, &user)).await?,
            _ => return Err(HttpError::FormExpired),
        };
        match changed {
            Ok(()) => {
                let address = members_address(self.sign_in.cookies.root(), &project.path);
                Ok(see_other(&address))
            }
            Err(LocalError::UserUnknown(user)) => self.show_members(head, &manager, &project, Some(&user)).await,
            Err(error) => Err(unexpected(error)),
        }
    }

    /// The project of the form or query, which the reader must own.
    async fn owned(&self, manager: &Manager, fields: &Fields) -> Result<Project, HttpError> {
        let named = ProjectRef::Path(fields.text("project").to_owned());
        let credential = &manager.reader.presented.credential;
        let Decision::Known(access) = self.identify(credential, &named).await? else {
            return Err(HttpError::ProjectNotFound);
        };
        match &access.project {
            Some((project, Role::Owner)) => Ok(project.clone()),
            Some(_) => Err(HttpError::OwnerDenied),
            None => Err(HttpError::ProjectNotFound),
        }
    }

    /// The page; `unknown` is the name of a user whom the form named, and who does not exist.
    async fn show_members(
        self: &Arc<Self>,
        head: &Parts,
        manager: &Manager,
        project: &Project,
        unknown: Option<&str>,
    ) -> Result<Response<Body>, HttpError> {
        let (forge, id) = (manager.forge.clone(), project.id);
        let members = on_forge(move || forge.list_members(id)).await?.map_err(unexpected)?;
        let login = &manager.reader.owner.login;
        let mut view = View::new(self, head, Some(login.clone()));
        view.here = members_address("", &project.path);
        let page = MembersPage {
            view: &view,
            project,
            login,
            form_token: &manager.reader.presented.form_token(),
            storage: &self.shown_storage(project.id),
        };
        let status = match unknown {
            Some(_) => StatusCode::BAD_REQUEST,
            None => StatusCode::OK,
        };
        Ok(view.answer(status, view.words.manage.members, &page.main(&members, unknown)))
    }
}

/// The address of a project's members.
pub(super) fn members_address(root: &str, path: &str) -> String {
    Address::new(format!("{root}/-/members"))
        .with("project", path)
        .to_string()
}

struct MembersPage<'a> {
    view: &'a View<'a>,
    project: &'a Project,
    login: &'a str,
    form_token: &'a str,
    storage: &'a Shown,
}

impl MembersPage<'_> {
    fn main(&self, members: &[MemberEntry], unknown: Option<&str>) -> Markup {
        let (words, path) = (&self.view.words.manage, &self.project.path);
        let page = |page: &str| self.view.address(&format!("/{}/-/ml/{page}", encoded_path(path)));
        html! {
            div.head {
                div { h1 { bdi { (path) } } p.mut { (words.own_role) } }
                p.acts {
                    a.btn href=(page("experiments")) { (self.view.words.common.experiments) }
                    a.btn href=(page("audit")) { (words.audit) }
                }
            }
            @if let Some(user) = unknown {
                div.note role="alert" { p { bdi { (fill(words.unknown_user, &[user])) } } }
            }
            (self.table(members))
            section { h2 { (words.set_role) } br; (self.role_form()) }
            section {
                h2 { (self.view.words.projects.visibility) }
                p.mut.small { (words.visibility_text) }
                br;
                (self.visibility_form())
            }
            section { h2 { (words.storage) } br; (self.storage()) }
        }
    }

    /// The bytes that the project uses.
    fn storage(&self) -> Markup {
        let words = &self.view.words.manage;
        html! {
            dl {
                dt { (words.records) } dd { (self.storage.records(self.view)) }
                dt { (words.files) } dd { (self.storage.files(self.view)) }
            }
            p.mut.small { (self.storage.counted(self.view)) }
        }
    }

    /// A form of the page with these fields.
    fn form(&self, fields: &Markup) -> Markup {
        html! {
            form method="post" action=(self.view.address("/-/members")) {
                (form_token_field(self.form_token))
                input type="hidden" name="project" value=(self.project.path);
                (fields)
            }
        }
    }

    fn role_form(&self) -> Markup {
        let words = &self.view.words.manage;
        self.form(&html! {
            div.field { label for="user" { (words.member) } input #user name="user" autocomplete="off" required; }
            div.field {
                label for="role" { (words.role) }
                select #role name="role" { @for role in ROLES { option value=(role) { (role) } } }
            }
            button.btn.pri { (words.set_role) }
        })
    }

    fn visibility_form(&self) -> Markup {
        let words = &self.view.words.projects;
        self.form(&html! {
            div.find.short {
                select name="visibility" aria-label=(words.visibility) {
                    @for visibility in VISIBILITIES {
                        option value=(visibility) selected[visibility == self.project.visibility] { (visibility) }
                    }
                }
                button.btn { (self.view.words.common.save) }
            }
        })
    }

    fn table(&self, members: &[MemberEntry]) -> Markup {
        let words = &self.view.words.manage;
        html! {
            table.idx {
                caption.vh { (words.members) }
                thead {
                    tr {
                        th scope="col" { (words.member) }
                        th scope="col" { (words.role) }
                        td { span.vh { (words.remove) } }
                    }
                }
                tbody {
                    @for member in members {
                        tr {
                            th scope="row" { bdi { (member.user) } }
                            td { (member.role) }
                            td {
                                @if member.user == self.login {
                                    (words.yourself)
                                } @else {
                                    (self.form(&html! {
                                        input type="hidden" name="user" value=(member.user);
                                        input type="hidden" name="role" value="none";
                                        button.btn.bad aria-label=(fill(words.remove_member, &[&member.user])) {
                                            (words.remove)
                                        }
                                    }))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
