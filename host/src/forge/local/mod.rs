//! The local forge: users, projects, roles and tokens in one SQLite file, or in the PostgreSQL database of the
//! records. It knows nothing of HTTP, nor of the data of projects.
//!
//! The server and command-line processes open the tables at the same time. A change takes effect at the next
//! [`Forge::resolve`] of the process that made it. In a file it does so in all processes, because no decision outlives
//! SQLite's `data_version`; on PostgreSQL, in all others within a second.
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
use time::{Date, OffsetDateTime};
use tokio::time::{Instant, sleep};

use self::decision::Reader;
use self::schema::{BUSY_TIMEOUT, RETRY_PAUSE};
use self::uses::Uses;
pub use super::Visibility;
use super::{Credential, Decision, Forge, ForgeError, PROJECTS_LISTED_MAX, Project, ProjectPage, ProjectRef};
use crate::storage::postgres::{PostgresAddress, Tables};
use crate::storage::sql::{Database, SqlError};

mod account;
mod administration;
mod changes;
mod copy;
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

/// The name of these tables for the transactions of a server.
const TABLES: &str = "forge";

/// A forge in one SQLite file, or in a PostgreSQL database. Cheap to clone; all clones share the connections.
#[derive(Clone, Debug)]
pub struct LocalForge {
    shared: Arc<Shared>,
    /// The author of changes that are made with this handle.
    author: Author,
}

#[derive(Debug)]
struct Shared {
    /// Separate from the reader, so that no request waits for the fsync of a change.
    writer: Mutex<Database>,
    reader: Mutex<Reader>,
    uses: Mutex<Uses>,
    is_remote: bool,
}

impl LocalForge {
    /// Opens the file. When absent, it is created (mode 0600) with no user and no project.
    ///
    /// # Errors
    /// Fails when the file cannot be opened or written, is no SQLite database, or was written by a newer
    /// mlforge.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let writer = Database::File(schema::open_writer(path)?);
        Ok(Self::on(writer, Database::File(schema::open_reader(path)?)))
    }

    /// Opens the forge of a database, whose tables [`PostgresRecords::open`] has created.
    ///
    /// [`PostgresRecords::open`]: crate::storage::postgres::PostgresRecords::open
    ///
    /// # Errors
    /// Fails when the certificates of the address cannot be read.
    pub fn open_database(address: &PostgresAddress) -> anyhow::Result<Self> {
        let writer = Database::Server(Tables::open(address)?);
        Ok(Self::on(writer, Database::Server(Tables::open(address)?)))
    }

    fn on(writer: Database, reader: Database) -> Self {
        let shared = Shared {
            is_remote: reader.is_remote(),
            writer: Mutex::new(writer),
            reader: Mutex::new(Reader::new(reader)),
            uses: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            author: Author::default(),
        }
    }

    /// A handle on the same tables, whose changes are recorded as those of this author. Those of other handles are recorded as
    /// made by the command line.
    #[must_use]
    pub fn by(&self, author: Author) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            author,
        }
    }

    /// The connection for changes and lists.
    fn writer(&self) -> MutexGuard<'_, Database> {
        self.shared.writer()
    }

    /// Runs a change as one transaction, which is durable when this returns.
    fn change<T>(&self, change: impl FnOnce(&Database) -> Result<T, LocalError>) -> Result<T, LocalError> {
        let result = self.writer().transaction(TABLES, change)?;
        self.reader().forget();
        Ok(result)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.shared.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads. Reads of a file run on the caller's thread: they do not wait for writers, and take microseconds. The wait for
    /// a lock that keeps readers out is asynchronous. Reads of a server wait on another thread.
    async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&mut Reader) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, ForgeError> {
        let failed = |error: &dyn std::fmt::Display| ForgeError::new(format!("local forge: {error}"));
        if self.shared.is_remote {
            let forge = self.clone();
            let reading = tokio::task::spawn_blocking(move || read(&mut forge.reader()));
            return reading
                .await
                .map_err(|error| failed(&error))?
                .map_err(|error| failed(&error));
        }
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            let result = read(&mut self.reader());
            match result {
                Err(SqlError::Busy(_)) if Instant::now() < deadline => sleep(RETRY_PAUSE).await,
                done => return done.map_err(|error| failed(&error)),
            }
        }
    }
}

impl Shared {
    fn writer(&self) -> MutexGuard<'_, Database> {
        // A thread that panicked here left no half-made change: its transaction ends with the connection.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Forge for LocalForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let (project, credential) = (project.clone(), credential.clone());
        let read = self.read(move |reader| reader.decide(&project, &credential, today_utc()));
        let decision = read.await?;
        self.note_use(&decision);
        Ok(decision)
    }

    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        let project = project.clone();
        self.read(move |reader| reader.public_project(&project)).await
    }

    /// A place in the list is the number of the project before it.
    async fn projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, ForgeError> {
        let (credential, after) = (credential.clone(), after.parse().unwrap_or_default());
        let read = self.read(move |reader| reader.projects(&credential, after, today_utc()));
        let projects = read.await?;
        // A full page may have another one after it.
        let last = projects.last().filter(|_| projects.len() >= PROJECTS_LISTED_MAX);
        let next = last.map(|last| last.id.0.to_string());
        Ok(Some(ProjectPage { projects, next }))
    }

    fn is_cached(&self) -> bool {
        false
    }
}

/// The current UTC day, which decides the expiry of tokens.
fn today_utc() -> Date {
    OffsetDateTime::now_utc().date()
}
