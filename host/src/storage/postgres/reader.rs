//! Reads: few connections, which all callers share. Each read is one statement, which sees one snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::connector::{Connector, Fault};
use super::group::number;
use super::health::Health;
use super::query::{Get, Line, Measure, Ping, Projects, Query, ReadError, Scan};
use crate::storage::{Measured, Page, ProjectId, Range, StorageError, Values};

/// Number of connections for reads of keys, and as many for reads of ranges. A large answer holds up those behind it.
const CONNECTIONS_EACH: usize = 3;
/// Maximum time of a read. A longer one has lost its connection.
const READ_TIME: Duration = Duration::from_secs(35);
/// Pause before a read is tried again on a new connection.
const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// Least time between two tries to make a connection in one place.
const CONNECT_PAUSE: Duration = Duration::from_millis(250);
/// Maximum number of tries of a read that the database undoes.
const TRIES_MAX: usize = 5;

/// Reads on shared connections.
pub(super) struct Reader {
    connector: Arc<Connector>,
    health: Arc<Health>,
    of_keys: Lines,
    of_ranges: Lines,
}

#[derive(Default)]
struct Lines {
    places: [Place; CONNECTIONS_EACH],
    next: AtomicUsize,
}

/// A place for a connection.
#[derive(Default)]
struct Place(Mutex<State>);

#[derive(Default)]
struct State {
    line: Option<Arc<Line>>,
    failed: Option<(Instant, Fault)>,
}

impl Reader {
    pub(super) fn new(connector: Arc<Connector>, health: Arc<Health>) -> Self {
        Self {
            connector,
            health,
            of_keys: Lines::default(),
            of_ranges: Lines::default(),
        }
    }

    /// Reads the keys in one snapshot.
    pub(super) async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        let project = number(project);
        self.read(&self.of_keys, &Get { project, keys }).await
    }

    /// Reads the ranges in one snapshot.
    pub(super) async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        let project = number(project);
        self.read(&self.of_ranges, &Scan { project, ranges }).await
    }

    /// Sums the bytes of some records after a key.
    pub(super) async fn measure(&self, project: ProjectId, after: &[u8], count: u32) -> Result<Measured, StorageError> {
        let project = number(project);
        self.read(&self.of_ranges, &Measure { project, after, count }).await
    }

    /// Lists the projects that have records, in the order of their numbers, after this one.
    pub(super) async fn projects(&self, after: Option<ProjectId>) -> Result<Vec<ProjectId>, StorageError> {
        // Project numbers are not negative.
        let after = after.map_or(-1, |project| i64::try_from(project.0).unwrap_or(i64::MAX));
        self.read(&self.of_ranges, &Projects { after }).await
    }

    /// Asks the database for an answer.
    pub(super) async fn ping(&self) -> Result<(), StorageError> {
        self.read(&self.of_keys, &Ping).await
    }

    /// Runs a read. If the connection is lost, the read is repeated on another one, since it changes nothing.
    async fn read<Q: Query>(&self, lines: &Lines, query: &Q) -> Result<Q::Answer, StorageError> {
        let mut tries = 0;
        loop {
            let fault = match self.try_read(lines, query).await {
                Ok(result) => return Ok(result),
                Err(ReadError::Failed(error)) => return Err(error),
                Err(ReadError::Fault(fault @ Fault::Refused(_))) => return Err(fault.into()),
                Err(ReadError::Fault(fault)) => fault,
            };
            self.health.check()?;
            tries += usize::from(matches!(fault, Fault::Undone(_)));
            if tries >= TRIES_MAX {
                return Err(fault.into());
            }
            sleep(RETRY_PAUSE).await;
        }
    }

    async fn try_read<Q: Query>(&self, lines: &Lines, query: &Q) -> Result<Q::Answer, ReadError> {
        let place = lines.next_place()?;
        let line = place.line(&self.connector, &self.health).await?;
        let result = match timeout(READ_TIME, query.ask(&line)).await {
            Ok(result) => result,
            Err(_) => Err(Fault::Lost("a read has not ended in time".to_owned()).into()),
        };
        if let Err(ReadError::Fault(Fault::Lost(_))) = result {
            place.forget(&line).await;
        }
        result
    }
}

impl Lines {
    fn next_place(&self) -> Result<&Place, Fault> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let index = next.checked_rem(self.places.len()).unwrap_or_default();
        self.places
            .get(index)
            .ok_or_else(|| Fault::Refused("no place for a connection".to_owned()))
    }
}

impl Place {
    /// Returns the connection, which is made if there is none. Shortly after a failed try it fails in the same way.
    async fn line(&self, connector: &Connector, health: &Health) -> Result<Arc<Line>, Fault> {
        let mut state = self.0.lock().await;
        if let Some(line) = state.line.as_ref().filter(|line| !line.is_closed()) {
            return Ok(Arc::clone(line));
        }
        if let Some((at, fault)) = &state.failed
            && at.elapsed() < CONNECT_PAUSE
        {
            return Err(fault.clone());
        }
        match Line::open(connector).await {
            Ok(line) => {
                health.is_back();
                let line = Arc::new(line);
                state.line = Some(Arc::clone(&line));
                Ok(line)
            }
            Err(fault) => {
                health.is_away(fault.text());
                state.failed = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    /// Drops a connection that is lost, unless another one has replaced it.
    async fn forget(&self, lost: &Arc<Line>) {
        let mut state = self.0.lock().await;
        state.line.take_if(|line| Arc::ptr_eq(line, lost));
    }
}
