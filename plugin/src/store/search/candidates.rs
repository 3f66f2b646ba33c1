//! Top-k candidates by a key prefix. Ties on the prefix are all kept; they are broken later by the run's sort
//! key.

use super::snapshot::BlockId;

/// Number of candidates up to which sorting is not worthwhile.
const FEW: usize = 100;
/// Largest number of bytes of keys that are kept, plus those of one block. An order by many texts has long
/// keys.
const BYTES_MAX: usize = 16 << 20;

/// A run in a slot of a block, with the beginning of its sort key.
pub(super) struct Candidate {
    pub(super) key: Vec<u8>,
    pub(super) block: BlockId,
    pub(super) slot: u16,
}

/// The first candidates after a cursor, with all that equal the last of them.
pub(super) struct Candidates {
    kept: Vec<Candidate>,
    /// Bytes of their keys.
    bytes: usize,
    /// Number of candidates that are needed.
    count: usize,
    /// The sort key of the page's cursor. A candidate that equals its beginning may lie before or after the
    /// cursor.
    after: Option<Vec<u8>>,
    /// The upper bound: a candidate after it is not needed.
    last: Option<Vec<u8>>,
}

impl Candidates {
    /// Begins without candidates; `count` are needed after the cursor.
    pub(super) fn new(after: Option<Vec<u8>>, count: usize) -> Self {
        Candidates {
            kept: Vec::new(),
            bytes: 0,
            count,
            after,
            last: None,
        }
    }

    /// Number of candidates that are needed.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Sets the upper bound. More candidates than are needed come no later than this key.
    pub(super) fn set_upper_bound(&mut self, key: Vec<u8>) {
        self.last = Some(key);
    }

    /// Returns the sort key of the page's cursor.
    pub(super) fn after(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// Returns the upper bound.
    pub(super) fn last(&self) -> Option<&[u8]> {
        self.last.as_deref()
    }

    /// Keeps a run if it may be needed.
    pub(super) fn offer(&mut self, key: &[u8], block: BlockId, slot: u16) {
        let too_early = self.after_prefix(key.len()).is_some_and(|after| key < after);
        if too_early || self.last.as_deref().is_some_and(|last| last < key) {
            return;
        }
        self.bytes += key.len();
        self.kept.push(Candidate {
            key: key.to_vec(),
            block,
            slot,
        });
    }

    /// Removes what is not needed once there is much. True if there still is too much to keep.
    pub(super) fn overflow(&mut self) -> bool {
        let enough = (2 * self.count).max(FEW);
        if self.kept.len() <= enough && self.bytes <= BYTES_MAX {
            return false;
        }
        self.trim();
        self.kept.len() > enough || self.bytes > BYTES_MAX
    }

    /// Removes what is not needed.
    fn trim(&mut self) {
        let is_on_either_side = |candidate: &Candidate| self.after_prefix(candidate.key.len()) == Some(&candidate.key);
        // These come first, since nothing is kept that comes before the cursor.
        let sure = self
            .kept
            .iter()
            .filter(|candidate| is_on_either_side(candidate))
            .count();
        let place = sure + self.count;
        if place < self.kept.len() {
            let (_, last, _) = self.kept.select_nth_unstable_by(place, |a, b| a.key.cmp(&b.key));
            let last = last.key.clone();
            self.kept.retain(|candidate| candidate.key <= last);
            self.bytes = self.kept.iter().map(|candidate| candidate.key.len()).sum();
            self.last = Some(last);
        }
    }

    /// Returns the first `length` bytes of the cursor's sort key.
    fn after_prefix(&self, length: usize) -> Option<&[u8]> {
        self.after.as_deref()?.get(..length)
    }

    /// Returns all candidates that may be needed, and keeps none.
    pub(super) fn take(&mut self) -> Vec<Candidate> {
        self.trim();
        self.bytes = 0;
        std::mem::take(&mut self.kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(experiment: usize) -> BlockId {
        BlockId { experiment, number: 0 }
    }

    #[test]
    fn a_few_long_keys_overflow() {
        let mut candidates = Candidates::new(None, 50_000);
        let overflows = (0..2_000).filter(|slot: &u16| {
            candidates.offer(&[&slot.to_be_bytes()[..], &[0; 20_000]].concat(), block(0), *slot);
            candidates.overflow() && !candidates.take().is_empty()
        });
        assert_eq!(overflows.count(), 2_000 * 20_002 / BYTES_MAX);
    }

    proptest! {
        #[test]
        fn the_first_after_the_cursor_and_their_equals_are_kept(
            keys in prop::collection::vec(0_u8..6, 0..40), after in prop::option::of(0_u8..6), count in 1_usize..8,
        ) {
            let after = after.map(|key| vec![key, 9]);
            let mut candidates = Candidates::new(after.clone(), count);
            for (slot, key) in (0..).zip(&keys) {
                candidates.offer(&[*key], block(0), slot);
                // Makes the number of candidates large.
                candidates.kept.extend((0..FEW + 2 * count).map(|_| Candidate { key: vec![7], block: block(1), slot: 0 }));
                candidates.overflow();
                candidates.kept.retain(|candidate| candidate.block.experiment == 0);
            }
            let mut kept: Vec<u8> = candidates.take().iter().filter_map(|candidate| candidate.key.first().copied()).collect();
            kept.sort_unstable();
            let mut expected: Vec<u8> = keys;
            expected.sort_unstable();
            expected.retain(|key| after.as_ref().is_none_or(|after| Some(key) >= after.first()));
            let sure = expected.iter().filter(|key| after.as_ref().is_some_and(|after| after.first() == Some(key))).count();
            if let Some(last) = expected.get(sure + count).copied() {
                expected.retain(|key| *key <= last);
            }
            prop_assert_eq!(kept, expected);
        }
    }
}
