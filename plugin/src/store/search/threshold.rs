//! A bound on the last key of the first page, from min/max values alone. Every minimum is some run's value,
//! so the k-th smallest minimum bounds the k-th smallest value.

use super::block_reader::RowGroup;
use crate::store::columnar::block::Block;
use crate::store::columnar::slot_bitmap::{SlotBitmap, WORD_SLOTS};

/// Returns the first number in the order for each whole word of a column's slots. Empty if some slot in use
/// is not shown.
pub(super) fn block_bounds(
    rows: &RowGroup<'_>,
    column: usize,
    used: u16,
    shown: &SlotBitmap,
    descending: bool,
) -> Vec<f64> {
    let ranges = rows.column(column).and_then(Block::float_ranges).unwrap_or_default();
    if *shown != SlotBitmap::prefix(used) {
        return Vec::new();
    }
    let whole = usize::from(used) / WORD_SLOTS;
    let block_bounds = ranges.iter().take(whole);
    let block_bounds = block_bounds.map(|range| if descending { *range.end() } else { *range.start() });
    // A word with a NaN has no finite range.
    block_bounds.filter(|number| number.is_finite()).collect()
}

/// Returns the last number that a page of `count` may need, given the first numbers of words of matching
/// runs. `None`: there are not more than `count` of them.
pub(super) fn top_k_threshold(mut block_bounds: Vec<f64>, count: usize, descending: bool) -> Option<f64> {
    if block_bounds.len() <= count {
        return None;
    }
    let (_, last, _) =
        block_bounds.select_nth_unstable_by(count, |a, b| if descending { b.total_cmp(a) } else { a.total_cmp(b) });
    Some(*last)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;
    use crate::store::columnar::block_builder::{BlockBuilder, ColumnType};

    fn column(numbers: &[f64]) -> [Rc<Block>; 1] {
        let mut draft = BlockBuilder::read(&[]).unwrap();
        for (slot, number) in numbers.iter().enumerate() {
            draft.set(slot, Some(&number.to_le_bytes()));
        }
        [Rc::new(Block::read(&draft.write(ColumnType::Numbers)).unwrap())]
    }

    proptest! {
        #[test]
        fn more_runs_than_a_page_has_come_no_later_than_the_threshold(
            numbers in prop::collection::vec(prop_oneof![(-50_i32..50).prop_map(f64::from), Just(f64::NAN)], 64..512),
            hidden in 0_u16..70, beyond in 0_usize..70, count in 0_usize..7, descending in any::<bool>(),
        ) {
            let columns = column(&numbers);
            let used = u16::try_from(numbers.len().saturating_sub(beyond)).unwrap();
            // Usually all are shown.
            let shown = SlotBitmap::prefix(used.saturating_sub(hidden.saturating_sub(60)));
            let block_bounds = block_bounds(&RowGroup::new(&columns), 0, used, &shown, descending);
            if let Some(last) = top_k_threshold(block_bounds, count, descending) {
                let is_there = |number: &&f64| if descending { **number >= last } else { **number <= last };
                let there = shown.iter().filter_map(|slot| numbers.get(usize::from(slot)));
                prop_assert!(there.filter(is_there).count() > count);
            }
        }
    }

    #[test]
    fn the_threshold_is_the_first_number_of_a_word() {
        let numbers: Vec<f64> = (0..256).map(f64::from).collect();
        let columns = column(&numbers);
        let last = |count, descending| {
            let block_bounds = block_bounds(&RowGroup::new(&columns), 0, 256, &SlotBitmap::prefix(256), descending);
            top_k_threshold(block_bounds, count, descending)
        };
        assert_eq!(
            [last(0, false), last(2, false), last(4, false)],
            [Some(0.0), Some(128.0), None]
        );
        assert_eq!([last(0, true), last(2, true)], [Some(255.0), Some(127.0)]);
    }
}
