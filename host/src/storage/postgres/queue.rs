//! The queues of commits that wait for the writers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;

use crate::storage::{Commit, CommitError, ProjectId, StorageError};

/// Maximum size of all queues, in KiB of commits. Further callers wait until there is room.
const QUEUE_KIB_MAX: usize = 256 << 10;
/// Maximum time for which a caller waits. Afterwards the outcome of its commit is unknown to it.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// A queued commit and the reply to its caller.
pub(super) struct Job {
    pub(super) project: ProjectId,
    pub(super) commit: Commit,
    reply: oneshot::Sender<Result<(), CommitError>>,
    /// The job's share of the queues, returned when the job is done.
    _room: OwnedSemaphorePermit,
}

impl Job {
    /// Sends the caller its outcome. A caller that stopped waiting is ignored.
    pub(super) fn answer(self, outcome: Result<(), CommitError>) {
        _ = self.reply.send(outcome);
    }

    /// True if the caller has stopped waiting.
    pub(super) fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}

/// The callers' ends of the queues. All commits of a project wait in the same queue.
pub(super) struct Queues {
    writers: Vec<mpsc::UnboundedSender<Job>>,
    room: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A caller that waits for its commit, until this is dropped.
struct Caller<'a>(&'a AtomicUsize);

impl<'a> Caller<'a> {
    fn enter(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queues {
    /// Creates so many queues, and returns the writers' ends.
    pub(super) fn new(writers: usize) -> (Self, Vec<mpsc::UnboundedReceiver<Job>>) {
        // The semaphore bounds them all together.
        let (writers, jobs) = (0..writers).map(|_| mpsc::unbounded_channel()).unzip();
        let room = Arc::new(Semaphore::new(QUEUE_KIB_MAX));
        let waiting = AtomicUsize::new(0);
        (Self { writers, room, waiting }, jobs)
    }

    /// Number of callers that wait for their commits.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Queues a commit and waits until its writer has decided it.
    pub(super) async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let _caller = Caller::enter(&self.waiting);
        let late = |_| StorageError::Unavailable("postgres: a commit was not decided in time".to_owned());
        timeout(WAIT_MAX, self.decide(project, commit)).await.map_err(late)?
    }

    async fn decide(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let room = Arc::clone(&self.room)
            .acquire_many_owned(commit.room_kib())
            .await
            .map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            project,
            commit,
            reply,
            _room: room,
        };
        self.writer_of(project)
            .ok_or_else(ended)?
            .send(job)
            .map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended().into()))
    }

    fn writer_of(&self, project: ProjectId) -> Option<&mpsc::UnboundedSender<Job>> {
        let writers = u64::try_from(self.writers.len()).ok()?;
        let index = project.0.checked_rem(writers)?;
        self.writers.get(usize::try_from(index).ok()?)
    }
}

fn ended() -> StorageError {
    StorageError::Unavailable("postgres: the writer has ended".to_owned())
}
