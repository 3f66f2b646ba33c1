//! An LRU cache of columnar data in the instance's memory. Entries are keyed by block revision, so they never
//! need invalidation.
//!
//! The data of a block changes only together with the block's revision in the zone map, which each search
//! reads. So an entry of that revision stays right under any later change. An instance that served several
//! projects, against `wit/world.wit`, would still mix nothing up: revisions begin at random.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::id::ExperimentId;

/// A block's data as of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRevision {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The block's revision.
    pub revision: u64,
}

/// An LRU cache of segments of entries, one segment for each key of an experiment. The least recently used
/// segments are evicted first.
#[derive(Debug)]
pub struct RevisionCache<K, T> {
    segments: BTreeMap<(ExperimentId, K), Segment<T>>,
    bytes: usize,
    bytes_max: usize,
    queries: u64,
}

/// Entries by number.
#[derive(Debug)]
pub struct Segment<T> {
    /// `None`: nothing is cached.
    entries: Vec<Option<Entry<T>>>,
    /// Bytes of the entries and of their slots in `entries`.
    bytes: usize,
    /// The last search that used the segment.
    last_query: u64,
}

#[derive(Debug)]
struct Entry<T> {
    revision: u64,
    bytes: usize,
    value: Rc<T>,
}

impl<T> Segment<T> {
    /// Returns an entry's value. `None`: it is not cached, or is of another revision.
    pub fn get(&self, number: u32, revision: u64) -> Option<&Rc<T>> {
        let kept = self.entries.get(usize::try_from(number).ok()?)?.as_ref()?;
        (kept.revision == revision).then_some(&kept.value)
    }

    /// Puts an entry into its slot. Returns the number of bytes that this freed.
    fn put(&mut self, slot: usize, value: Entry<T>) -> usize {
        if self.entries.len() <= slot {
            self.entries.resize_with(slot + 1, || None);
        }
        self.bytes += value.bytes;
        let old = self.entries.get_mut(slot).and_then(|kept| kept.replace(value));
        let freed = old.map_or(0, |old| old.bytes);
        self.bytes -= freed;
        freed
    }
}

impl<K: Ord + Clone, T> RevisionCache<K, T> {
    /// An empty cache of at most `bytes_max` bytes.
    pub const fn new(bytes_max: usize) -> Self {
        RevisionCache {
            segments: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            queries: 0,
        }
    }

    /// Begins a search. Segments that it uses stay until it ends.
    pub fn begin_query(&mut self) {
        self.queries += 1;
    }

    /// Returns a segment and records its use. `None`: nothing of it is cached.
    pub fn segment(&mut self, experiment: ExperimentId, key: &K) -> Option<&Segment<T>> {
        let segment = self.segments.get_mut(&(experiment, key.clone()))?;
        segment.last_query = self.queries;
        Some(segment)
    }

    /// Caches a value of this many bytes, if there is room.
    pub fn insert(&mut self, revision: BlockRevision, key: &K, number: u32, value: Rc<T>, bytes: usize) {
        let Ok(slot) = usize::try_from(number) else {
            return;
        };
        let there = self
            .segment(revision.experiment, key)
            .map_or(0, |segment| segment.entries.len());
        let grown = (slot + 1).saturating_sub(there) * size_of::<Option<Entry<T>>>();
        if !self.make_room(bytes + grown) {
            return;
        }
        let segment = self
            .segments
            .entry((revision.experiment, key.clone()))
            .or_insert_with(|| Segment {
                entries: Vec::new(),
                bytes: 0,
                last_query: 0,
            });
        segment.last_query = self.queries;
        segment.bytes += grown;
        self.bytes += bytes + grown;
        self.bytes -= segment.put(
            slot,
            Entry {
                revision: revision.revision,
                bytes,
                value,
            },
        );
    }

