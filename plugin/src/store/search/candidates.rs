//! Top-k candidates by a key prefix. Ties on the prefix are all kept; they are broken later by the run's sort key.

use super::snapshot::BlockId;

/// Fewer candidates are not worth sorting.
const FEW: usize = 100;
/// Bytes of keys that are kept, at most, but for those of one block: an order by many texts has long ones.
const BYTES_MAX: usize = 16 << 20;

/// A run in a slot of a block, by the beginning of its key.
pub(super) struct Candidate {
    pub(super) key: Vec<u8>,
    pub(super) block: BlockId,
    pub(super) slot: u16,
}

/// The first candidates behind a place, with all that are equal to the last of them.
pub(super) struct Candidates {
    kept: Vec<Candidate>,
    /// Of their keys.
    bytes: usize,
    /// How many are needed.
    count: usize,
    /// Of the place that the page begins behind: candidates that begin so may lie on either side.
    after: Option<Vec<u8>>,
    /// What comes behind is not needed.
    last: Option<Vec<u8>>,
}

impl Candidates {
    /// None yet; so many are needed behind the place.
    pub(super) fn new(after: Option<Vec<u8>>, count: usize) -> Self {
        Candidates {
            kept: Vec::new(),
            bytes: 0,
            count,
            after,
            last: None,
        }
    }

    /// How many are needed.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Nothing behind this key is needed: more than are needed come no later.
    pub(super) fn set_upper_bound(&mut self, key: Vec<u8>) {
        self.last = Some(key);
    }

    /// The key of the place that the page begins behind.
    pub(super) fn after(&self) -> Option<&[u8]> {
        self.after.as_deref()
    }

    /// The key behind which nothing is needed.
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

    /// Drops what is not needed, once there is much; whether there is still too much to keep.
    pub(super) fn overflow(&mut self) -> bool {
        let enough = (2 * self.count).max(FEW);
        if self.kept.len() <= enough && self.bytes <= BYTES_MAX {
            return false;
        }
        self.trim();
        self.kept.len() > enough || self.bytes > BYTES_MAX
    }

    /// Drops what is not needed.
    fn trim(&mut self) {
        let is_on_either_side = |candidate: &Candidate| self.after_prefix(candidate.key.len()) == Some(&candidate.key);
        // Those come first, as nothing is kept that comes before the place.
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

    /// So many bytes of the key of the place that the page begins behind.
    fn after_prefix(&self, length: usize) -> Option<&[u8]> {
        self.after.as_deref()?.get(..length)
    }

    /// All that may be needed, none of which stays.
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
    fn long_keys_overflow_however_few_they_are() {
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
                // As if there were much.
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
