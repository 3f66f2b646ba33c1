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
pub use super::Visibility;
use super::{Credential, Decision, Forge, ForgeError, Project, ProjectRef};
use crate::storage::ProjectId;
use crate::storage::postgres::{PostgresAddress, Tables};
use crate::storage::sql::{Database, SqlError};

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

/// The name of these tables for the transactions of a server.
const TABLES: &str = "forge";

/// A forge in one SQLite file, or in a PostgreSQL database.
#[derive(Clone, Debug)]
pub struct LocalForge(Arc<Connections>);

#[derive(Debug)]
struct Connections {
    /// Separate from the reader, so that no request waits for the fsync of a change.
    writer: Mutex<Database>,
    reader: Mutex<Reader>,
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
        Self(Arc::new(Connections {
            is_remote: reader.is_remote(),
            writer: Mutex::new(writer),
            reader: Mutex::new(Reader::new(reader)),
        }))
    }

    /// The connection for changes and lists.
    fn writer(&self) -> MutexGuard<'_, Database> {
        // A thread that panicked here left no half-made change: its transaction ends with the connection.
        self.0.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change as one transaction, which is durable when this returns.
    fn change<T>(&self, change: impl FnOnce(&Database) -> Result<T, LocalError>) -> Result<T, LocalError> {
        let result = self.writer().transaction(TABLES, change)?;
        self.reader().forget();
        Ok(result)
    }

    fn reader(&self) -> MutexGuard<'_, Reader> {
        self.0.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads. Reads of a file run on the caller's thread: they do not wait for writers, and take microseconds. The wait for
    /// a lock that keeps readers out is asynchronous. Reads of a server wait on another thread.
    async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&mut Reader) -> Result<T, SqlError> + Send + 'static,
    ) -> Result<T, ForgeError> {
        let failed = |error: &dyn std::fmt::Display| ForgeError::new(format!("local forge: {error}"));
        if self.0.is_remote {
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

#[async_trait]
impl Forge for LocalForge {
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let (project, credential) = (project.clone(), credential.clone());
        self.read(move |reader| reader.decide(&project, &credential, today_utc()))
            .await
    }

    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        let project = project.clone();
        self.read(move |reader| reader.public_project(&project)).await
    }

    async fn projects(&self, credential: &Credential, after: ProjectId) -> Result<Option<Vec<Project>>, ForgeError> {
        let credential = credential.clone();
        self.read(move |reader| reader.projects(&credential, after, today_utc()).map(Some))
            .await
    }

    fn is_cached(&self) -> bool {
        false
    }
}

/// The current UTC day, which decides the expiry of tokens.
fn today_utc() -> Date {
    OffsetDateTime::now_utc().date()
}
