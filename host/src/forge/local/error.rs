//! Why an operation on the local forge was refused.

use std::fmt;

/// Why an operation on the local forge was refused. Each names the value at fault; none holds a whole token.
#[derive(Debug)]
pub enum LocalError {
    /// The caller's fault: no such path can be.
    PathInvalid {
        /// As given.
        path: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The caller's fault: no such login can be.
    LoginInvalid {
        /// As given.
        login: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A project of this path is there already.
    PathTaken(String),
    /// A user of this login is there already.
    LoginTaken(String),
    /// No project has this number or path.
    ProjectUnknown(String),
    /// No user has this login.
    UserUnknown(String),
    /// No token has this number, or this beginning.
    TokenUnknown(String),
    /// The host's fault: the system gives no random bytes.
    Random(getrandom::Error),
    /// The host's fault: the file cannot be read or written.
    Database(rusqlite::Error),
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
            Self::Database(error) => write!(f, "the forge's file: {error}"),
        }
    }
}

impl std::error::Error for LocalError {}

impl From<rusqlite::Error> for LocalError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl LocalError {
    /// `taken` when the row was refused because its name is there already, else the error itself.
    pub(super) fn taken_or(error: rusqlite::Error, taken: Self) -> Self {
        match error.sqlite_error() {
            Some(cause) if cause.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE => taken,
            _ => Self::Database(error),
        }
    }
}
