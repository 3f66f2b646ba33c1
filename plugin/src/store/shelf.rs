//! What an instance has read of packed runs, kept for its next search.
//!
//! The host lends an instance to one project for ever, and mostly asks it again. What is packed of an experiment changes only
//! together with the revision of its zones, which each search reads anew: so what was read at a revision is right for as long
//! as the revision is the same, whoever changed what, and wherever.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::domain::id::ExperimentId;

/// What is packed of an experiment, as it was at a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edition {
    /// The experiment.
    pub experiment: ExperimentId,
    /// That of its zones.
    pub revision: u64,
}

/// Rows of things that were read: one for each key of an experiment. Those that were not used for the longest time make room.
#[derive(Debug)]
pub struct Shelf<K, T> {
    experiments: BTreeMap<ExperimentId, Kept<K, T>>,
    bytes: usize,
    bytes_max: usize,
    searches: u64,
}

#[derive(Debug)]
struct Kept<K, T> {
    revision: u64,
    rows: BTreeMap<K, Row<T>>,
}

/// Things by number; what was not read is not here.
#[derive(Debug)]
struct Row<T> {
    things: Vec<Option<Rc<T>>>,
    bytes: usize,
    /// The last search that used it.
    used: u64,
}

impl<K: Ord + Clone, T> Shelf<K, T> {
    /// An empty one for so many bytes.
    pub const fn new(bytes_max: usize) -> Self {
        Shelf {
            experiments: BTreeMap::new(),
            bytes: 0,
            bytes_max,
            searches: 0,
        }
    }

    /// Another search begins: what it uses stays until it ends.
    pub fn begin(&mut self) {
        self.searches += 1;
    }

    /// The things of a row, as far as they are here. Those of another revision are dropped.
    pub fn row(&mut self, edition: Edition, key: &K) -> &[Option<Rc<T>>] {
        self.drop_others(edition);
        let kept = self.experiments.get_mut(&edition.experiment);
        match kept.and_then(|kept| kept.rows.get_mut(key)) {
            Some(row) => {
                row.used = self.searches;
                &row.things
            }
            None => &[],
        }
    }

    /// Keeps a thing of this many bytes, if there is room.
    pub fn keep(&mut self, edition: Edition, key: &K, number: u32, thing: Rc<T>, bytes: usize) {
        self.drop_others(edition);
        let (Ok(place), true) = (usize::try_from(number), self.make_room(bytes)) else {
            return;
        };
        let kept = self.experiments.entry(edition.experiment).or_insert_with(|| Kept {
            revision: edition.revision,
            rows: BTreeMap::new(),
        });
        let row = kept.rows.entry(key.clone()).or_insert_with(|| Row {
            things: Vec::new(),
            bytes: 0,
            used: 0,
        });
        if row.things.len() <= place {
            row.things.resize_with(place + 1, || None);
        }
        if let Some(empty) = row.things.get_mut(place).filter(|thing| thing.is_none()) {
            *empty = Some(thing);
            row.bytes += bytes;
            self.bytes += bytes;
        }
        row.used = self.searches;
    }

    /// Drops what is of the experiment at another revision.
    fn drop_others(&mut self, edition: Edition) {
        let kept = self.experiments.get(&edition.experiment);
        if kept.is_some_and(|kept| kept.revision != edition.revision)
            && let Some(old) = self.experiments.remove(&edition.experiment)
        {
            self.bytes -= old.rows.values().map(|row| row.bytes).sum::<usize>();
        }
    }

    /// Drops rows until so many bytes fit, but none that this search used; whether they fit.
    fn make_room(&mut self, bytes: usize) -> bool {
        while self.bytes + bytes > self.bytes_max {
            let rows = self
                .experiments
                .iter()
                .flat_map(|(experiment, kept)| kept.rows.iter().map(move |(key, row)| (row.used, *experiment, key)));
            let Some((used, experiment, key)) = rows.min() else {
                return false;
            };
            if used == self.searches {
                return false;
            }
            let key = key.clone();
            self.drop_row(experiment, &key);
        }
        true
    }

    fn drop_row(&mut self, experiment: ExperimentId, key: &K) {
        if let Some(kept) = self.experiments.get_mut(&experiment) {
            self.bytes -= kept.rows.remove(key).map_or(0, |row| row.bytes);
            if kept.rows.is_empty() {
                self.experiments.remove(&experiment);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ROOM: usize = 20;

    #[derive(Clone, Debug)]
    enum Step {
        Begin,
        Look(u64, u64, u8),
        Keep(u64, u64, u8, u32, usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            Just(Step::Begin),
            (0..3_u64, 0..2_u64, 0..3_u8).prop_map(|(e, r, k)| Step::Look(e, r, k)),
            (0..3_u64, 0..2_u64, 0..3_u8, 0..4_u32, 1..9_usize).prop_map(|(e, r, k, n, b)| Step::Keep(e, r, k, n, b)),
        ]
    }

    fn edition(experiment: u64, revision: u64) -> Edition {
        let experiment = ExperimentId(experiment);
        Edition { experiment, revision }
    }

    proptest! {
        #[test]
        fn it_never_tells_of_another_revision_and_never_grows_too_large(steps in prop::collection::vec(step(), 0..60)) {
            // A thing says of itself what it is.
            let mut shelf: Shelf<u8, (u64, u64, u8, u32, usize)> = Shelf::new(ROOM);
            for step in steps {
                match step {
                    Step::Begin => shelf.begin(),
                    Step::Look(experiment, revision, key) => {
                        for (number, thing) in (0..).zip(shelf.row(edition(experiment, revision), &key)) {
                            if let Some(thing) = thing {
                                prop_assert_eq!((thing.0, thing.1, thing.2, thing.3), (experiment, revision, key, number));
                            }
                        }
                    }
                    Step::Keep(experiment, revision, key, number, bytes) => {
                        let thing = Rc::new((experiment, revision, key, number, bytes));
                        shelf.keep(edition(experiment, revision), &key, number, thing, bytes);
                    }
                }
                let rows = shelf.experiments.values().flat_map(|kept| kept.rows.values());
                let things = rows.flat_map(|row| row.things.iter().flatten());
                let bytes: usize = things.map(|thing| thing.4).sum();
                prop_assert_eq!(bytes, shelf.bytes);
                prop_assert!(bytes <= ROOM);
            }
        }
    }

    #[test]
    fn what_was_not_used_for_long_makes_room_and_what_is_used_stays() {
        let mut shelf = Shelf::new(3);
        let of = |shelf: &mut Shelf<_, _>, key| shelf.row(edition(0, 0), &key).iter().flatten().count();
        for key in ["a", "b", "c"] {
            shelf.begin();
            shelf.keep(edition(0, 0), &key, 7, Rc::new(()), 1);
        }
        shelf.begin();
        assert_eq!(of(&mut shelf, "a"), 1);
        shelf.keep(edition(0, 0), &"d", 0, Rc::new(()), 2);
        assert_eq!(["a", "b", "c", "d"].map(|key| of(&mut shelf, key)), [1, 0, 0, 1]);
        shelf.keep(edition(0, 0), &"e", 0, Rc::new(()), 1);
        assert_eq!(["a", "d", "e"].map(|key| of(&mut shelf, key)), [1, 1, 0]);
    }
}
