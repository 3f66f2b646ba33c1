//! The queue of commits that wait for the writer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::commit_delay::{CommitDelay, SLICES};
use crate::metrics::{Counter, Histogram};
use crate::storage::active_projects::ActiveProjects;
use crate::storage::{Commit, CommitError, ProjectId, StorageError};

/// Maximum number of commits in one transaction.
const GROUP_COMMITS_MAX: usize = 512;
/// A group takes no further commit once it holds this many bytes.
const GROUP_BYTES_MAX: usize = 64 << 20;
/// Maximum number of commits of one project in a group, while several projects commit. A quiet project then waits for a short
/// group before its own.
const SHARED_COMMITS_MAX: usize = 8;
/// A group takes no further commit of a project that has this many bytes in it, while several projects commit.
const SHARED_BYTES_MAX: usize = 256 << 10;
/// Maximum size of the queue, in KiB of commits. Further callers wait until there is room.
const QUEUE_KIB_MAX: usize = 256 << 10;

/// Counts of the writer.
#[derive(Debug, Default)]
pub(super) struct GroupCounts {
    /// Commits decided.
    pub(super) commits: Counter,
    /// Commits of these that had a conflict.
    pub(super) conflicts: Counter,
    /// Transactions that held them.
    pub(super) groups: Counter,
    /// Times of the transactions' syncs.
    pub(super) syncs: Histogram,
}

/// A queued commit and the reply to its caller.
pub(super) struct Job {
    pub(super) project: ProjectId,
    pub(super) commit: Commit,
    pub(super) reply: oneshot::Sender<Result<(), CommitError>>,
    /// The job's share of the queue, returned when the job is done.
    _room: OwnedSemaphorePermit,
}

/// The callers' end of the queue.
pub(super) struct Queue {
    line: Arc<Line>,
    room: Arc<Semaphore>,
    pub(super) counts: Arc<GroupCounts>,
}

/// The writer's end of the queue.
pub(super) struct Jobs(Arc<Line>);

struct Line {
    waiting: Mutex<Waiting>,
    enough: Condvar,
}

struct Waiting {
    jobs: VecDeque<Job>,
    /// The projects that commit.
    active: ActiveProjects,
    /// Number of commits that the sleeping writer waits for. `None`: it is awake, so nobody need wake it.
    wanted: Option<usize>,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> (Self, Jobs) {
        let line = Arc::new(Line {
            waiting: Mutex::new(Waiting {
                jobs: VecDeque::new(),
                active: ActiveProjects::default(),
                wanted: None,
                closed: false,
            }),
            enough: Condvar::new(),
        });
        let queue = Self {
            line: Arc::clone(&line),
            room: Arc::new(Semaphore::new(QUEUE_KIB_MAX)),
            counts: Arc::default(),
        };
        (queue, Jobs(line))
    }

    /// Queues a commit and waits until the writer has decided it.
    pub(super) async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let room = Arc::clone(&self.room)
            .acquire_many_owned(commit.room_kib())
            .await
            .map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        self.line.push(Job {
            project,
            commit,
            reply,
            _room: room,
        })?;
        answer.await.unwrap_or_else(|_| Err(closed().into()))
    }

    /// Number of queued commits.
    pub(super) fn len(&self) -> usize {
        self.line.lock().jobs.len()
    }

    /// Refuses further commits. The writer ends after those in the queue.
    pub(super) fn close(&self) {
        self.room.close();
        self.line.lock().closed = true;
        self.line.enough.notify_one();
    }

    /// Number of commits that the writer sleeps for.
    #[cfg(test)]
    pub(super) fn wanted(&self) -> Option<usize> {
        self.line.lock().wanted
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the writer sleep until `wanted` commits are queued, the queue is closed, or the time is over.
    fn sleep<'l>(
        &self,
        mut waiting: MutexGuard<'l, Waiting>,
        wanted: usize,
        at_most: Option<Duration>,
    ) -> MutexGuard<'l, Waiting> {
        waiting.wanted = Some(wanted);
        let too_few = |waiting: &mut Waiting| waiting.jobs.len() < wanted && !waiting.closed;
        let mut waiting = match at_most {
            None => self
                .enough
                .wait_while(waiting, too_few)
                .unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                let woken = self.enough.wait_timeout_while(waiting, time, too_few);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        waiting.wanted = None;
        waiting
    }

    fn push(&self, job: Job) -> Result<(), StorageError> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(closed());
        }
        waiting.active.note(job.project, Instant::now());
        waiting.jobs.push_back(job);
        let jobs = waiting.jobs.len();
        // The caller that wakes the writer clears this, so that only one does.
        let enough = waiting.wanted.take_if(|wanted| jobs >= *wanted).is_some();
        drop(waiting);
        if enough {
            self.enough.notify_one();
        }
        Ok(())
    }
}

