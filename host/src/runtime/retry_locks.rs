//! Per-key locks that serialise the retries of conflicting commits. They only affect speed and fairness;
//! correctness comes from the commit's version checks.
//!
//! A conflict costs a request all that it read and decided. Suppose that 32 requests change one record at
//! once. One succeeds, 31 decide again together, and 30 of them lose again. With the locks nearly all lose
//! once, the waiting is fair, and the work grows with their number instead of its square.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Mutex as KeyLock, OwnedMutexGuard};
use tokio::time::timeout;

use crate::storage::ProjectId;

/// Maximum wait for a lock. Its holder may be busy with other work than the contended record.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// Number of key locks above which the unused ones are dropped.
const LINES_MAX: usize = 1_000;

/// A record of a project.
type RecordKey = (ProjectId, Vec<u8>);

/// The key locks in use, one per record.
#[derive(Default)]
pub(crate) struct RetryLocks {
    lines: Mutex<HashMap<RecordKey, Weak<KeyLock<()>>>>,
}

/// The held lock of a record. Dropping it lets the next waiting request continue.
pub(crate) struct RetryLock {
    wanted: RecordKey,
    _held: OwnedMutexGuard<()>,
}

impl RetryLocks {
    /// Waits for the lock of a record; `None`: that takes longer than `WAIT_MAX`. If `had` is this lock, it
    /// is returned at once. Any other lock is released first, so that two requests cannot wait for each
    /// other.
    pub(crate) async fn wait(&self, had: Option<RetryLock>, project: ProjectId, key: &[u8]) -> Option<RetryLock> {
        let wanted = (project, key.to_vec());
        let had = had.filter(|turn| turn.wanted == wanted);
        if had.is_some() {
            return had;
        }
        let line = self.line(&wanted);
        let held = timeout(WAIT_MAX, line.lock_owned()).await.ok()?;
        Some(RetryLock { wanted, _held: held })
    }

    fn line(&self, wanted: &RecordKey) -> Arc<KeyLock<()>> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(wanted).and_then(Weak::upgrade) {
            return line;
        }
        if lines.len() >= LINES_MAX {
            lines.retain(|_, line| line.strong_count() > 0);
        }
        let line = Arc::default();
        lines.insert(wanted.clone(), Arc::downgrade(&line));
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ProjectId = ProjectId(1);

    #[tokio::test(start_paused = true)]
    async fn one_request_holds_the_lock_and_others_wait_for_a_bounded_time() {
        let turns = RetryLocks::default();
        let turn = turns.wait(None, ONE, b"a").await;
        assert!(turn.is_some());
        assert!(turns.wait(None, ONE, b"b").await.is_some());
        assert!(turns.wait(None, ProjectId(2), b"a").await.is_some());
        assert!(turns.wait(None, ONE, b"a").await.is_none());
        let kept = turns.wait(turn, ONE, b"a").await;
        assert!(kept.is_some());
        drop(kept);
        assert!(turns.wait(None, ONE, b"a").await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn two_requests_that_swap_locks_do_not_deadlock() {
        let turns = RetryLocks::default();
        let (a, b) = (turns.wait(None, ONE, b"a").await, turns.wait(None, ONE, b"b").await);
        let (b, a) = tokio::join!(turns.wait(a, ONE, b"b"), turns.wait(b, ONE, b"a"));
        assert_eq!(b.map(|turn| turn.wanted.1).as_deref(), Some(&b"b"[..]));
        assert_eq!(a.map(|turn| turn.wanted.1).as_deref(), Some(&b"a"[..]));
    }

    #[tokio::test]
    async fn unused_locks_are_dropped() {
        let turns = RetryLocks::default();
        let turn = turns.wait(None, ONE, b"a").await;
        for project in 2..5_000 {
            turns.wait(None, ProjectId(project), b"a").await;
        }
        let lines = || turns.lines.lock().unwrap();
        assert!(lines().len() <= LINES_MAX);
        assert!(lines().contains_key(&(ONE, b"a".to_vec())));
        drop(turn);
    }
}
