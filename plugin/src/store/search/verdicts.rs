//! What clauses said of packed runs, kept for the next search that has the same: mostly that of the next page, or of somebody who
//! looks again. Runs that were not looked at are not decided, and are asked when a search comes to them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::search::filter::{Clause, Test};
use crate::search::runs::RunAttribute;
use crate::store::shelf::{Edition, Shelf};
use crate::store::slots::Slots;

/// Bytes of verdicts that an instance keeps: those of ten clauses on 100,000 runs.
const KEPT_BYTES_MAX: usize = 512 << 10;
/// Clauses that are known again, at most.
const CLAUSES_MAX: usize = 32;
/// A clause whose texts are longer altogether is not kept.
const CLAUSE_BYTES_MAX: usize = 1_000;

thread_local! {
    static KEPT: RefCell<Kept> = const { RefCell::new(Kept::new()) };
}

/// What a clause says of the runs of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdicts {
    /// Those that were asked for.
    pub(super) decided: Slots,
    /// Of these, those for which it holds.
    pub(super) hold: Slots,
    /// Of these, those of which only the run itself tells.
    pub(super) unsure: Slots,
}

struct Kept {
    /// Each with its number; the one that was asked for last comes last.
    clauses: Vec<(u32, Clause<RunAttribute>)>,
    numbers: u32,
    verdicts: Shelf<u32, Cell<Verdicts>>,
}

/// A search begins: the number of each of its clauses; none for one of which nothing is kept.
pub(super) fn begin<'a>(clauses: impl Iterator<Item = &'a Clause<RunAttribute>>) -> Vec<Option<u32>> {
    KEPT.with_borrow_mut(|kept| {
        kept.verdicts.begin();
        clauses.map(|clause| kept.number(clause)).collect()
    })
}

/// What a clause said of the runs of a block; nothing yet, if it was not asked.
pub(super) fn of(edition: Edition, block: u32, clause: u32) -> Rc<Cell<Verdicts>> {
    KEPT.with_borrow_mut(|kept| {
        let row = kept.verdicts.row(edition.experiment, &clause);
        if let Some(known) = row.and_then(|row| row.get(block, edition.revision)) {
            return Rc::clone(known);
        }
        let new = Rc::<Cell<Verdicts>>::default();
        let bytes = size_of::<Cell<Verdicts>>();
        kept.verdicts.keep(edition, &clause, block, Rc::clone(&new), bytes);
        new
    })
}

impl Kept {
    const fn new() -> Self {
        Kept {
            clauses: Vec::new(),
            numbers: 0,
            verdicts: Shelf::new(KEPT_BYTES_MAX),
        }
    }

    /// The number by which a clause is known; a number is never given twice.
    fn number(&mut self, clause: &Clause<RunAttribute>) -> Option<u32> {
        if let Some(place) = self.clauses.iter().position(|(_, known)| known == clause) {
            let known = self.clauses.remove(place);
            let number = known.0;
            self.clauses.push(known);
            return Some(number);
        }
        if text_bytes(&clause.test) > CLAUSE_BYTES_MAX {
            return None;
        }
        let number = self.numbers;
        self.numbers = number.checked_add(1)?;
        if self.clauses.len() == CLAUSES_MAX {
            self.clauses.remove(0);
        }
        self.clauses.push((number, clause.clone()));
        Some(number)
    }
}

fn text_bytes(test: &Test) -> usize {
    match test {
        Test::Text { among, .. } => among.iter().map(String::len).sum(),
        Test::Like(pattern) => pattern.text().len(),
        Test::Id { among, .. } => size_of_val(among) * among.len(),
        Test::Float(..) | Test::Integer(..) | Test::Absent | Test::Present => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExperimentId;
    use crate::search::filter::Filter;

    fn numbers(filter: &str) -> Vec<Option<u32>> {
        let filter: Filter<RunAttribute> = Filter::parse(filter).unwrap();
        begin(filter.clauses.iter())
    }

    #[test]
    fn equal_clauses_share_what_is_known_until_the_runs_change() {
        let [known, other] = numbers("params.p = 'x' AND params.p = 'y'")[..] else {
            unreachable!("two clauses");
        };
        assert_ne!(known, other);
        assert_eq!(numbers("metrics.m > 1 and params.p = 'x'")[1], known);
        let edition = |revision| Edition {
            experiment: ExperimentId(1),
            revision,
        };
        let decided = Verdicts {
            decided: Slots::first(3),
            ..Verdicts::default()
        };
        of(edition(1), 7, known.unwrap()).set(decided);
        assert_eq!(of(edition(1), 7, known.unwrap()).get(), decided);
        assert_eq!(of(edition(1), 7, other.unwrap()).get(), Verdicts::default());
        assert_eq!(of(edition(1), 8, known.unwrap()).get(), Verdicts::default());
        assert_eq!(of(edition(2), 7, known.unwrap()).get(), Verdicts::default());
    }

    #[test]
    fn few_clauses_are_known_and_none_that_is_long() {
        let first = numbers("tags.t LIKE 'x%'")[0];
        for index in 0..CLAUSES_MAX {
            numbers(&format!("metrics.m > {index}"));
        }
        assert!(numbers("tags.t LIKE 'x%'")[0] > first);
        let long = "x".repeat(CLAUSE_BYTES_MAX);
        assert_eq!(numbers(&format!("tags.t LIKE '{long}%'")), [None]);
    }
}
