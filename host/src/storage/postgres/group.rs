//! A group: commits that are sent as one transaction, and the parameters of the statement that decides them.
//!
//! One statement sees none of its own writes. So no commit of a group checks a key that an earlier one writes, or writes it
//! in another way (put, raise, delete). The writes of one commit to a key are folded to one.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};

use super::queue::Job;
use super::random_id;
use crate::storage::{CommitError, ProjectId, StorageError, Write};

/// Maximum number of commits in one group.
const COMMITS_MAX: usize = 512;
/// A group takes no further commit once it would exceed this many bytes. A larger commit is a group of its own: it holds the
/// lock of its project for long.
const BYTES_MAX: usize = 1 << 20;

/// The only effect of a commit on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect<'a> {
    Put(&'a [u8]),
    Raise(&'a [u8]),
    Delete,
}

/// The way of writing a key. Two commits of a group may write a key in the same way only.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Put,
    Raise,
    Delete,
}

impl Effect<'_> {
    fn way(self) -> Way {
        match self {
            Effect::Put(_) => Way::Put,
            Effect::Raise(_) => Way::Raise,
            Effect::Delete => Way::Delete,
        }
    }
}

/// Folds the writes of a commit, which apply in their order, to one for each key.
fn fold(writes: &[Write]) -> HashMap<&[u8], Effect<'_>> {
    let mut folded: HashMap<&[u8], Effect<'_>> = HashMap::with_capacity(writes.len());
    for write in writes {
        let effect = match write {
            Write::Put(_, value) => Effect::Put(value),
            Write::PutMax(_, value) => Effect::Raise(value),
            Write::Delete(_) => Effect::Delete,
        };
        match folded.entry(write.key()) {
            Entry::Vacant(entry) => drop(entry.insert(effect)),
            Entry::Occupied(mut entry) => *entry.get_mut() = both(*entry.get(), effect),
        }
    }
    folded
}

/// The effect of two writes after each other.
fn both<'a>(first: Effect<'a>, second: Effect<'a>) -> Effect<'a> {
    match (first, second) {
        (Effect::Put(stored), Effect::Raise(value)) => Effect::Put(stored.max(value)),
        (Effect::Raise(stored), Effect::Raise(value)) => Effect::Raise(stored.max(value)),
        (Effect::Delete, Effect::Raise(value)) => Effect::Put(value),
        (_, second) => second,
    }
}

/// Commits that are decided together, in their order.
pub(super) struct Group {
    jobs: Vec<Job>,
    /// The version that the writes of each commit get.
    versions: Vec<i64>,
}

impl Group {
    /// Takes the first commits of a queue that can be decided together: at least one, if there is any.
    pub(super) fn take(queue: &mut VecDeque<Job>) -> Result<Self, StorageError> {
        let count = count_together(queue);
        Self::of(queue.drain(..count).collect())
    }

    fn of(jobs: Vec<Job>) -> Result<Self, StorageError> {
        let versions = jobs.iter().map(|_| random_id()).collect::<Result<_, _>>()?;
        Ok(Self { jobs, versions })
    }

