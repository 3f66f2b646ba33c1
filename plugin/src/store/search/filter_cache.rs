//! Cache of filter results: for each filter and block the bitmap of matching rows. The next page of the same search reuses it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::search::filter::{Filter, Predicate};
use crate::search::runs::RunAttribute;
use crate::store::columnar::cache::{BlockRevision, RevisionCache};
use crate::store::columnar::slot_bitmap::SlotBitmap;

/// Bytes of verdicts that an instance keeps: those of 16 filters on 100,000 runs.
const KEPT_BYTES_MAX: usize = 512 << 10;
/// Filters that are known again, at most.
const FILTERS_MAX: usize = 32;
/// A filter of more clauses, or one whose texts are longer altogether, is not kept.
const CLAUSES_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 1_000;

thread_local! {
    static KEPT: RefCell<FilterCache> = const { RefCell::new(FilterCache::new()) };
}

/// What a filter says of all runs of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FilterResult {
    /// Those for which it holds.
    pub(super) hold: SlotBitmap,
    /// Those of which only the run itself tells.
    pub(super) unsure: SlotBitmap,
}

struct FilterCache {
    /// Each with its number; the one that was asked for last comes last.
    filters: Vec<(u32, Filter<RunAttribute>)>,
    numbers: u32,
    verdicts: RevisionCache<u32, FilterResult>,
}

/// A search begins: the number of its filter; none for one of which nothing is kept.
pub(super) fn begin(filter: &Filter<RunAttribute>) -> Option<u32> {
    KEPT.with_borrow_mut(|kept| {
        kept.verdicts.begin();
        kept.number(filter)
    })
}

/// What a filter said of the runs of a block, if it was asked.
pub(super) fn of(edition: BlockRevision, block: u32, filter: u32) -> Option<FilterResult> {
    KEPT.with_borrow_mut(|kept| {
        let row = kept.verdicts.row(edition.experiment, &filter)?;
        row.get(block, edition.revision).map(|known| **known)
    })
}

/// Keeps what a filter says of the runs of a block.
pub(super) fn keep(edition: BlockRevision, block: u32, filter: u32, verdicts: FilterResult) {
    let bytes = size_of::<FilterResult>();
    KEPT.with_borrow_mut(|kept| kept.verdicts.keep(edition, &filter, block, Rc::new(verdicts), bytes));
}

impl FilterCache {
    const fn new() -> Self {
        FilterCache {
            filters: Vec::new(),
            numbers: 0,
            verdicts: RevisionCache::new(KEPT_BYTES_MAX),
        }
    }

    /// The number by which a filter is known; a number is never given twice.
    fn number(&mut self, filter: &Filter<RunAttribute>) -> Option<u32> {
        if let Some(place) = self.filters.iter().position(|(_, known)| known == filter) {
            let known = self.filters.remove(place);
            let number = known.0;
            self.filters.push(known);
            return Some(number);
        }
        let text_bytes: usize = filter.clauses.iter().map(|clause| text_bytes(&clause.test)).sum();
        if filter.is_empty() || filter.clauses.len() > CLAUSES_MAX || text_bytes > TEXT_BYTES_MAX {
            return None;
        }
        let number = self.numbers;
        self.numbers = number.checked_add(1)?;
        if self.filters.len() == FILTERS_MAX {
            self.filters.remove(0);
        }
        self.filters.push((number, filter.clone()));
        Some(number)
    }
}

fn text_bytes(test: &Predicate) -> usize {
    match test {
        Predicate::Text { among, .. } => among.iter().map(String::len).sum(),
        Predicate::Like(pattern) => pattern.text().len(),
        Predicate::Id { among, .. } => size_of_val(among) * among.len(),
        Predicate::Float(..) | Predicate::Integer(..) | Predicate::Absent | Predicate::Present => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExperimentId;

    fn number(filter: &str) -> Option<u32> {
        begin(&Filter::parse(filter).unwrap())
    }

    #[test]
    fn equal_filters_share_what_is_known_until_the_runs_change() {
        let known = number("params.p = 'x' AND metrics.m > 1").unwrap();
        let other = number("params.p = 'x'").unwrap();
        assert_eq!(number("params.p = \"x\" and metrics.m > 1.0"), Some(known));
        let edition = |revision| BlockRevision {
            experiment: ExperimentId(1),
            revision,
        };
        let verdicts = FilterResult {
            hold: SlotBitmap::first(3),
            unsure: SlotBitmap::default(),
        };
        keep(edition(1), 7, known, verdicts);
        assert_eq!(of(edition(1), 7, known), Some(verdicts));
        assert_eq!(of(edition(1), 7, other), None);
        assert_eq!(of(edition(1), 8, known), None);
        assert_eq!(of(edition(2), 7, known), None);
    }

    #[test]
    fn few_filters_are_known_and_none_that_is_long_or_empty() {
        let first = number("tags.t LIKE 'x%'");
        for index in 0..FILTERS_MAX {
            number(&format!("metrics.m > {index}"));
        }
        assert!(number("tags.t LIKE 'x%'") > first);
        let long = "x".repeat(TEXT_BYTES_MAX);
        assert_eq!(number(&format!("tags.t LIKE '{long}%'")), None);
        assert_eq!(number(&vec!["metrics.m > 1"; CLAUSES_MAX + 1].join(" and ")), None);
        assert_eq!(number(""), None);
    }
}
