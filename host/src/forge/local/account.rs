//! Projects, users and members.

use super::lookup::{login_of, path_of, project_id, user_id};
use super::name::{Login, ProjectPath};
use super::token::NewToken;
use super::{LIST_PAGE_MAX, LocalError, LocalForge, Visibility, token};
use crate::forge::{ProjectRef, Role, Scope};
use crate::storage::ProjectId;
use crate::storage::sql::{Database, Row, SqlError, WrongColumn, values};

const DEMO_PROJECT: &str = "demo/demo";
const DEMO_USER: &str = "demo";

/// The project, owner and token that a first start creates. It has no `Debug`, because the token is secret.
pub struct FirstStart {
    /// The project, always number 1.
    pub project: ProjectId,
    /// Login of the project's owner.
    pub login: &'static str,
    /// The owner's token. It is stored nowhere else.
    pub token: String,
}

/// A project in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectEntry {
    /// The project's number, which is stable.
    pub id: ProjectId,
    /// The full path.
    pub path: String,
    /// The users who may read it without being members.
    pub visibility: Visibility,
}

/// A user in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    /// The user's number, which is stable.
    pub id: u64,
    /// The user's name.
    pub login: String,
    /// True if the user is an administrator of the server.
    pub is_admin: bool,
}

impl LocalForge {
    /// Creates the first project, user and token, in one transaction, on a forge without any project. These
    /// are the private project 1 `demo/demo`, its owner `demo`, who is an administrator, and a token of scope `api`. `None`: there is
    /// a project already.
    ///
    /// # Errors
    /// Fails when the file cannot be written.
    pub fn first_start(&self) -> Result<Option<FirstStart>, LocalError> {
        self.change(|conn| {
            if conn.row("SELECT id FROM projects LIMIT 1", &[])?.is_some() {
                return Ok(None);
            }
            let project = insert_project(conn, ProjectPath::parse(DEMO_PROJECT)?, Visibility::Private)?;
            // The user may have been created before the server's first start.
            conn.rows(
                "INSERT INTO users (login) VALUES (?1) ON CONFLICT DO NOTHING",
                values![DEMO_USER],
            )?;
            let user = user_id(conn, DEMO_USER)?;
            put_member(conn, project, user, Role::Owner)?;
            conn.rows("UPDATE users SET admin = 1 WHERE id = ?1", values![user])?;
            let new = NewToken {
                user: DEMO_USER.to_owned(),
                project: None,
                scope: Scope::Api,
                expires: None,
            };
            let token = token::insert(conn, &new)?;
            self.record(
                conn,
                "projects/create",
                DEMO_PROJECT,
                &format!("the first start: {DEMO_USER}"),
            )?;
            self.record_token(conn, &token, &new)?;
            Ok(Some(FirstStart {
                project,
                login: DEMO_USER,
                token,
            }))
        })
    }

    /// Creates a project without members.
    ///
    /// # Errors
    /// [`LocalError::PathInvalid`]; [`LocalError::PathTaken`], which ignores the case of letters.
    pub fn create_project(&self, path: &str, visibility: Visibility) -> Result<ProjectId, LocalError> {
        let path = ProjectPath::parse(path)?;
        self.change(|conn| {
            let project = insert_project(conn, path, visibility)?;
            self.record(conn, "projects/create", path.as_str(), &visibility.to_string())?;
            Ok(project)
        })
    }

    /// Sets who may read a project without being a member.
    ///
    /// # Errors
    /// [`LocalError::ProjectUnknown`].
    pub fn set_visibility(&self, project: &ProjectRef, visibility: Visibility) -> Result<(), LocalError> {
        self.change(|conn| {
            let id = project_id(conn, project)?;
            conn.rows(
                "UPDATE projects SET visibility = ?2 WHERE id = ?1",
                values![id.0, visibility.to_string()],
            )?;
            self.record(
                conn,
                "projects/set-visibility",
                &path_of(conn, id)?,
                &visibility.to_string(),
            )
        })
    }

