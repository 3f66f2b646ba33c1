//! A view of the database for tools: one moment, which only reads, beside servers that may be running.

use std::ops::ControlFlow;

use anyhow::{Context, anyhow};
use tokio::runtime::{Builder, Runtime};

use super::PostgresAddress;
use super::connector::Connector;
use super::group::number;
use super::query::{Get, Line, Projects, Query, ReadError, Scan};
use crate::storage::{ProjectId, Range};

/// The transaction of a view. A tool may compute for long between two reads.
const BEGIN: &str = "SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The sessions of other programs of mlforge on this database.
const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'mlforge' AND pid <> pg_backend_pid()";

/// The records of a database at one moment. While it is open, the database keeps row versions that others replace.
///
/// Its calls wait for the database, so they must not be made on a thread of a tokio runtime.
pub struct PostgresSnapshot {
    /// Polls the connection while a call waits.
    runtime: Runtime,
    line: Line,
    /// Number of sessions of other programs of mlforge at the moment.
    others: i64,
}

impl PostgresSnapshot {
    /// Opens a database and fixes the moment.
    ///
    /// # Errors
    /// Fails when the database does not answer, or when it has no tables that this program knows.
    pub fn open(address: &PostgresAddress) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connector = Connector::new(address)?;
        let (line, others) = runtime
            .block_on(begin(&connector))
            .map_err(told)
            .with_context(|| format!("cannot read {address}"))?;
        Ok(Self { runtime, line, others })
    }

    /// True if other programs of mlforge, such as servers, used the database at the moment.
    pub fn is_shared(&self) -> bool {
        self.others > 0
    }

    /// The projects that have records, by number.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn projects(&self) -> anyhow::Result<Vec<ProjectId>> {
        let mut projects = Vec::new();
        let mut after = -1;
        loop {
            let page = self.ask(&Projects { after })?;
            let Some(last) = page.last() else { return Ok(projects) };
            after = number(*last);
            projects.extend(page);
        }
    }

    /// Reads a record. `None`: there is none.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn get(&self, project: ProjectId, key: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
        let (project, keys) = (number(project), &[key.to_vec()]);
        let values = self.ask(&Get { project, keys })?;
        let is_there = values.versions.first().is_some_and(|version| *version > 0);
        Ok(is_there.then_some(values.bytes))
    }

    /// Gives each record of a project whose key begins so to `each`, in the order of keys, until `each` breaks off. A page of
    /// records is in memory.
    ///
    /// # Errors
    /// Fails when the database cannot be read.
    pub fn scan(
        &self,
        project: ProjectId,
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let project = number(project);
        let mut range = Range::of_prefix(prefix);
        loop {
            let ranges = std::slice::from_ref(&range);
            let page = self.ask(&Scan { project, ranges })?;
            let mut last = None;
            for (key, value) in page.entries() {
                last = Some(key);
                if each(key, value).is_break() {
                    return Ok(());
                }
            }
            match last {
                Some(last) if page.cut.is_some() => range.start = [last, &[0]].concat(),
                _ => return Ok(()),
            }
        }
    }

    fn ask<Q: Query>(&self, query: &Q) -> anyhow::Result<Q::Answer> {
        self.runtime
            .block_on(query.ask(&self.line))
            .map_err(told)
            .context("cannot read the database")
    }
}

async fn begin(connector: &Connector) -> Result<(Line, i64), ReadError> {
    let line = Line::open(connector).await?;
    line.execute(BEGIN).await?;
    // The first read fixes the moment.
    let others = line.number(OTHERS).await?;
    Ok((line, others))
}

fn told(error: ReadError) -> anyhow::Error {
    match error {
        ReadError::Fault(fault) => anyhow!("{}", fault.text().to_owned()),
        ReadError::Failed(error) => anyhow!("{error}"),
    }
}
