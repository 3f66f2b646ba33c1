//! The account of one project: the number of its items by kind.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, watch};
use tokio::time::Instant;

use super::items::Changes;

/// The shortest time from one count to the next one.
const RECOUNT_PAUSE: Duration = Duration::from_secs(60);

/// Time after which hosts that share the records count a project anew.
const SHARED_AGE: Duration = Duration::from_secs(300);
/// The least ratio between that time and the length of a count, so that counting takes a fiftieth of the time at most.
const SHARED_AGE_PER_COUNT: u32 = 50;

/// The sums of one project.
pub(super) struct Account {
    /// The maximum of each kind.
    maxima: Vec<u64>,
    /// Locked for reading while a commit changes items, and for writing while a page of them is counted.
    changing: RwLock<()>,
    sums: Mutex<Sums>,
}

/// A kind of which a project has as many items as it may.
pub(super) struct Exceeded {
    /// The number of the kind.
    pub(super) kind: usize,
    /// The present number of items.
    pub(super) count: u64,
    pub(super) max: u64,
}

#[derive(Default)]
struct Sums {
    /// The items of each kind. `None`: they are not counted yet.
    counted: Option<Vec<u64>>,
    /// True if there may be less than `counted`.
    may_have_less: bool,
    /// The count that is running.
    running: Option<Running>,
    /// The end of the last count.
    ended: Option<Instant>,
    /// The length of the last count.
    took: Duration,
}

struct Running {
    began: Instant,
    found: Vec<u64>,
    /// The first key that is not counted yet.
    next: Vec<u8>,
    /// True if this count itself may be too high.
    is_estimate: bool,
    /// True if something happened that it does not know.
    is_void: bool,
    end: watch::Receiver<bool>,
}

impl Account {
    pub(super) fn new(maxima: Vec<u64>) -> Self {
        Self {
            maxima,
            changing: RwLock::default(),
            sums: Mutex::default(),
        }
    }

    /// Waits until no page is being counted, and holds that up until the guard is dropped.
    pub(super) async fn changing(&self) -> RwLockReadGuard<'_, ()> {
        self.changing.read().await
    }

    /// Waits until no commit changes items, and holds them up until the guard is dropped.
    pub(super) async fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.changing.write().await
    }

    pub(super) fn is_counted(&self) -> bool {
        self.sums().counted.is_some()
    }

    /// True if there may be less items than were counted.
    pub(super) fn may_have_less(&self) -> bool {
        self.sums().may_have_less
    }

    /// True if other hosts may have changed much since the last count.
    pub(super) fn is_old(&self) -> bool {
        let sums = self.sums();
        let age_max = SHARED_AGE.max(sums.took.saturating_mul(SHARED_AGE_PER_COUNT));
        sums.ended.is_some_and(|ended| ended.elapsed() > age_max)
    }

    /// Begins a count. Returns the sender of its end, if it is not running already, and the end. `None`: the last count was a
    /// moment ago.
    pub(super) fn begin(&self) -> Option<(Option<watch::Sender<bool>>, watch::Receiver<bool>)> {
        let mut sums = self.sums();
        if let Some(running) = &sums.running {
            return Some((None, running.end.clone()));
        }
        if sums.ended.is_some_and(|ended| ended.elapsed() < RECOUNT_PAUSE) {
            return None;
        }
        let (ended, end) = watch::channel(false);
        sums.running = Some(Running {
            began: Instant::now(),
            found: vec![0; self.maxima.len()],
            next: Vec::new(),
            is_estimate: false,
            is_void: false,
            end: end.clone(),
        });
        Some((Some(ended), end))
    }

    /// Adds the items of a page to the running count. `next` is the first key after it.
    pub(super) fn add_counted(&self, found: &[u64], next: &[u8]) {
        let mut sums = self.sums();
        let Some(running) = &mut sums.running else { return };
        for (sum, more) in running.found.iter_mut().zip(found) {
            *sum = sum.saturating_add(*more);
        }
        running.next = next.to_vec();
    }

    /// Ends the running count, whose sums count from now on if it succeeded.
    pub(super) fn end(&self, succeeded: bool) {
        let mut sums = self.sums();
        let Some(running) = sums.running.take() else { return };
        if running.is_void {
            return;
        }
        sums.ended = Some(Instant::now());
        sums.took = running.began.elapsed();
        if succeeded {
            sums.counted = Some(running.found);
            sums.may_have_less = running.is_estimate;
        }
    }

    /// Forgets the sums, also those of a running count. The next change counts again.
    pub(super) fn forget(&self) {
        let mut sums = self.sums();
        sums.counted = None;
        sums.ended = None;
        if let Some(running) = &mut sums.running {
            running.is_void = true;
        }
    }

    /// The first kind of which a commit would add too many items.
    pub(super) fn exceeded(&self, changes: &Changes) -> Option<Exceeded> {
        let sums = self.sums();
        let counted = sums.counted.as_ref()?;
        self.maxima
            .iter()
            .zip(counted)
            .enumerate()
            .find_map(|(index, (&max, &count))| {
                let of_kind = |items: &[(Vec<u8>, usize, u64)]| {
                    let items = items.iter().filter(|(_, kind, _)| *kind == index);
                    items.fold(0_u64, |sum, (_, _, count)| sum.saturating_add(*count))
                };
                let (added, removed) = (of_kind(&changes.added), of_kind(&changes.removed));
                let is_more = added > removed;
                let total = count.saturating_add(added).saturating_sub(removed);
                (is_more && total > max).then_some(Exceeded {
                    kind: index,
                    count,
                    max,
                })
            })
    }

    /// Counts the items of a commit that was made.
    pub(super) fn add(&self, changes: &Changes) {
        let mut sums = self.sums();
        if let Some(counted) = &mut sums.counted {
            adjust(counted, changes, |_| true);
        }
        sums.may_have_less |= changes.is_estimate;
        if let Some(running) = &mut sums.running {
            let Running { found, next, .. } = running;
            adjust(found, changes, |key| key < next.as_slice());
            running.is_estimate |= changes.is_estimate;
        }
    }

    fn sums(&self) -> MutexGuard<'_, Sums> {
        // No code that may panic runs under the lock.
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn adjust(sums: &mut [u64], changes: &Changes, is_counted: impl Fn(&[u8]) -> bool) {
    for (_, kind, count) in changes.added.iter().filter(|(key, ..)| is_counted(key)) {
        if let Some(sum) = sums.get_mut(*kind) {
            *sum = sum.saturating_add(*count);
        }
    }
    for (_, kind, count) in changes.removed.iter().filter(|(key, ..)| is_counted(key)) {
        if let Some(sum) = sums.get_mut(*kind) {
            *sum = sum.saturating_sub(*count);
        }
    }
}
