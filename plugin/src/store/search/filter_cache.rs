//! Cache of filter results: for each filter and block the bitmap of matching rows. The next page of the same
//! search reuses it.

use std::cell::RefCell;
use std::rc::Rc;

use crate::search::filter::{Filter, Predicate};
use crate::search::runs::RunAttribute;
use crate::store::columnar::cache::BlockRevision;
use crate::store::columnar::instance_cache::{self, FilterResult};

/// Largest number of filters with cached results.
const FILTERS_MAX: usize = 32;
/// Largest number of clauses, and of bytes of texts, of a filter with cached results.
const CLAUSES_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 1_000;

thread_local! {
    static KNOWN: RefCell<KnownFilters> = const { RefCell::new(KnownFilters::new()) };
}

/// Filters whose results are cached.
struct KnownFilters {
    /// Each filter with its number, in the order of their last use.
    filters: Vec<(u32, Filter<RunAttribute>)>,
    numbers: u32,
}

/// Begins a search. Returns the number of its filter; `None`: its results are not cached.
pub(super) fn begin_query(filter: &Filter<RunAttribute>) -> Option<u32> {
    instance_cache::with(|cache| cache.filter_results.begin_query());
    KNOWN.with_borrow_mut(|known| known.number(filter))
}

/// Returns the cached result of a filter for a block.
pub(super) fn get(revision: BlockRevision, block: u32, filter: u32) -> Option<FilterResult> {
    instance_cache::with(|cache| {
        let segment = cache.filter_results.segment(revision.experiment, &filter)?;
        segment.get(block, revision.revision).map(|result| **result)
    })
}

/// Caches the result of a filter for a block.
pub(super) fn insert(revision: BlockRevision, block: u32, filter: u32, result: FilterResult) {
    let bytes = size_of::<FilterResult>();
    instance_cache::with(|cache| {
        cache
            .filter_results
            .insert(revision, &filter, block, Rc::new(result), bytes)
    });
}

impl KnownFilters {
    const fn new() -> Self {
        KnownFilters {
            filters: Vec::new(),
            numbers: 0,
        }
    }

    /// Returns the number of a filter; a number is never reused. `None`: the filter's results are not cached.
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
        Predicate::Matches(regex) => regex.text().len(),
        Predicate::Float(..) | Predicate::Integer(..) | Predicate::Absent | Predicate::Present => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::ExperimentId;
    use crate::store::columnar::slot_bitmap::SlotBitmap;

    fn number(filter: &str) -> Option<u32> {
        begin_query(&Filter::parse(filter).unwrap())
    }

    #[test]
    fn equal_filters_share_cached_results_until_the_revision_changes() {
        let known = number("params.p = 'x' AND metrics.m > 1").unwrap();
        let other = number("params.p = 'x'").unwrap();
        assert_eq!(number("params.p = \"x\" and metrics.m > 1.0"), Some(known));
        let revision = |revision| BlockRevision {
            experiment: ExperimentId(1),
            revision,
        };
        let result = FilterResult {
            matched: SlotBitmap::prefix(3),
            undecided: SlotBitmap::default(),
        };
        insert(revision(1), 7, known, result);
        assert_eq!(get(revision(1), 7, known), Some(result));
        assert_eq!(get(revision(1), 7, other), None);
        assert_eq!(get(revision(1), 8, known), None);
        assert_eq!(get(revision(2), 7, known), None);
    }

    #[test]
    fn the_number_of_cached_filters_is_bounded_and_long_or_empty_ones_are_not_cached() {
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
