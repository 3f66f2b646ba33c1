//! Management by users on the server's own pages: of their tokens, and of the members of projects that they own.

use super::lookup::user_id;
use super::token::{hash, token_entry};
use super::{LIST_PAGE_MAX, LocalError, LocalForge, ProjectEntry, TokenEntry, today_utc};
use crate::forge::{Credential, Role};
use crate::storage::ProjectId;
use crate::storage::sql::{Row, SqlError, WrongColumn, now_s, values};

/// A member in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberEntry {
    /// Login of the user.
    pub user: String,
    /// The role in the project.
    pub role: Role,
}

impl LocalForge {
    /// Returns the login of the user of this name, as it was created. `None`: there is none.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn find_user(&self, login: &str) -> Result<Option<String>, LocalError> {
        let select = "SELECT login FROM users WHERE login = ?1 COLLATE NOCASE";
        text_of(self.writer().row(select, values![login])?)
    }

    /// Returns the login of the user who may manage with this credential: that of a token which works now, may write, and is
    /// limited to no project. Otherwise a token could make one that may more than itself. `None`: it is no such token.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn manager(&self, credential: &Credential) -> Result<Option<String>, LocalError> {
        let Some(token) = credential.token() else {
            return Ok(None);
        };
        let select = "SELECT u.login FROM tokens t JOIN users u ON u.id = t.user
             WHERE t.hash = ?1 AND t.revoked IS NULL AND (t.expires IS NULL OR t.expires > ?2)
             AND t.scope = 'api' AND t.project IS NULL";
        let values = values![hash(token), today_utc().to_string()];
        text_of(self.writer().row(select, values)?)
    }

    /// Returns the projects that a user owns, at most [`LIST_PAGE_MAX`], by number.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn list_owned(&self, user: &str) -> Result<Vec<ProjectEntry>, LocalError> {
        let writer = self.writer();
        let select = "SELECT p.id, p.path, p.visibility FROM projects p JOIN members m ON m.project = p.id
             WHERE m.user = ?1 AND m.role = 'owner' ORDER BY p.id LIMIT ?2";
        let rows = writer.rows(select, values![user_id(&writer, user)?, LIST_PAGE_MAX])?;
        entries(&rows, |row| {
            Ok(ProjectEntry {
                id: ProjectId(row.get(0)?),
                path: row.get(1)?,
                visibility: row.word(2)?,
            })
        })
    }

    /// Returns the members of a project, at most [`LIST_PAGE_MAX`], by the number of the user.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn list_members(&self, project: ProjectId) -> Result<Vec<MemberEntry>, LocalError> {
        let select = "SELECT u.login, m.role FROM members m JOIN users u ON u.id = m.user
             WHERE m.project = ?1 ORDER BY u.id LIMIT ?2";
        let rows = self.writer().rows(select, values![project.0, LIST_PAGE_MAX])?;
        entries(&rows, |row| {
            Ok(MemberEntry {
                user: row.get(0)?,
                role: row.word(1)?,
            })
        })
    }

    /// Removes a member from a project. Removing one who is none changes nothing.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn remove_member(&self, project: ProjectId, user: &str) -> Result<(), LocalError> {
        self.change(|conn| {
            let user = user_id(conn, user)?;
            let delete = "DELETE FROM members WHERE project = ?1 AND \"user\" = ?2";
            conn.rows(delete, values![project.0, user])?;
            Ok(())
        })
    }

    /// Returns the tokens of a user that are not revoked, at most [`LIST_PAGE_MAX`], the newest first.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn list_tokens_of(&self, user: &str) -> Result<Vec<TokenEntry>, LocalError> {
        let writer = self.writer();
        let select = "SELECT t.id, t.prefix, u.login, p.path, t.scope, t.expires, t.revoked IS NOT NULL
             FROM tokens t JOIN users u ON u.id = t.user LEFT JOIN projects p ON p.id = t.project
             WHERE t.user = ?1 AND t.revoked IS NULL ORDER BY t.id DESC LIMIT ?2";
        let rows = writer.rows(select, values![user_id(&writer, user)?, LIST_PAGE_MAX])?;
        entries(&rows, token_entry)
    }

    /// Revokes a token of a user by its number. A number of another user's token changes nothing.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn revoke_token_of(&self, user: &str, id: u64) -> Result<(), LocalError> {
        self.change(|conn| {
            let user = user_id(conn, user)?;
            let update = "UPDATE tokens SET revoked = ?3 WHERE id = ?1 AND \"user\" = ?2 AND revoked IS NULL";
            conn.rows(update, values![id, user, now_s()])?;
            Ok(())
        })
    }
}

fn text_of(row: Option<Row>) -> Result<Option<String>, LocalError> {
    let text = row.map(|row| row.get(0)).transpose();
    Ok(text.map_err(SqlError::from)?)
}

fn entries<T>(rows: &[Row], entry: impl FnMut(&Row) -> Result<T, WrongColumn>) -> Result<Vec<T>, LocalError> {
    let entries: Result<_, WrongColumn> = rows.iter().map(entry).collect();
    Ok(entries.map_err(SqlError::from)?)
}
