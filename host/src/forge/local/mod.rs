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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use time::{Date, OffsetDateTime};
use tokio::time::{Instant, sleep};

use self::schema::{BUSY_TIMEOUT, RETRY_PAUSE, is_busy};
use self::uses::Uses;
pub use super::Visibility;
use super::{Credential, Decision, Forge, ForgeError, PROJECTS_LISTED_MAX, Project, ProjectPage, ProjectRef};

mod account;
mod administration;
mod changes;
mod decision;
mod error;
mod lookup;
mod manage;
mod name;
mod schema;
mod token;
mod uses;
mod word;

#[cfg(test)]
mod tests;

pub use account::{FirstStart, ProjectEntry, UserEntry};
pub use changes::{Author, CHANGES_PAGE_MAX, ChangeEntry, ChangeFilter};
pub use error::LocalError;
pub use manage::MemberEntry;
pub use token::{NewToken, TokenEntry};
pub use word::UnknownWord;

/// Maximum number of entries that one call of a `list_…` method returns.
pub const LIST_PAGE_MAX: u32 = 1000;

/// A forge in one SQLite file. Cheap to clone; all clones share the file.
#[derive(Clone, Debug)]
pub struct LocalForge {
    shared: Arc<Shared>,
    /// The author of changes that are made with this handle.
    author: Author,
}

#[derive(Debug)]
struct Shared {
    /// Separate from the reader, so that no request waits for the fsync of a change.
    writer: Mutex<Connection>,
    reader: Mutex<decision::Reader>,
    uses: Mutex<Uses>,
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
        Ok(Self::new(writer, reader))
    }

    fn new(writer: Connection, reader: decision::Reader) -> Self {
        let shared = Shared {
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            uses: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            author: Author::default(),
        }
    }

    /// A handle on the same file, whose changes are recorded as those of this author. Those of other handles are recorded as
    /// made by the command line.
    #[must_use]
    pub fn by(&self, author: Author) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            author,
        }
    }

    /// The connection for changes and lists.
    fn writer(&self) -> MutexGuard<'_, Connection> {
        self.shared.writer()
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
        self.shared.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, project: &ProjectRef, credential: &Credential, today: Date) -> rusqlite::Result<Decision> {
        self.reader().decide(project, credential, today)
    }
}

impl Shared {
    fn writer(&self) -> MutexGuard<'_, Connection> {
        // A thread that panicked here left no half-made change: its transaction was rolled back when it was
        // dropped.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Forge for LocalForge {
    // Runs on the caller's thread: reads of a WAL file do not wait for writers, and take microseconds. The
    // wait for a lock that keeps readers out is asynchronous.
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let decision = patiently(|| self.decide(project, credential, today_utc())).await?;
        self.note_use(&decision);
        Ok(decision)
    }

    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        patiently(|| self.reader().public_project(project)).await
    }

    /// A place in the list is the number of the project before it.
    async fn projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, ForgeError> {
        let after = after.parse().unwrap_or_default();
        let projects = patiently(|| self.reader().projects(credential, after, today_utc())).await?;
        // A full page may have another one after it.
        let last = projects.last().filter(|_| projects.len() >= PROJECTS_LISTED_MAX);
        let next = last.map(|last| last.id.0.to_string());
        Ok(Some(ProjectPage { projects, next }))
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
