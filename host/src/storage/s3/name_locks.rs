//! Locks on the names of files. S3 knows no directories, so nothing there keeps a file and a directory from
//! sharing a name.
//!
//! A commit locks its name first, and waits for commits whose names would clash. Changes of one name are
//! serialised, too. After a change without an answer its name stays locked for a while: the change may still
//! happen, and must not undo a later one.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use crate::storage::ProjectId;

/// All name locks of this process.
#[derive(Default)]
pub(super) struct NameLocks {
    /// Number of locks on each name. It exceeds one only after a change without an answer.
    taken: Mutex<BTreeMap<(ProjectId, String), usize>>,
    freed: Notify,
}

/// A lock on a name. Dropping it releases the name.
pub(super) struct Claim {
    name_locks: Arc<NameLocks>,
    name: (ProjectId, String),
}

impl NameLocks {
    /// Waits until nobody holds a lock on this name, or on one above or below it.
    pub(super) async fn take(self: &Arc<Self>, project: ProjectId, name: &str) -> Claim {
        let name = (project, name.to_owned());
        loop {
            let mut freed = pin!(self.freed.notified());
            // From here on every release is noticed.
            freed.as_mut().enable();
            if self.try_take(&name) {
                return Claim {
                    name_locks: Arc::clone(self),
                    name,
                };
            }
            freed.await;
        }
    }

    /// Locks a name for a while, even if it is locked: a change of it, or below it, may still happen.
    pub(super) fn hold(self: &Arc<Self>, project: ProjectId, name: &str, time: Duration) {
        let name = (project, name.to_owned());
        *self.taken().entry(name.clone()).or_default() += 1;
        let name_locks = Arc::clone(self);
        Claim { name_locks, name }.keep_for(time);
    }

    fn try_take(&self, name: &(ProjectId, String)) -> bool {
        let mut taken = self.taken();
        let (project, text) = name;
        if taken.contains_key(name) {
            return false;
        }
        let above = |(end, _): (usize, &str)| {
            let above = text.get(..end).unwrap_or_default();
            taken.contains_key(&(*project, above.to_owned()))
        };
        let start = (*project, format!("{text}/"));
        let below = taken.range(&start..).next();
        let is_below =
            |(other, _): (&(ProjectId, String), &usize)| other.0 == *project && other.1.starts_with(&start.1);
        if text.match_indices('/').any(above) || below.is_some_and(is_below) {
            return false;
        }
        *taken.entry(name.clone()).or_default() += 1;
        true
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<(ProjectId, String), usize>> {
        // A holder of this lock changes one entry only, so nothing is half done after a panic.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim {
    /// Holds the lock for this time.
    pub(super) fn keep_for(self, time: Duration) {
        tokio::spawn(async move {
            sleep(time).await;
            drop(self);
        });
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut taken = self.name_locks.taken();
        if let Some(count) = taken.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.name);
            }
        }
        drop(taken);
        self.name_locks.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PROJECT: ProjectId = ProjectId(7);

    #[tokio::test(start_paused = true)]
    async fn names_that_clash_wait_for_each_other() {
        let name_locks = Arc::new(NameLocks::default());
        let claim = name_locks.take(PROJECT, "a/b").await;
        let waits = async |project, name| {
            tokio::time::timeout(Duration::from_secs(1), name_locks.take(project, name))
                .await
                .is_err()
        };
        for clash in ["a", "a/b", "a/b/c", "a/b/c/d"] {
            assert!(waits(PROJECT, clash).await, "{clash}");
        }
        for other in ["a/bc", "a/b.c", "a/c", "ab", "b"] {
            assert!(!waits(PROJECT, other).await, "{other}");
        }
        assert!(!waits(ProjectId(8), "a").await);
        drop(claim);
        assert!(!waits(PROJECT, "a/b/c").await);
        assert!(name_locks.taken().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_locked_for_a_while_even_when_it_is_taken() {
        let name_locks = Arc::new(NameLocks::default());
        let claim = name_locks.take(PROJECT, "a/b").await;
        let began = tokio::time::Instant::now();
        name_locks.hold(PROJECT, "a", Duration::from_secs(60));
        drop(claim);
        drop(name_locks.take(PROJECT, "a/b").await);
        assert_eq!(began.elapsed().as_secs(), 60);
        name_locks.take(PROJECT, "a").await.keep_for(Duration::from_secs(30));
        drop(name_locks.take(PROJECT, "a").await);
        assert_eq!(began.elapsed().as_secs(), 90);
        assert!(name_locks.taken().is_empty());
    }

    #[tokio::test]
    async fn the_last_release_wakes_the_waiting_lock() {
        let name_locks = Arc::new(NameLocks::default());
        let first = name_locks.take(PROJECT, "a/b/d").await;
        let second = name_locks.take(PROJECT, "a/b/c").await;
        let waiting = tokio::spawn({
            let name_locks = Arc::clone(&name_locks);
            async move { name_locks.take(PROJECT, "a/b").await }
        });
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(second);
        waiting.await.unwrap();
    }
}
