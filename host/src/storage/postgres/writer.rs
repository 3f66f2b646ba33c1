//! A writer: a task that sends groups of commits, one after the other, over a connection of its own.
//!
//! A group is one transaction, sent in one round trip. Its id is stored by the same transaction in the writer's fence. So if
//! the connection is lost while a group is under way, the next connection reads there whether the group has happened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::sleep;

use super::connector::{Connector, Fault};
use super::group::Group;
use super::health::Health;
use super::line::{Fence, Line, Sent};
use super::queue::Job;
use super::random_id;
use crate::convert::to_u64;
use crate::metrics::{Counter, Histogram};

/// Maximum number of commits that a writer takes from its queue ahead of a group.
const TAKEN_MAX: usize = 4_096;
/// Maximum number of tries of a group that the database undoes.
const TRIES_MAX: u64 = 20;
/// Pause between two tries to make a connection.
const CONNECT_PAUSE: Duration = Duration::from_millis(250);
/// Pause after a group was undone, times the number of tries so far.
const UNDONE_PAUSE: Duration = Duration::from_millis(5);

/// Counts of the decided commits, and of transactions that held them.
#[derive(Debug, Default)]
pub(super) struct GroupCounts {
    pub(super) commits: Counter,
    /// Commits of these whose checks did not hold.
    pub(super) conflicts: Counter,
    pub(super) groups: Counter,
    /// Times of the transactions, from the first statement that is sent to the acknowledged commit.
    pub(super) round_trips: Histogram,
}

pub(super) struct Writer {
    connector: Arc<Connector>,
    health: Arc<Health>,
    counts: Arc<GroupCounts>,
    jobs: UnboundedReceiver<Job>,
    /// Commits that were taken from the queue and wait for their group.
    waiting: VecDeque<Job>,
    line: Option<Line>,
    fence: Option<Fence>,
}

/// A group whose outcome is not known, by its id.
type InDoubt = Option<i64>;

impl Writer {
    pub(super) fn new(
        connector: Arc<Connector>,
        health: Arc<Health>,
        counts: Arc<GroupCounts>,
        jobs: UnboundedReceiver<Job>,
    ) -> Self {
        Self {
            connector,
            health,
            counts,
            jobs,
            waiting: VecDeque::new(),
            line: None,
            fence: None,
        }
    }

    /// Serves until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        while self.take_jobs().await {
            match Group::take(&mut self.waiting) {
                Ok(group) => self.decide(group).await,
                Err(error) => tracing::error!(target: "mlforge::database", %error, "commits were dropped"),
            }
        }
    }

    /// Waits for a commit, and takes all others that are queued. Returns `false` at the end.
    async fn take_jobs(&mut self) -> bool {
        if self.waiting.is_empty() {
            match self.jobs.recv().await {
                Some(job) => self.waiting.push_back(job),
                None => return false,
            }
        }
        while self.waiting.len() < TAKEN_MAX
            && let Ok(job) = self.jobs.try_recv()
        {
            self.waiting.push_back(job);
        }
        true
    }

    /// Decides a group and answers its callers. If the database refuses it, each commit is tried alone, so that one bad commit
    /// fails alone.
    async fn decide(&mut self, group: Group) {
        match self.outcome(&group).await {
            Ok(broken) => self.answer(group, &broken),
            Err(Fault::Refused(_)) if group.len() > 1 => {
                for alone in group.split() {
                    match self.outcome(&alone).await {
                        Ok(broken) => self.answer(alone, &broken),
                        Err(fault) => alone.fail(fault.text()),
                    }
                }
            }
            Err(fault) => group.fail(fault.text()),
        }
    }

    fn answer(&mut self, group: Group, broken: &[i64]) {
        self.counts.groups.increment();
        self.counts.commits.add(to_u64(group.len()));
        self.counts.conflicts.add(to_u64(broken.len()));
        let refused = to_u64(group.answer(broken, &mut self.waiting));
        self.counts.commits.add(refused);
        self.counts.conflicts.add(refused);
    }

    /// Sends a group until its outcome is known: the places of its broken checks. A group is not sent again once nobody waits
    /// for it.
    async fn outcome(&mut self, group: &Group) -> Result<Vec<i64>, Fault> {
        let mut in_doubt: InDoubt = None;
        let mut tries = 0;
        loop {
            if let Some(broken) = self.connected(group, &mut in_doubt).await? {
                return Ok(broken);
            }
            let id = random_id().map_err(|error| Fault::Refused(error.to_string()))?;
            let fault = match self.send(group, id).await {
                Ok(broken) => return Ok(broken),
                Err(fault @ Fault::Refused(_)) => return Err(fault),
                Err(fault) => fault,
            };
            if matches!(fault, Fault::Lost(_)) {
                tracing::warn!(target: "mlforge::database", reason = fault.text(), "the connection of a writer is lost");
                self.line = None;
                in_doubt = Some(id);
            }
            tries += 1;
            if tries >= TRIES_MAX {
                return Err(fault);
            }
            sleep(UNDONE_PAUSE.saturating_mul(u32::try_from(tries).unwrap_or(u32::MAX))).await;
        }
    }

    /// Makes a connection if there is none. Returns the outcome of a group in doubt, if it has happened.
    async fn connected(&mut self, group: &Group, in_doubt: &mut InDoubt) -> Result<Option<Vec<i64>>, Fault> {
        while self.line.is_none() {
            if group.is_abandoned() {
                return Err(Fault::Lost("no caller waits any more".to_owned()));
            }
            self.waiting.retain(|job| !job.is_abandoned());
            match Line::open(&self.connector, self.fence).await {
                Ok((line, former)) => {
                    self.health.is_back();
                    self.fence = Some(line.fence());
                    self.line = Some(line);
                    match (in_doubt.take(), former) {
                        (Some(id), Some(former)) if former.id == id => return Ok(Some(former.broken)),
                        (Some(_), None) => return Err(Fault::Lost("the fence of the writer is gone".to_owned())),
                        _ => {}
                    }
                }
                Err(fault) => {
                    self.health.is_away(fault.text());
                    sleep(CONNECT_PAUSE).await;
                }
            }
        }
        Ok(None)
    }

    async fn send(&mut self, group: &Group, id: i64) -> Result<Vec<i64>, Fault> {
        let Some(line) = self.line.as_mut() else {
            return Err(Fault::Undone("there is no connection".to_owned()));
        };
        let sent = Instant::now();
        match line.send(group, id).await? {
            Sent::Decided(broken) => {
                self.counts.round_trips.record(sent.elapsed());
                self.fence = Some(line.fence());
                Ok(broken)
            }
            Sent::Fenced => {
                // Nothing was done. A new fence is made.
                (self.line, self.fence) = (None, None);
                Err(Fault::Undone("another connection has taken the fence".to_owned()))
            }
        }
    }
}
