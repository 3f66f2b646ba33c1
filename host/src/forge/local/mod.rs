//! The local forge: users, projects, roles and tokens in one SQLite file. It knows nothing of HTTP, nor of
//! the data of projects.
//!
//! The server and command-line processes open the file at the same time. A change by any of them takes effect
//! at the next [`Forge::resolve`] of all of them, because no decision outlives SQLite's `data_version`.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! use mlforge::forge::local::{LocalForge, NewToken, Visibility};
//! use mlforge::forge::{ProjectRef, Role, Scope};
//!
//! let forge = LocalForge::open(std::path::Path::new("forge.db"))?;
//! forge.create_user("ada")?;
//! let project = forge.create_project("team/model", Visibility::Private)?;
//! forge.set_member(&ProjectRef::Id(project.0), "ada", Role::Developer)?;
//! let new = NewToken { user: "ada".into(), project: None, scope: Scope::Api, expires: None };
//! let token = forge.create_token(&new)?;
//! # Ok(()) }
//! ```

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use time::{Date, OffsetDateTime};
use tokio::time::{Instant, sleep};

use self::schema::{BUSY_TIMEOUT, RETRY_PAUSE, is_busy};
pub use super::Visibility;
use super::{Credential, Decision, Forge, ForgeError, Project, ProjectRef};
use crate::storage::ProjectId;

mod account;
mod decision;
mod error;
mod lookup;
mod manage;
mod name;
mod schema;
mod token;
mod word;

#[cfg(test)]
mod tests;

pub use account::{FirstStart, ProjectEntry, UserEntry};
pub use error::LocalError;
pub use manage::MemberEntry;
pub use token::{NewToken, TokenEntry};
pub use word::UnknownWord;

/// Maximum number of entries that one call of a `list_…` method returns.
pub const LIST_PAGE_MAX: u32 = 1000;

/// A forge in one SQLite file.
#[derive(Debug)]
pub struct LocalForge {
    /// Separate from the reader, so that no request waits for the fsync of a change.
    writer: Mutex<Connection>,
    reader: Mutex<decision::Reader>,
}

impl LocalForge {
    /// Opens the file. When absent, it is created (mode 0600) with no user and no project.
    ///
    /// # Errors
    /// Fails when the file cannot be opened or written, is no SQLite database, or was written by a newer
    /// mlforge.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let writer = schema::open_writer(path)?;
        let reader = decision::Reader::new(schema::open_reader(path)?);
        Ok(Self {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        })
    }

    /// The connection for changes and lists.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked here left no half-made change: its transaction was rolled back when it was
        // dropped.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change as one transaction, which is durable when this returns.
    fn change<T>(&self, change: impl FnOnce(&Transaction<'_>) -> Result<T, LocalError>) -> Result<T, LocalError> {
        let mut writer = self.writer();
        // An immediate transaction takes its lock at once. One that reads first fails when another process
        // wrote meanwhile.
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = change(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    fn reader(&self) -> MutexGuard<'_, decision::Reader> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, project: &ProjectRef, credential: &Credential, today: Date) -> rusqlite::Result<Decision> {
        self.reader().decide(project, credential, today)
    }
}

#[async_trait]
impl Forge for LocalForge {
    // Runs on the caller's thread: reads of a WAL file do not wait for writers, and take microseconds. The
    // wait for a lock that keeps readers out is asynchronous.
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        patiently(|| self.decide(project, credential, today_utc())).await
    }

    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        patiently(|| self.reader().public_project(project)).await
    }

    async fn projects(&self, credential: &Credential, after: ProjectId) -> Result<Option<Vec<Project>>, ForgeError> {
        patiently(|| self.reader().projects(credential, after, today_utc()).map(Some)).await
    }

    fn is_cached(&self) -> bool {
        false
    }
}

/// Reads, and tries again while a lock keeps readers out.
async fn patiently<T>(read: impl Fn() -> rusqlite::Result<T>) -> Result<T, ForgeError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match read() {
            Err(error) if is_busy(&error) && Instant::now() < deadline => sleep(RETRY_PAUSE).await,
            done => return done.map_err(|error| ForgeError::new(format!("local forge: {error}"))),
        }
    }
}

/// The current UTC day, which decides the expiry of tokens.
fn today_utc() -> Date {
    OffsetDateTime::now_utc().date()
}