fn closed() -> StorageError {
    StorageError::Unavailable("the database is closed".into())
}

impl Jobs {
    /// Number of queued commits.
    pub(super) fn len(&self) -> usize {
        self.0.lock().jobs.len()
    }

    /// Waits for a commit. Takes it with all others that are queued, or that come during the commit delay.
    /// `None`: the queue is closed and empty.
    pub(super) fn next_group(&self, commit_delay: &mut CommitDelay) -> Option<Vec<Job>> {
        let mut waiting = self.0.sleep(self.0.lock(), 1, None);
        if waiting.jobs.is_empty() {
            return None;
        }
        if let Some((wanted, slice)) = commit_delay.plan() {
            let wanted = wanted.min(GROUP_COMMITS_MAX);
            waiting = self.commit_delay(waiting, wanted, slice);
            if waiting.jobs.len() < wanted {
                commit_delay.waited_in_vain();
            }
        }
        Some(waiting.take_group())
    }

    /// Sleeps until `wanted` commits are queued. Gives up after a slice without a new one, or after all
    /// slices.
    fn commit_delay<'l>(
        &'l self,
        mut waiting: MutexGuard<'l, Waiting>,
        wanted: usize,
        slice: Duration,
    ) -> MutexGuard<'l, Waiting> {
        for _ in 0..SLICES {
            let came = waiting.jobs.len();
            waiting = self.0.sleep(waiting, wanted, Some(slice));
            if waiting.jobs.len() == came {
                break;
            }
        }
        waiting
    }
}

impl Drop for Jobs {
    /// Drops the queued jobs, so that callers do not wait for a writer that has ended, even by a panic.
    fn drop(&mut self) {
        let mut waiting = self.0.lock();
        waiting.closed = true;
        let left = std::mem::take(&mut waiting.jobs);
        drop(waiting);
        drop(left);
    }
}

/// The part of a group that one project has.
#[derive(Default)]
struct Part {
    commits: usize,
    bytes: usize,
}

impl Part {
    /// Takes one more commit. Returns false once the part is full: then no later commit overtakes one that stayed.
    fn take(&mut self, bytes: usize) -> bool {
        let has_room = self.commits < SHARED_COMMITS_MAX && self.bytes < SHARED_BYTES_MAX;
        if has_room {
            self.commits += 1;
            self.bytes += bytes;
        }
        has_room
    }
}

