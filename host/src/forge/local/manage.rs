//! Management by users on the server's own pages: of their tokens, and of the members of projects that they own.

use super::lookup::{login_of, path_of, user_id};
use super::token::token_entry;
use super::{LIST_PAGE_MAX, LocalError, LocalForge, ProjectEntry, TokenEntry};
use crate::forge::Role;
use crate::storage::ProjectId;
use crate::storage::sql::{Row, SqlError, WrongColumn, values};

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
            let delete = "DELETE FROM members WHERE project = ?1 AND \"user\" = ?2 RETURNING role";
            if conn.row(delete, values![project.0, user])?.is_none() {
                return Ok(());
            }
            let (path, login) = (path_of(conn, project)?, login_of(conn, user)?);
            self.record(conn, "members/remove", &path, &login)
        })
    }

    /// Returns the tokens of a user that are not revoked, at most [`LIST_PAGE_MAX`], the newest first.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn list_tokens_of(&self, user: &str) -> Result<Vec<TokenEntry>, LocalError> {
        let select = "SELECT t.id, t.prefix, u.login, p.path, t.scope, t.expires, t.revoked IS NOT NULL, t.used
             FROM tokens t JOIN users u ON u.id = t.user LEFT JOIN projects p ON p.id = t.project
             WHERE t.user = ?1 AND t.revoked IS NULL ORDER BY t.id DESC LIMIT ?2";
        self.with_noted_uses(|| {
            let writer = self.writer();
            let rows = writer.rows(select, values![user_id(&writer, user)?, LIST_PAGE_MAX])?;
            entries(&rows, token_entry)
        })
    }

    /// Revokes a token of a user by its number. A number of another user's token changes nothing.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn revoke_token_of(&self, user: &str, id: u64) -> Result<(), LocalError> {
        self.change(|conn| {
            let user = user_id(conn, user)?;
            let select = "SELECT id FROM tokens WHERE id = ?1 AND \"user\" = ?2";
            if conn.row(select, values![id, user])?.is_some() {
                self.revoke(conn, id)?;
            }
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
