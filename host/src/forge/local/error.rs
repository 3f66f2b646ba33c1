//! Errors of the local forge.

use std::fmt;

use crate::storage::sql::SqlError;

/// The reason why an operation on the local forge was refused. The text names the value at fault, but never a
/// whole token.
#[derive(Debug)]
pub enum LocalError {
    /// The caller's fault: the path is not valid.
    PathInvalid {
        /// The path as given.
        path: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The caller's fault: the login is not valid.
    LoginInvalid {
        /// The login as given.
        login: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A project with this path exists already.
    PathTaken(String),
    /// A user with this login exists already.
    LoginTaken(String),
    /// No project has this number or path.
    ProjectUnknown(String),
    /// No user has this login.
    UserUnknown(String),
    /// No token has this number, or this beginning.
    TokenUnknown(String),
    /// The host's fault: the system gives no random bytes.
    Random(getrandom::Error),
    /// The host's fault: the file or database cannot be read or written. The text is for the log.
    Database(String),
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PathInvalid { path, reason } => write!(f, "project path `{path}` is not allowed: {reason}"),
            Self::LoginInvalid { login, reason } => write!(f, "user name `{login}` is not allowed: {reason}"),
            Self::PathTaken(path) => write!(f, "project `{path}` exists already"),
            Self::LoginTaken(login) => write!(f, "user `{login}` exists already"),
            Self::ProjectUnknown(project) => write!(f, "project `{project}` does not exist"),
            Self::UserUnknown(login) => write!(f, "user `{login}` does not exist"),
            Self::TokenUnknown(token) => write!(f, "token `{token}` does not exist"),
            Self::Random(error) => write!(f, "no random bytes for a token: {error}"),
            Self::Database(error) => write!(f, "the forge's tables: {error}"),
        }
    }
}

impl std::error::Error for LocalError {}

impl From<SqlError> for LocalError {
    fn from(error: SqlError) -> Self {
        Self::Database(error.to_string())
    }
}

impl LocalError {
    /// Returns `taken` when the row was refused because its name exists already, else the error itself.
    pub(super) fn taken_or(error: SqlError, taken: impl FnOnce() -> Self) -> Self {
        match error {
            SqlError::Taken => taken(),
            other => other.into(),
        }
    }
}