impl Waiting {
    /// Takes the first commits. While several projects commit, each gives a few, and the others stay in their order.
    fn take_group(&mut self) -> Vec<Job> {
        let is_shared = self.active.are_several(Instant::now());
        let (mut bytes, mut parts) = (0, HashMap::<ProjectId, Part>::new());
        let mut group = Vec::with_capacity(self.jobs.len().min(GROUP_COMMITS_MAX));
        let mut left = VecDeque::new();
        while group.len() < GROUP_COMMITS_MAX
            && bytes < GROUP_BYTES_MAX
            && let Some(job) = self.jobs.pop_front()
        {
            let job_bytes = job.commit.bytes();
            if is_shared && !parts.entry(job.project).or_default().take(job_bytes) {
                left.push_back(job);
                continue;
            }
            bytes += job_bytes;
            group.push(job);
        }
        left.append(&mut self.jobs);
        self.jobs = left;
        group
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::task::Poll;

    use super::*;
    use crate::storage::suite::PROJECT;

    pub(crate) type Deciding<'a> = Pin<Box<dyn Future<Output = Result<(), CommitError>> + 'a>>;

    /// Puts a commit into the queue, where it waits.
    pub(crate) async fn hand_over<'a>(deciding: impl Future<Output = Result<(), CommitError>> + 'a) -> Deciding<'a> {
        let mut deciding: Deciding<'a> = Box::pin(tokio::task::unconstrained(deciding));
        assert!(poll_fn(|context| Poll::Ready(deciding.as_mut().poll(context).is_pending())).await);
        deciding
    }

    /// A commit delay after groups of `commits` commits whose syncs took `sync`.
    fn lingering(sync: Duration, commits: usize) -> CommitDelay {
        let mut commit_delay = CommitDelay::default();
        (0..100).for_each(|_| commit_delay.learn(sync, commits, 0));
        commit_delay
    }

    #[tokio::test]
    async fn on_a_slow_disk_the_next_group_waits_for_the_commits_of_the_last() {
        let (queue, jobs) = Queue::new();
        // The sync is so slow that the test takes minutes unless the third commit completes the group.
        let mut commit_delay = lingering(Duration::from_secs(600), 3);
        let mut waiting = vec![hand_over(queue.commit(PROJECT, Commit::default())).await];
        // The group must outlive the last push, because dropping a job answers its caller.
        let group = std::thread::spawn(move || jobs.next_group(&mut commit_delay).unwrap());
        while queue.wanted() != Some(3) && !group.is_finished() {
            std::thread::yield_now();
        }
        for _ in 0..2 {
            waiting.push(hand_over(queue.commit(PROJECT, Commit::default())).await);
        }
        assert_eq!(group.join().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn after_a_wait_in_vain_the_next_groups_do_not_wait() {
        let (queue, jobs) = Queue::new();
        let mut commit_delay = lingering(Duration::from_millis(4), 2);
        let _alone = hand_over(queue.commit(PROJECT, Commit::default())).await;
        assert_eq!(jobs.next_group(&mut commit_delay).unwrap().len(), 1);
        assert_eq!(commit_delay.plan(), None, "a wait in vain is not repeated at once");
        (0..16).for_each(|_| commit_delay.learn(Duration::from_millis(4), 2, 0));
        assert_eq!(commit_delay.plan().map(|(wanted, _)| wanted), Some(2));
    }

    #[tokio::test]
    async fn on_a_fast_disk_the_writer_never_waits() {
        assert_eq!(lingering(Duration::from_micros(400), 32).plan(), None);
    }

    /// The projects of the next group.
    fn projects(jobs: &Jobs) -> Vec<u64> {
        let group = jobs.next_group(&mut CommitDelay::default()).unwrap();
        group.iter().map(|job| job.project.0).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_project_shares_the_next_group_with_a_few_commits_of_a_flooding_one() {
        let (queue, jobs) = Queue::new();
        let mut waiting = Vec::new();
        let commit = |project| queue.commit(ProjectId(project), Commit::default());
        for _ in 0..20 {
            waiting.push(hand_over(commit(1)).await);
        }
        waiting.push(hand_over(commit(2)).await);
        assert_eq!(projects(&jobs), [[1; 8].as_slice(), &[2]].concat());
        assert_eq!(projects(&jobs), [1; 8]);
        assert_eq!(projects(&jobs), [1; 4]);
        // A second later the other one is alone.
        tokio::time::advance(Duration::from_millis(1_001)).await;
        for _ in 0..20 {
            waiting.push(hand_over(commit(1)).await);
        }
        assert_eq!(projects(&jobs), [1; 20]);
    }

    #[tokio::test]
    async fn closing_ends_a_wait_for_more_commits() {
        let (queue, jobs) = Queue::new();
        let mut commit_delay = lingering(Duration::from_secs(600), 3);
        let _alone = hand_over(queue.commit(PROJECT, Commit::default())).await;
        let group = std::thread::spawn(move || {
            (
                jobs.next_group(&mut commit_delay).unwrap().len(),
                jobs.next_group(&mut commit_delay),
            )
        });
        queue.close();
        let (last, end) = group.join().unwrap();
        assert_eq!(last, 1);
        assert!(end.is_none());
    }

    #[tokio::test]
    async fn queued_commits_fail_when_the_writer_is_gone() {
        let (queue, jobs) = Queue::new();
        let waiting = hand_over(queue.commit(PROJECT, Commit::default())).await;
        drop(jobs);
        assert!(waiting.await.is_err());
        assert!(queue.commit(PROJECT, Commit::default()).await.is_err());
    }
}
