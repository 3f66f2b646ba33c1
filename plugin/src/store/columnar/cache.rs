//! An LRU cache of columnar data in the instance's memory. Entries are keyed by block revision, so they never need
//! invalidation.
//!
//! The data of a block changes only together with the block's revision in the zone map, which each search reads. So an entry of
//! that revision is right, whoever changed what since. An instance that served several projects, against `wit/world.wit`, would
//! still mix nothing up: revisions begin at random.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::id::ExperimentId;

/// What is packed of the runs of a block, as it was at a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlockRevision {
    /// The experiment.
    pub experiment: ExperimentId,
    /// The block's revision.
    pub revision: u64,
}

/// Rows of things that were read: one for each key of an experiment. Those that were not used for the longest time make room.
#[derive(Debug)]
pub struct RevisionCache<K, T> {
    rows: BTreeMap<(ExperimentId, K), Segment<T>>,
    bytes: usize,
    bytes_max: usize,
    searches: u64,
}

/// Things by number.
#[derive(Debug)]
pub struct Segment<T> {
    /// None where nothing is kept.
    things: Vec<Option<Entry<T>>>,
    /// Of the things and of their places here.
    bytes: usize,
    /// The last search that used it.
    used: u64,
}

#[derive(Debug)]
struct Entry<T> {
    revision: u64,
    bytes: usize,
    thing: Rc<T>,
}

impl<T> Segment<T> {
    /// A thing, if it is kept as it is at this revision.
    pub fn get(&self, number: u32, revision: u64) -> Option<&Rc<T>> {
        let kept = self.things.get(usize::try_from(number).ok()?)?.as_ref()?;
        (kept.revision == revision).then_some(&kept.thing)
    }

    /// Puts a thing in its place; answers how many bytes that freed.
    fn put(&mut self, place: usize, thing: Entry<T>) -> usize {
        if self.things.len() <= place {
            self.things.resize_with(place + 1, || None);
        }
        self.bytes += thing.bytes;
        let old = self.things.get_mut(place).and_then(|kept| kept.replace(thing));
        let freed = old.map_or(0, |old| old.bytes);
        self.bytes -= freed;
        freed
    }
}

impl<K: Ord + Clone, T> RevisionCache<K, T> {
    /// An empty one for so many bytes.
    pub const fn new(bytes_max: usize) -> Self {
        RevisionCache {
            rows: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            searches: 0,
        }
    }

    /// Another search begins: what it uses stays until it ends.
    pub fn begin(&mut self) {
        self.searches += 1;
    }

    /// A row, if anything is kept in it.
    pub fn row(&mut self, experiment: ExperimentId, key: &K) -> Option<&Segment<T>> {
        let row = self.rows.get_mut(&(experiment, key.clone()))?;
        row.used = self.searches;
        Some(row)
    }

    /// Keeps a thing of this many bytes, if there is room.
    pub fn keep(&mut self, edition: BlockRevision, key: &K, number: u32, thing: Rc<T>, bytes: usize) {
        let Ok(place) = usize::try_from(number) else {
            return;
        };
        let there = self.row(edition.experiment, key).map_or(0, |row| row.things.len());
        let grown = (place + 1).saturating_sub(there) * size_of::<Option<Entry<T>>>();
        if !self.make_room(bytes + grown) {
            return;
        }
        let row = self
            .rows
            .entry((edition.experiment, key.clone()))
            .or_insert_with(|| Segment {
                things: Vec::new(),
                bytes: 0,
                used: 0,
            });
        row.used = self.searches;
        row.bytes += grown;
        let revision = edition.revision;
        self.bytes += bytes + grown;
        self.bytes -= row.put(place, Entry { revision, bytes, thing });
    }

    /// Drops rows until so many bytes fit, but none that this search used; whether they fit.
    fn make_room(&mut self, bytes: usize) -> bool {
        if bytes > self.bytes_max {
            return false;
        }
        while self.bytes + bytes > self.bytes_max {
            let longest_unused = self.rows.iter().min_by_key(|(_, row)| row.used);
            let Some((key, _)) = longest_unused.filter(|(_, row)| row.used < self.searches) else {
                return false;
            };
            let key = key.clone();
            self.bytes -= self.rows.remove(&key).map_or(0, |row| row.bytes);
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
        Begin,
        Look(u64, u64, u8),
        Keep(u64, u64, u8, u32, usize),
    }

    fn step() -> impl Strategy<Value = Action> {
        prop_oneof![
            Just(Action::Begin),
            (0..3_u64, 0..2_u64, 0..3_u8).prop_map(|(e, r, k)| Action::Look(e, r, k)),
            (0..3_u64, 0..2_u64, 0..3_u8, 0..4_u32, 1..90_usize)
                .prop_map(|(e, r, k, n, b)| Action::Keep(e, r, k, n, b)),
        ]
    }

    /// Experiment, revision, key, number, bytes.
    type Label = (u64, u64, u8, u32, usize);

    fn edition(experiment: u64, revision: u64) -> BlockRevision {
        let experiment = ExperimentId(experiment);
        BlockRevision { experiment, revision }
    }

    proptest! {
        #[test]
        fn it_never_tells_of_another_revision_and_never_grows_too_large(steps in prop::collection::vec(step(), 0..60)) {
            // A thing says of itself what it is.
            let mut shelf: RevisionCache<u8, Label> = RevisionCache::new(ROOM);
            for step in steps {
                match step {
                    Action::Begin => shelf.begin(),
                    Action::Look(experiment, revision, key) => {
                        let row = shelf.row(ExperimentId(experiment), &key);
                        for number in 0..5 {
                            let thing = row.and_then(|row| row.get(number, revision));
                            let expected = (experiment, revision, key, number);
                            prop_assert!(thing.is_none_or(|thing| (thing.0, thing.1, thing.2, thing.3) == expected));
                        }
                    }
                    Action::Keep(experiment, revision, key, number, bytes) => {
                        let thing = Rc::new((experiment, revision, key, number, bytes));
                        shelf.keep(edition(experiment, revision), &key, number, thing, bytes);
                    }
                }
                let things = shelf.rows.values().flat_map(|row| &row.things);
                let size = |thing: &Option<Entry<Label>>| size_of_val(thing) + thing.as_ref().map_or(0, |thing| thing.thing.4);
                let bytes: usize = things.map(size).sum();
                prop_assert_eq!(bytes, shelf.bytes);
                prop_assert!(bytes <= ROOM);
            }
        }
    }

    #[test]
    fn what_was_not_used_for_long_makes_room_and_what_is_used_stays() {
        let place = size_of::<Option<Entry<()>>>();
        let mut shelf = RevisionCache::new(3 * (8 * place + 1));
        let of = |shelf: &mut RevisionCache<_, _>, key| {
            let row = shelf.row(ExperimentId(0), &key);
            row.map_or(0, |row| row.things.iter().flatten().count())
        };
        for key in ["a", "b", "c"] {
            shelf.begin();
            shelf.keep(edition(0, 0), &key, 7, Rc::new(()), 1);
        }
        shelf.begin();
        assert_eq!(of(&mut shelf, "a"), 1);
        shelf.keep(edition(0, 0), &"d", 0, Rc::new(()), 9 * place);
        assert_eq!(["a", "b", "c", "d"].map(|key| of(&mut shelf, key)), [1, 0, 0, 1]);
        shelf.keep(edition(0, 0), &"e", 0, Rc::new(()), 9 * place);
        assert_eq!(["a", "d", "e"].map(|key| of(&mut shelf, key)), [1, 1, 0]);
    }
}