    /// Returns the logins of the users who own a project, at most [`LIST_PAGE_MAX`], by number.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn list_owners(&self) -> Result<Vec<String>, LocalError> {
        let select = "SELECT u.login FROM users u WHERE u.id > ?1
             AND EXISTS (SELECT 1 FROM members m WHERE m.user = u.id AND m.role = 'owner') ORDER BY u.id LIMIT ?2";
        self.list(select, 0, |row| row.get(0))
    }

    /// Returns at most [`LIST_PAGE_MAX`] projects whose number is above `after`, ordered by number.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn list_projects(&self, after: ProjectId) -> Result<Vec<ProjectEntry>, LocalError> {
        self.list(
            "SELECT id, path, visibility FROM projects WHERE id > ?1 ORDER BY id LIMIT ?2",
            after.0,
            |row| {
                Ok(ProjectEntry {
                    id: ProjectId(row.get(0)?),
                    path: row.get(1)?,
                    visibility: row.word(2)?,
                })
            },
        )
    }

    /// Returns a project. `None`: there is none of this number or path.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn find_project(&self, project: &ProjectRef) -> Result<Option<ProjectEntry>, LocalError> {
        let id = match project_id(&self.writer(), project) {
            Ok(id) => id.0,
            Err(LocalError::ProjectUnknown(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Numbers begin with 1.
        let listed = self.list_projects(ProjectId(id.saturating_sub(1)))?;
        Ok(listed.into_iter().next().filter(|entry| entry.id.0 == id))
    }

    /// Creates a user, and returns its number.
    ///
    /// # Errors
    /// [`LocalError::LoginInvalid`]; [`LocalError::LoginTaken`], which ignores the case of letters.
    pub fn create_user(&self, login: &str) -> Result<u64, LocalError> {
        let login = Login::parse(login)?.as_str();
        self.change(|conn| self.insert_user(conn, login))
    }

    /// Creates a user within a transaction.
    pub(super) fn insert_user(&self, conn: &Database, login: &str) -> Result<u64, LocalError> {
        let insert = "INSERT INTO users (login) VALUES (?1) RETURNING id";
        let taken = || LocalError::LoginTaken(login.to_owned());
        let row = conn.row(insert, values![login]);
        let id = id_of(row.map_err(|error| LocalError::taken_or(error, taken))?)?;
        self.record(conn, "users/create", login, "")?;
        Ok(id)
    }

    /// Returns at most [`LIST_PAGE_MAX`] users whose number is above `after`, ordered by number.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn list_users(&self, after: u64) -> Result<Vec<UserEntry>, LocalError> {
        self.list(
            "SELECT id, login, admin FROM users WHERE id > ?1 ORDER BY id LIMIT ?2",
            after,
            user_entry,
        )
    }

    /// Gives a user this role in a project. It replaces the user's former role there.
    ///
    /// # Errors
    /// [`LocalError::ProjectUnknown`], [`LocalError::UserUnknown`].
    pub fn set_member(&self, project: &ProjectRef, user: &str, role: Role) -> Result<(), LocalError> {
        self.change(|conn| {
            let (project, user_id) = (project_id(conn, project)?, user_id(conn, user)?);
            put_member(conn, project, user_id, role)?;
            let (path, login) = (path_of(conn, project)?, login_of(conn, user_id)?);
            self.record(conn, "members/set", &path, &format!("{login}: {role}"))
        })
    }

    /// Reads one page of rows. `select` takes the number after which the page starts, and the limit.
    pub(super) fn list<T>(
        &self,
        select: &str,
        after: u64,
        entry: impl FnMut(&Row) -> Result<T, WrongColumn>,
    ) -> Result<Vec<T>, LocalError> {
        let rows = self.writer().rows(select, values![after, LIST_PAGE_MAX])?;
        let entries: Result<_, WrongColumn> = rows.iter().map(entry).collect();
        Ok(entries.map_err(SqlError::from)?)
    }
}

/// A user in a row with number, login and whether they are an administrator.
pub(super) fn user_entry(row: &Row) -> Result<UserEntry, WrongColumn> {
    Ok(UserEntry {
        id: row.get(0)?,
        login: row.get(1)?,
        is_admin: row.get(2)?,
    })
}

pub(super) fn insert_project(
    conn: &Database,
    path: ProjectPath<'_>,
    visibility: Visibility,
) -> Result<ProjectId, LocalError> {
    let insert = "INSERT INTO projects (path, visibility) VALUES (?1, ?2) RETURNING id";
    let taken = || LocalError::PathTaken(path.as_str().to_owned());
    let row = conn.row(insert, values![path.as_str(), visibility.to_string()]);
    id_of(row.map_err(|error| LocalError::taken_or(error, taken))?).map(ProjectId)
}

/// The number in the row that a new entry returns.
pub(super) fn id_of(row: Option<Row>) -> Result<u64, LocalError> {
    let row = row.ok_or_else(|| SqlError::Failed("a new row has no number".to_owned()))?;
    Ok(row.get(0).map_err(SqlError::from)?)
}

pub(super) fn put_member(conn: &Database, project: ProjectId, user: u64, role: Role) -> Result<(), LocalError> {
    conn.rows(
        "INSERT INTO members (project, \"user\", role) VALUES (?1, ?2, ?3)
         ON CONFLICT (project, \"user\") DO UPDATE SET role = excluded.role",
        values![project.0, user, role.to_string()],
    )?;
    Ok(())
}