    /// A group of one commit whose caller waits for nothing, for tests.
    #[cfg(all(test, feature = "postgres-tests"))]
    #[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
    pub(super) async fn of_test(project: ProjectId, commit: crate::storage::Commit) -> Self {
        let (queues, mut jobs) = super::queue::Queues::new(1);
        let mut deciding = Box::pin(async move { queues.commit(project, commit).await });
        std::future::poll_fn(|context| {
            _ = deciding.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        let job = jobs[0].try_recv().unwrap();
        Self::of(vec![job]).unwrap()
    }

    /// Splits the group into one group for each commit.
    pub(super) fn split(self) -> impl Iterator<Item = Self> {
        self.jobs.into_iter().zip(self.versions).map(|(job, version)| Self {
            jobs: vec![job],
            versions: vec![version],
        })
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// True if no caller waits for an outcome.
    pub(super) fn is_abandoned(&self) -> bool {
        self.jobs.iter().all(Job::is_abandoned)
    }

    /// The projects in ascending order, in which their heads are locked.
    pub(super) fn projects(&self) -> BTreeSet<i64> {
        self.jobs.iter().map(|job| number(job.project)).collect()
    }

    /// The parameters of the statement.
    pub(super) fn parameters(&self) -> Parameters<'_> {
        let mut parameters = Parameters::default();
        for ((ord, job), version) in (0..).zip(&self.jobs).zip(&self.versions) {
            let project = number(job.project);
            for check in &job.commit.checks {
                let rows = &mut parameters.checks;
                rows.push(ord, project, &check.key);
                parameters.expected.push(check.version.cast_signed());
            }
            for (key, effect) in fold(&job.commit.writes) {
                match effect {
                    Effect::Put(value) => parameters.puts.push((ord, project, key), *version, value),
                    Effect::Raise(value) => parameters.raises.push((ord, project, key), *version, value),
                    Effect::Delete => parameters.deletes.push(ord, project, key),
                }
            }
        }
        parameters
    }

    /// Answers every caller. `broken` has the places of checks that did not hold, counted from 1 over all commits: the first
    /// one of each commit. Commits that wait and that this group has made impossible are answered too: their number is returned.
    pub(super) fn answer(self, broken: &[i64], waiting: &mut VecDeque<Job>) -> usize {
        let mut written: HashMap<(ProjectId, Vec<u8>), u64> = HashMap::new();
        let mut last = 0_i64;
        for (job, version) in self.jobs.into_iter().zip(self.versions) {
            let first = last + 1;
            last += i64::try_from(job.commit.checks.len()).unwrap_or_default();
            match broken.iter().find(|place| (first..=last).contains(place)) {
                Some(place) => {
                    let check = usize::try_from(place - first)
                        .ok()
                        .and_then(|at| job.commit.checks.get(at));
                    let key = check.map(|check| check.key.clone()).unwrap_or_default();
                    job.answer(Err(CommitError::Conflict(key)));
                }
                None => {
                    if !waiting.is_empty() {
                        note_versions(&mut written, &job, version.cast_unsigned());
                    }
                    job.answer(Ok(()));
                }
            }
        }
        refuse_outdated(waiting, &written)
    }

    /// Answers every caller that the outcome is not known, or that the commit failed.
    pub(super) fn fail(self, reason: &str) {
        for job in self.jobs {
            let error = StorageError::Unavailable(format!("postgres: {reason}"));
            job.answer(Err(error.into()));
        }
    }
}

/// Number of commits at the queue's beginning that can be decided together.
fn count_together(queue: &VecDeque<Job>) -> usize {
    let mut written: HashMap<(ProjectId, &[u8]), Way> = HashMap::new();
    let mut bytes = 0;
    for (count, job) in queue.iter().enumerate() {
        bytes += job.commit.bytes();
        if count >= COMMITS_MAX || (count > 0 && bytes > BYTES_MAX) {
            return count;
        }
        let mut checks = job.commit.checks.iter();
        if checks.any(|check| written.contains_key(&(job.project, &check.key[..]))) {
            return count;
        }
        let effects = fold(&job.commit.writes);
        let same_way = |(key, effect): (&&[u8], &Effect<'_>)| {
            written.get(&(job.project, *key)).is_none_or(|way| *way == effect.way())
        };
        if !effects.iter().all(same_way) {
            return count;
        }
        written.extend(
            effects
                .into_iter()
                .map(|(key, effect)| ((job.project, key), effect.way())),
        );
    }
    queue.len()
}

/// Notes the versions that a commit has given. Raises are left out: they may have changed nothing.
fn note_versions(written: &mut HashMap<(ProjectId, Vec<u8>), u64>, job: &Job, version: u64) {
    for (key, effect) in fold(&job.commit.writes) {
        match effect {
            Effect::Put(_) => drop(written.insert((job.project, key.to_vec()), version)),
            Effect::Delete => drop(written.insert((job.project, key.to_vec()), 0)),
            Effect::Raise(_) => {}
        }
    }
}

/// Answers commits that expect another version than one just given. They were queued before it was, so no later version of
/// another host can be the one that they expect. Without this, each loser of a race would cost a round trip.
fn refuse_outdated(waiting: &mut VecDeque<Job>, written: &HashMap<(ProjectId, Vec<u8>), u64>) -> usize {
    let before = waiting.len();
    for job in std::mem::take(waiting) {
        let outdated = job.commit.checks.iter().find(|check| {
            let given = written.get(&(job.project, check.key.clone()));
            given.is_some_and(|given| *given != check.version)
        });
        match outdated.map(|check| check.key.clone()) {
            Some(key) => job.answer(Err(CommitError::Conflict(key))),
            None => waiting.push_back(job),
        }
    }
    before.saturating_sub(waiting.len())
}

/// The number under which the records of a project are stored.
pub(super) fn number(project: ProjectId) -> i64 {
    project.0.cast_signed()
}

/// Columns of rows that name a key: the commit's place in the group, the project, and the key.
#[derive(Default)]
pub(super) struct Keys<'a> {
    pub(super) ords: Vec<i32>,
    pub(super) projects: Vec<i64>,
    pub(super) keys: Vec<&'a [u8]>,
}

impl<'a> Keys<'a> {
    fn push(&mut self, ord: i32, project: i64, key: &'a [u8]) {
        self.ords.push(ord);
        self.projects.push(project);
        self.keys.push(key);
    }
}

/// Columns of rows that name a value too.
#[derive(Default)]
pub(super) struct Records<'a> {
    pub(super) keys: Keys<'a>,
    pub(super) versions: Vec<i64>,
    pub(super) values: Vec<&'a [u8]>,
}

impl<'a> Records<'a> {
    fn push(&mut self, (ord, project, key): (i32, i64, &'a [u8]), version: i64, value: &'a [u8]) {
        self.keys.push(ord, project, key);
        self.versions.push(version);
        self.values.push(value);
    }
}

/// The parameters of the statement that decides a group.
#[derive(Default)]
pub(super) struct Parameters<'a> {
    pub(super) checks: Keys<'a>,
    pub(super) expected: Vec<i64>,
    pub(super) puts: Records<'a>,
    pub(super) raises: Records<'a>,
    pub(super) deletes: Keys<'a>,
}
