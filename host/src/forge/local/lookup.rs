//! Lookup of the numbers of projects and users.

use super::LocalError;
use crate::forge::ProjectRef;
use crate::storage::ProjectId;
use crate::storage::sql::{Database, Row, SqlError, values};

/// The number of an existing project. Fails when there is none.
pub(super) fn project_id(conn: &Database, project: &ProjectRef) -> Result<ProjectId, LocalError> {
    let found = match project {
        ProjectRef::Id(id) => conn.row("SELECT id FROM projects WHERE id = ?1", values![*id])?,
        ProjectRef::Path(path) => {
            let select = "SELECT id FROM projects WHERE path = ?1 COLLATE NOCASE";
            conn.row(select, values![path.as_str()])?
        }
    };
    match found {
        Some(row) => Ok(ProjectId(row.get(0).map_err(SqlError::from)?)),
        None => Err(LocalError::ProjectUnknown(project.to_string())),
    }
}

/// The path of an existing project.
pub(super) fn path_of(conn: &Database, project: ProjectId) -> Result<String, LocalError> {
    let row = conn.row("SELECT path FROM projects WHERE id = ?1", values![project.0])?;
    name_in(row, || LocalError::ProjectUnknown(project.0.to_string()))
}

/// The login of an existing user, as it was created.
pub(super) fn login_of(conn: &Database, user: u64) -> Result<String, LocalError> {
    let row = conn.row("SELECT login FROM users WHERE id = ?1", values![user])?;
    name_in(row, || LocalError::UserUnknown(user.to_string()))
}

fn name_in(row: Option<Row>, unknown: impl FnOnce() -> LocalError) -> Result<String, LocalError> {
    Ok(row.ok_or_else(unknown)?.get(0).map_err(SqlError::from)?)
}

/// The number of an existing user. Fails when there is none.
pub(super) fn user_id(conn: &Database, login: &str) -> Result<u64, LocalError> {
    match conn.row("SELECT id FROM users WHERE login = ?1 COLLATE NOCASE", values![login])? {
        Some(row) => Ok(row.get(0).map_err(SqlError::from)?),
        None => Err(LocalError::UserUnknown(login.to_owned())),
    }
}