    /// Evicts segments until so many bytes fit, but none that this search used. True if they fit.
    fn make_room(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes_max {
            return false;
        }
        while self.bytes + bytes > self.bytes_max {
            let longest_unused = self.segments.iter().min_by_key(|(_, segment)| segment.last_query);
            let Some((key, _)) = longest_unused.filter(|(_, segment)| segment.last_query < self.queries) else {
                return false;
            };
            let key = key.clone();
            self.bytes -= self.segments.remove(&key).map_or(0, |segment| segment.bytes);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: usize = 400;

    #[derive(Clone, Debug)]
    enum Action {
        BeginQuery,
        Get(u64, u64, u8),
        Insert(u64, u64, u8, u32, usize),
    }

    fn step() -> impl Strategy<Value = Action> {
        prop_oneof![
            Just(Action::BeginQuery),
            (0..3_u64, 0..2_u64, 0..3_u8).prop_map(|(e, r, k)| Action::Get(e, r, k)),
            (0..3_u64, 0..2_u64, 0..3_u8, 0..4_u32, 1..90_usize)
                .prop_map(|(e, r, k, n, b)| Action::Insert(e, r, k, n, b)),
        ]
    }

    /// Experiment, revision, key, number, bytes.
    type Label = (u64, u64, u8, u32, usize);

    fn block_revision(experiment: u64, revision: u64) -> BlockRevision {
        let experiment = ExperimentId(experiment);
        BlockRevision { experiment, revision }
    }

    proptest! {
        #[test]
        fn a_cache_never_returns_another_revision_and_never_exceeds_its_budget(steps in prop::collection::vec(step(), 0..60)) {
            // Each value holds its own label.
            let mut cache: RevisionCache<u8, Label> = RevisionCache::new(ROOM);
            for step in steps {
                match step {
                    Action::BeginQuery => cache.begin_query(),
                    Action::Get(experiment, revision, key) => {
                        let segment = cache.segment(ExperimentId(experiment), &key);
                        for number in 0..5 {
                            let value = segment.and_then(|segment| segment.get(number, revision));
                            let expected = (experiment, revision, key, number);
                            prop_assert!(value.is_none_or(|value| (value.0, value.1, value.2, value.3) == expected));
                        }
                    }
                    Action::Insert(experiment, revision, key, number, bytes) => {
                        let value = Rc::new((experiment, revision, key, number, bytes));
                        cache.insert(block_revision(experiment, revision), &key, number, value, bytes);
                    }
                }
                let entries = cache.segments.values().flat_map(|segment| &segment.entries);
                let size = |value: &Option<Entry<Label>>| size_of_val(value) + value.as_ref().map_or(0, |value| value.value.4);
                let bytes: usize = entries.map(size).sum();
                prop_assert_eq!(bytes, cache.bytes);
                prop_assert!(bytes <= ROOM);
            }
        }
    }

    #[test]
    fn the_least_recently_used_segments_are_evicted_but_none_of_this_query() {
        let slot = size_of::<Option<Entry<()>>>();
        let mut cache = RevisionCache::new(3 * (8 * slot + 1));
        let count_of = |cache: &mut RevisionCache<_, _>, key| {
            let segment = cache.segment(ExperimentId(0), &key);
            segment.map_or(0, |segment| segment.entries.iter().flatten().count())
        };
        for key in ["a", "b", "c"] {
            cache.begin_query();
            cache.insert(block_revision(0, 0), &key, 7, Rc::new(()), 1);
        }
        cache.begin_query();
        assert_eq!(count_of(&mut cache, "a"), 1);
        cache.insert(block_revision(0, 0), &"d", 0, Rc::new(()), 9 * slot);
        assert_eq!(["a", "b", "c", "d"].map(|key| count_of(&mut cache, key)), [1, 0, 0, 1]);
        cache.insert(block_revision(0, 0), &"e", 0, Rc::new(()), 9 * slot);
        assert_eq!(["a", "d", "e"].map(|key| count_of(&mut cache, key)), [1, 1, 0]);
    }
}
