//! The reads, each with its statement, parameters and answer.

use std::pin::pin;

use futures_util::TryStreamExt as _;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connector::{Connector, Fault};
use super::statements::{GET, MEASURE, PROJECTS, SCAN};
use crate::storage::{
    Measured, PAGE_BYTES, PAGE_ENTRIES_MAX, Page, ProjectId, READ_BYTES_MAX, Range, StorageError, Values,
};

/// Maximum number of projects that one call lists.
const PROJECTS_PAGE: i64 = 1_000;

/// A connection for reads, with its statements.
pub(super) struct Line {
    client: Client,
    get: Statement,
    scan: Statement,
    measure: Statement,
    projects: Statement,
}

/// A read of one statement, which can be repeated.
pub(super) trait Query: Sync {
    type Answer: Send;

    fn ask(&self, line: &Line) -> impl Future<Output = Result<Self::Answer, ReadError>> + Send;
}

/// The keys of a project, in one snapshot.
pub(super) struct Get<'a> {
    pub(super) project: i64,
    pub(super) keys: &'a [Vec<u8>],
}

impl Query for Get<'_> {
    type Answer = Values;

    async fn ask(&self, line: &Line) -> Result<Values, ReadError> {
        let bytes_max = bound(READ_BYTES_MAX);
        let parameters: [&(dyn ToSql + Sync); 3] = [&self.project, &self.keys, &bytes_max];
        let mut rows = pin!(line.client.query_raw(&line.get, parameters).await?);
        let mut values = Values::default();
        while let Some(row) = rows.try_next().await? {
            let place = place_of(&row)?;
            while values.versions.len() < place {
                values.push(None)?;
            }
            let version = row.try_get::<_, i64>(1)?.cast_unsigned();
            match row.try_get::<_, Option<&[u8]>>(2)? {
                Some(value) => values.push(Some((version, value)))?,
                None => return Err(ReadError::Failed(too_many_bytes())),
            }
        }
        while values.versions.len() < self.keys.len() {
            values.push(None)?;
        }
        Ok(values)
    }
}

/// Ranges of a project, in one snapshot.
pub(super) struct Scan<'a> {
    pub(super) project: i64,
    pub(super) ranges: &'a [Range],
}

impl Query for Scan<'_> {
    type Answer = Page;

    async fn ask(&self, line: &Line) -> Result<Page, ReadError> {
        let starts: Vec<&[u8]> = self.ranges.iter().map(|range| &range.start[..]).collect();
        let ends: Vec<&[u8]> = self.ranges.iter().map(|range| &range.end[..]).collect();
        let limits: Vec<i64> = self.ranges.iter().map(|range| i64::from(range.limit)).collect();
        let reverse: Vec<bool> = self.ranges.iter().map(|range| range.reverse).collect();
        let (bytes_max, entries_max) = (bound(PAGE_BYTES), bound(PAGE_ENTRIES_MAX).saturating_add(1));
        let parameters: [&(dyn ToSql + Sync); 7] = [
            &self.project,
            &starts,
            &ends,
            &limits,
            &reverse,
            &bytes_max,
            &entries_max,
        ];
        let mut rows = pin!(line.client.query_raw(&line.scan, parameters).await?);
        let mut page = Page::default();
        while let Some(row) = rows.try_next().await? {
            let place = place_of(&row)?;
            while page.counts.len() <= place {
                page.counts.push(0);
            }
            // The first entry beyond the page has no value, and is refused.
            let value = row.try_get::<_, Option<&[u8]>>(2)?.unwrap_or_default();
            if !page.offer(row.try_get(1)?, value) {
                break;
            }
        }
        page.counts.resize(self.ranges.len(), 0);
        Ok(page)
    }
}

/// The size of some records of a project after a key.
pub(super) struct Measure<'a> {
    pub(super) project: i64,
    pub(super) after: &'a [u8],
    pub(super) count: u32,
}

impl Query for Measure<'_> {
    type Answer = Measured;

    async fn ask(&self, line: &Line) -> Result<Measured, ReadError> {
        let count = i64::from(self.count);
        let parameters: [&(dyn ToSql + Sync); 3] = [&self.project, &self.after, &count];
        let row = line.client.query_one(&line.measure, &parameters).await?;
        Ok(Measured {
            bytes: row.try_get::<_, i64>(0)?.cast_unsigned(),
            last: row.try_get(1)?,
        })
    }
}

/// The projects that have records, in the order of their numbers, after one.
pub(super) struct Projects {
    pub(super) after: i64,
}

impl Query for Projects {
    type Answer = Vec<ProjectId>;

    async fn ask(&self, line: &Line) -> Result<Vec<ProjectId>, ReadError> {
        let rows = line
            .client
            .query(&line.projects, &[&self.after, &PROJECTS_PAGE])
            .await?;
        let mut projects = Vec::with_capacity(rows.len());
        for row in rows {
            projects.push(ProjectId(row.try_get::<_, i64>(0)?.cast_unsigned()));
        }
        Ok(projects)
    }
}

/// An answer of the database, whatever it is.
pub(super) struct Ping;

impl Query for Ping {
    type Answer = ();

    async fn ask(&self, line: &Line) -> Result<(), ReadError> {
        Ok(line.client.batch_execute("").await?)
    }
}

impl Line {
    pub(super) async fn open(connector: &Connector) -> Result<Self, Fault> {
        let client = connector.connect().await?;
        Ok(Self {
            get: client.prepare(GET).await?,
            scan: client.prepare(SCAN).await?,
            measure: client.prepare(MEASURE).await?,
            projects: client.prepare(PROJECTS).await?,
            client,
        })
    }

    /// Runs statements without an answer.
    pub(super) async fn execute(&self, statements: &str) -> Result<(), ReadError> {
        Ok(self.client.batch_execute(statements).await?)
    }

    /// Reads the only number that a query answers.
    pub(super) async fn number(&self, query: &str) -> Result<i64, ReadError> {
        Ok(self.client.query_one(query, &[]).await?.try_get(0)?)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

/// The reason why a read failed.
pub(super) enum ReadError {
    Fault(Fault),
    Failed(StorageError),
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        ReadError::Fault(fault)
    }
}

impl From<tokio_postgres::Error> for ReadError {
    fn from(error: tokio_postgres::Error) -> Self {
        ReadError::Fault(error.into())
    }
}

impl From<StorageError> for ReadError {
    fn from(error: StorageError) -> Self {
        ReadError::Failed(error)
    }
}

/// The place of a row's key or range, counted from 0.
fn place_of(row: &Row) -> Result<usize, ReadError> {
    let place: i64 = row.try_get(0)?;
    usize::try_from(place.saturating_sub(1)).map_err(|_| Fault::Refused(format!("a row has place {place}")).into())
}

fn bound(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn too_many_bytes() -> StorageError {
    StorageError::TooLarge(format!("more than {READ_BYTES_MAX} bytes of a read"))
}
