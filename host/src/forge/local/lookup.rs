//! Lookup of the numbers of projects and users.

use rusqlite::{Connection, OptionalExtension};

use super::LocalError;
use crate::forge::ProjectRef;
use crate::storage::ProjectId;

/// The number of an existing project. Fails when there is none.
pub(super) fn project_id(conn: &Connection, project: &ProjectRef) -> Result<ProjectId, LocalError> {
    let found: Option<u64> = match project {
        // No row has a number that SQLite cannot hold, and none has a negative one.
        ProjectRef::Id(id) => {
            let id = i64::try_from(*id).unwrap_or(-1);
            conn.query_row("SELECT id FROM projects WHERE id = ?1", [id], |row| row.get(0))
                .optional()?
        }
        ProjectRef::Path(path) => conn
            .query_row("SELECT id FROM projects WHERE path = ?1", [path], |row| row.get(0))
            .optional()?,
    };
    found
        .map(ProjectId)
        .ok_or_else(|| LocalError::ProjectUnknown(project.to_string()))
}

/// The path of an existing project.
pub(super) fn path_of(conn: &Connection, project: ProjectId) -> rusqlite::Result<String> {
    conn.query_row("SELECT path FROM projects WHERE id = ?1", [project.0], |row| row.get(0))
}

/// The login of an existing user, as it was created.
pub(super) fn login_of(conn: &Connection, user: u64) -> rusqlite::Result<String> {
    conn.query_row("SELECT login FROM users WHERE id = ?1", [user], |row| row.get(0))
}

/// The number of an existing user. Fails when there is none.
pub(super) fn user_id(conn: &Connection, login: &str) -> Result<u64, LocalError> {
    conn.query_row("SELECT id FROM users WHERE login = ?1", [login], |row| row.get(0))
        .optional()?
        .ok_or_else(|| LocalError::UserUnknown(login.to_owned()))
}
