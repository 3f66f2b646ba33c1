//! Records in a PostgreSQL database, which many hosts share.
//!
//! Each host gathers commits and sends a group of them as one transaction, in one round trip. The transaction first updates the
//! head row of each of its projects, which makes the groups of one project follow each other over all hosts. So a check is a
//! plain read, also of a record that does not exist.
//!
//! A read is one statement on the primary, and sees every commit that was acknowledged before it. A lost connection is replaced.
//! Calls wait for a database that is away for ten seconds, and fail at once after that, until it is back.

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;

pub use address::PostgresAddress;
pub(crate) use shared::SharedState;
pub use snapshot::PostgresSnapshot;
pub(crate) use tables::Tables;

use self::connector::Connector;
use self::health::Health;
use self::queue::Queues;
use self::reader::Reader;
use self::writer::{GroupCounts, Writer};
use super::{
    Commit, CommitError, Measured, Page, ProjectId, Range, Records, RecordsCounts, StorageError, Values, validate_key,
    validate_read,
};

mod address;
mod connector;
mod group;
mod health;
mod lease;
mod line;
mod query;
mod queue;
mod reader;
mod schema;
mod shared;
mod snapshot;
mod statements;
mod tables;
#[cfg(all(test, feature = "postgres-tests"))]
pub(crate) mod tests;
mod writer;

/// Number of writers of a host. All commits of a project go through one of them. More writers for one project would make its
/// groups smaller, and wait for each other.
const WRITERS: usize = 2;

/// Records in one database, for any number of server processes.
pub struct PostgresRecords {
    reader: Reader,
    queues: Queues,
    health: Arc<Health>,
    counts: Arc<GroupCounts>,
    identity: u64,
    connector: Arc<Connector>,
}

impl PostgresRecords {
    /// Opens the database, and creates or migrates the tables. Needs a tokio runtime, which also runs the writers.
    ///
    /// # Errors
    /// Fails when the database does not answer, its format is newer, or the user may not create tables.
    pub async fn open(address: &PostgresAddress) -> anyhow::Result<Self> {
        let connector = Arc::new(Connector::new(address)?);
        let cannot_open = || format!("cannot open {address}");
        let client = connector
            .connect_unchecked()
            .await
            .map_err(|fault| anyhow::anyhow!("{}", fault.text()))
            .with_context(cannot_open)?;
        let identity = schema::migrate(&client).await.with_context(cannot_open)?;
        let (health, counts) = (Arc::<Health>::default(), Arc::<GroupCounts>::default());
        let (queues, ends) = Queues::new(WRITERS);
        for jobs in ends {
            let writer = Writer::new(Arc::clone(&connector), Arc::clone(&health), Arc::clone(&counts), jobs);
            tokio::spawn(writer.run());
        }
        Ok(Self {
            reader: Reader::new(Arc::clone(&connector), Arc::clone(&health)),
            queues,
            health,
            counts,
            identity,
            connector,
        })
    }

    /// An identity that distinguishes this database from all others, for as long as it exists. Data kept elsewhere can be
    /// marked with it. A copy of the database has the same identity.
    pub fn identity(&self) -> String {
        format!("{:016x}", self.identity)
    }

    /// Lists the projects that have records, in the order of their numbers, after this one: at most 1,000. It is empty only
    /// at the end.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub async fn projects(&self, after: Option<ProjectId>) -> Result<Vec<ProjectId>, StorageError> {
        self.reader.projects(after).await
    }

    /// Returns a setting that all hosts share. If there is none, it is `value` from now on.
    ///
    /// # Errors
    /// Fails when the database does not answer.
    pub async fn setting(&self, name: &str, value: &[u8]) -> Result<Vec<u8>, StorageError> {
        let client = self.connector.connect().await?;
        Ok(schema::setting(&client, name, value).await?)
    }

    /// Returns a setting. `None`: there is none.
    ///
    /// # Errors
    /// Fails when the database does not answer.
    pub async fn find_setting(&self, name: &str) -> Result<Option<Vec<u8>>, StorageError> {
        let client = self.connector.connect().await?;
        Ok(schema::find_setting(&client, name).await?)
    }

    /// Removes a setting, if there is one.
    ///
    /// # Errors
    /// Fails when the database does not answer.
    pub async fn remove_setting(&self, name: &str) -> Result<(), StorageError> {
        let client = self.connector.connect().await?;
        Ok(schema::remove_setting(&client, name).await?)
    }

    /// Returns `true` if nothing was stored yet: no record, no user, no project and no setting.
    ///
    /// # Errors
    /// Fails when the database does not answer.
    pub async fn is_unused(&self) -> Result<bool, StorageError> {
        let client = self.connector.connect().await?;
        Ok(schema::is_unused(&client).await?)
    }
}

#[async_trait]
impl Records for PostgresRecords {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        validate_read(keys.len())?;
        keys.iter().try_for_each(|key| validate_key(key))?;
        match keys {
            [] => Ok(Values::default()),
            keys => self.reader.get(project, keys).await,
        }
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        validate_read(ranges.len())?;
        match ranges {
            [] => Ok(Page::default()),
            ranges => self.reader.scan(project, ranges).await,
        }
    }

    async fn measure(&self, project: ProjectId, after: &[u8], count: u32) -> Result<Measured, StorageError> {
        self.reader.measure(project, after, count).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        commit.validate()?;
        if self.health.check().is_err() {
            // A commit makes no connection itself. This tries to, and fails at once while there is none.
            self.ping().await?;
        }
        self.queues.commit(project, commit).await
    }

    /// One round trip without a read.
    async fn ping(&self) -> Result<(), StorageError> {
        self.reader.ping().await
    }

    /// A sync is a whole round trip of a group here. The size of the database is not counted: other hosts share it.
    fn counts(&self) -> Option<RecordsCounts> {
        let counts = &self.counts;
        Some(RecordsCounts {
            commits: counts.commits.get(),
            conflicts: counts.conflicts.get(),
            groups: counts.groups.get(),
            queued: self.queues.waiting(),
            syncs: counts.round_trips.read(),
            bytes: None,
        })
    }
}

/// A random positive number: a version, or an id. A version needs no counter, since a wrong match needs the very 63 bits that a
/// check expects.
fn random_id() -> Result<i64, StorageError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| StorageError::Unavailable(format!("no random bytes for a version: {error}")))?;
    Ok((i64::from_le_bytes(bytes) & i64::MAX).max(1))
}
