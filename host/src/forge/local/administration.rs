//! Administrators: the users who may create users and projects on the server's own pages, and read the log of changes.

use super::account::{insert_project, put_member, user_entry};
use super::lookup::{login_of, user_id};
use super::name::{Login, ProjectPath};
use super::token::{hash, insert};
use super::{LocalError, LocalForge, NewToken, UserEntry, Visibility, today_utc};
use crate::forge::{Credential, Role, Scope};
use crate::storage::ProjectId;
use crate::storage::sql::{SqlError, values};

impl LocalForge {
    /// Makes a user an administrator, or takes that back. Administrators have no right in any project by that.
    ///
    /// # Errors
    /// [`LocalError::UserUnknown`].
    pub fn set_admin(&self, login: &str, is_admin: bool) -> Result<(), LocalError> {
        self.change(|conn| {
            let id = user_id(conn, login)?;
            conn.rows(
                "UPDATE users SET admin = ?2 WHERE id = ?1",
                values![id, i64::from(is_admin)],
            )?;
            let action = if is_admin {
                "users/make-admin"
            } else {
                "users/unmake-admin"
            };
            self.record(conn, action, &login_of(conn, id)?, "")
        })
    }

    /// Returns the user who may manage with this credential: that of a token which works now, may write, and is limited to no
    /// project. Otherwise a token could make one that may more than itself. `None`: it is no such token.
    ///
    /// # Errors
    /// Fails when the file cannot be read.
    pub fn manager(&self, credential: &Credential) -> Result<Option<UserEntry>, LocalError> {
        let Some(token) = credential.token() else {
            return Ok(None);
        };
        let select = "SELECT u.id, u.login, u.admin FROM tokens t JOIN users u ON u.id = t.user
             WHERE t.hash = ?1 AND t.revoked IS NULL AND (t.expires IS NULL OR t.expires > ?2)
             AND t.scope = 'api' AND t.project IS NULL";
        let values = values![hash(token), today_utc().to_string()];
        let row = self.writer().row(select, values)?;
        Ok(row.as_ref().map(user_entry).transpose().map_err(SqlError::from)?)
    }

    /// Creates a user with a first token, which the user is to replace by one of their own.
    ///
    /// # Errors
    /// [`LocalError::LoginInvalid`]; [`LocalError::LoginTaken`], which ignores the case of letters.
    pub fn create_user_with_token(&self, login: &str, expires: time::Date) -> Result<String, LocalError> {
        let login = Login::parse(login)?.as_str();
        let new = NewToken {
            user: login.to_owned(),
            project: None,
            scope: Scope::Api,
            expires: Some(expires),
        };
        self.change(|conn| {
            self.insert_user(conn, login)?;
            let token = insert(conn, &new)?;
            self.record_token(conn, &token, &new)?;
            Ok(token)
        })
    }

    /// Creates a project with an owner.
    ///
    /// # Errors
    /// [`LocalError::PathInvalid`]; [`LocalError::PathTaken`], which ignores the case of letters; [`LocalError::UserUnknown`].
    pub fn create_owned_project(
        &self,
        path: &str,
        visibility: Visibility,
        owner: &str,
    ) -> Result<ProjectId, LocalError> {
        let path = ProjectPath::parse(path)?;
        self.change(|conn| {
            let owner_id = user_id(conn, owner)?;
            let project = insert_project(conn, path, visibility)?;
            put_member(conn, project, owner_id, Role::Owner)?;
            self.record(conn, "projects/create", path.as_str(), &visibility.to_string())?;
            self.record(conn, "members/set", path.as_str(), &format!("{owner}: {}", Role::Owner))?;
            Ok(project)
        })
    }
}
