//! The records of a place at one moment, for commands that look at them beside servers that may be running.

use std::ops::ControlFlow;

use anyhow::ensure;
use mlforge::storage::ProjectId;
use mlforge::storage::postgres::PostgresSnapshot;
use mlforge::storage::sqlite::SqliteSnapshot;

use super::place::{Place, RECORDS_FILE};

/// The records at one moment.
pub(super) enum Snapshot {
    /// The records of a data directory.
    Directory(SqliteSnapshot),
    /// The records of a database.
    Database(PostgresSnapshot),
}

impl Snapshot {
    /// Fixes the moment. Fails if there are no records.
    pub(super) fn open(place: &Place) -> anyhow::Result<Self> {
        Ok(match &place.database {
            Some(address) => Self::Database(PostgresSnapshot::open(address)?),
            None => Self::Directory(SqliteSnapshot::open(&place.data().join(RECORDS_FILE))?),
        })
    }

    /// Fails if servers used a database at the moment. A data directory has a lock for that.
    pub(super) fn refuse_shared(&self) -> anyhow::Result<()> {
        if let Self::Database(snapshot) = self {
            ensure!(
                !snapshot.is_shared(),
                "other programs of mlforge use the database: stop them first"
            );
        }
        Ok(())
    }

    /// The faults of the file of a data directory. PostgreSQL looks for those of a database itself.
    pub(super) fn faults(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Directory(snapshot) => snapshot.faults(),
            Self::Database(_) => Ok(Vec::new()),
        }
    }

    /// The projects that have records, by number.
    pub(super) fn projects(&self) -> anyhow::Result<Vec<ProjectId>> {
        match self {
            Self::Directory(snapshot) => snapshot.projects(),
            Self::Database(snapshot) => snapshot.projects(),
        }
    }

    /// Reads a record. `None`: there is none.
    pub(super) fn get(&self, project: ProjectId, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        match self {
            Self::Directory(snapshot) => snapshot.get(project, key),
            Self::Database(snapshot) => snapshot.get(project, key),
        }
    }

    /// Gives each record of a project whose key begins so to `each`, in the order of keys, until `each` breaks off.
    pub(super) fn scan(
        &self,
        project: ProjectId,
        prefix: &[u8],
        each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        match self {
            Self::Directory(snapshot) => snapshot.scan(project, prefix, each),
            Self::Database(snapshot) => snapshot.scan(project, prefix, each),
        }
    }
}
