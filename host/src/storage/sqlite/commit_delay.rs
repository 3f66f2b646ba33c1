//! The delay of a group commit: before a sync, the writer may wait briefly for commits that are about to
//! come.

use std::time::Duration;

/// A sync at most this long is too fast for a wait to pay.
const FAST_SYNC: Duration = Duration::from_micros(500);
/// A wait ends after a quarter of a sync without a new commit, and after three quarters in all.
pub(super) const SLICES: u32 = 3;
/// Number of groups that are written without a wait after a wait that not all expected commits reached.
const GROUPS_AFTER_VAIN: u32 = 16;

/// The commit delay, learned from former groups.
///
/// A client that logs one value after the other commits again soon after each answer. Suppose that on a slow
/// disk the writer starts a sync with the first commit that returns. Then all others wait for the next sync,
/// so each waits for two. If the writer lets them come in, all share one sync.
///
/// That pays if the commits return in less time than a sync takes. They do not if the clients do other work
/// in between, or if the processor is slower than the disk. Then the writer stops waiting and tries again
/// later.
#[derive(Debug, Default)]
pub(super) struct CommitDelay {
    /// Duration of a sync, as a moving mean.
    sync: Duration,
    /// Number of commits in the last group, plus those that queued meanwhile.
    expected: usize,
    /// Number of groups still to be written without a wait, after a wait in vain.
    groups_to_pass: u32,
}

impl CommitDelay {
    /// Observes a group of `answered` commits whose sync took `sync`, while `beside` further commits came.
    pub(super) fn learn(&mut self, sync: Duration, answered: usize, beside: usize) {
        self.sync = (self.sync * 7 + sync) / 8;
        self.expected = answered + beside;
        self.groups_to_pass = self.groups_to_pass.saturating_sub(1);
    }

    /// Returns the number of commits that the next group waits for, and the length of a slice. `None`: do not
    /// wait.
    pub(super) fn plan(&self) -> Option<(usize, Duration)> {
        let pays = self.sync > FAST_SYNC && self.groups_to_pass == 0;
        pays.then(|| (self.expected, self.sync / (SLICES + 1)))
    }

    /// Notes that not all expected commits came.
    pub(super) fn waited_in_vain(&mut self) {
        self.groups_to_pass = GROUPS_AFTER_VAIN;
    }
}
