//! The delay of a group commit: when the writer waits a little for commits that are about to come.

use std::time::Duration;

/// On a disk as fast as this, waiting costs more than it brings.
const FAST_SYNC: Duration = Duration::from_micros(500);
/// A wait ends when nobody came for a quarter of a sync, and after three quarters in all.
pub(super) const SLICES: u32 = 3;
/// How many groups go on at once after a wait in which not all came.
const GROUPS_AFTER_VAIN: u32 = 16;

/// Who logs one value after the other comes back soon after the answer. On a slow disk a writer that goes on at once
/// with the first to come back leaves all others to the next sync, so each waits for two; one that lets them come in
/// has all of them share one. That pays if they come back in less time than a sync takes. Where they do not, because they
/// do other things in between or the processor is the slower one, the writer goes on at once, and tries again later.
#[derive(Debug, Default)]
pub(super) struct CommitDelay {
    /// How long a sync takes, as a moving mean.
    sync: Duration,
    /// How many were answered by the last group or waited beside it.
    expected: usize,
    /// How many groups still go on at once, since the last wait was in vain.
    groups_to_pass: u32,
}

impl CommitDelay {
    /// Learns from a group of which `answered` commits took `sync` on their way to the disk while `beside` came.
    pub(super) fn learn(&mut self, sync: Duration, answered: usize, beside: usize) {
        self.sync = (self.sync * 7 + sync) / 8;
        self.expected = answered + beside;
        self.groups_to_pass = self.groups_to_pass.saturating_sub(1);
    }

    /// For how many commits the next group waits, and how long a slice is; None to go on at once.
    pub(super) fn plan(&self) -> Option<(usize, Duration)> {
        let pays = self.sync > FAST_SYNC && self.groups_to_pass == 0;
        pays.then(|| (self.expected, self.sync / (SLICES + 1)))
    }

    /// Learns that not all came.
    pub(super) fn waited_in_vain(&mut self) {
        self.groups_to_pass = GROUPS_AFTER_VAIN;
    }
}
