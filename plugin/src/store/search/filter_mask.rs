//! Evaluates a filter on one block, column by column, into two bitmaps: rows that match, and rows that only
//! their full record can decide.

use super::block_reader::{RowGroup, ValueSource};
use crate::search::bounds::Bounds;
use crate::search::filter::Predicate;
use crate::search::schema::Relation;
use crate::store::columnar::block::{Block, Value};
use crate::store::columnar::slot_bitmap::SlotBitmap;

/// The slots of a block on which a filter decides.
pub(super) struct FilterMask<'t, 'a> {
    rows: &'t RowGroup<'a>,
    /// The slots that have passed all tests.
    pub(super) matched: SlotBitmap,
    /// The slots that only the run's own records can decide.
    pub(super) undecided: SlotBitmap,
}

impl<'t, 'a> FilterMask<'t, 'a> {
    /// Begins before any test.
    pub(super) fn new(rows: &'t RowGroup<'a>, slots: SlotBitmap) -> Self {
        FilterMask {
            rows,
            matched: slots,
            undecided: SlotBitmap::default(),
        }
    }

    /// Keeps the slots that pass a test.
    pub(super) fn test(&mut self, test: &Predicate, source: ValueSource) {
        match (source, test) {
            (ValueSource::Float(column), Predicate::Float(relation, restrict)) => {
                self.compare(column, *relation, *restrict)
            }
            (ValueSource::Text(column) | ValueSource::TextOrRun(column), _) => self.test_texts(column, test, source),
            _ => {
                let (rows, undecided) = (self.rows, &mut self.undecided);
                self.matched.retain(|slot| {
                    let outcome = rows.field(source, slot).map(|field| test.holds(&field));
                    record(outcome, slot, undecided)
                });
            }
        }
    }

    /// Keeps the slots whose number is within bounds.
    pub(super) fn restrict(&mut self, bounds: Bounds, source: ValueSource) {
        match (source, bounds) {
            (ValueSource::Float(column), Bounds::Floats(between)) => {
                let ranges = self.rows.column(column).and_then(Block::float_ranges);
                if let Some(ranges) = ranges.filter(|_| !between.others) {
                    let meets = |word: usize| ranges.get(word).is_some_and(|range| between.meets(range));
                    self.matched.retain_words(meets);
                }
                self.keep_floats(column, |value| between.admits(value), between.others);
            }
            (ValueSource::Integer(column), Bounds::Integers(between)) => {
                let admits = |bits: &[u8; 8]| between.admits(i64::from_le_bytes(*bits));
                self.keep_numbers(column, admits, between.others);
            }
            _ => {}
        }
    }

    /// Each relation has a loop of its own, so that none is chosen inside the loop.
    fn compare(&mut self, column: usize, relation: Relation, restrict: f64) {
        match relation {
            Relation::Equal => self.keep_floats(column, |value| value == restrict, false),
            Relation::NotEqual => self.keep_floats(column, |value| value != restrict, false),
            Relation::Less => self.keep_floats(column, |value| value < restrict, false),
            Relation::LessOrEqual => self.keep_floats(column, |value| value <= restrict, false),
            Relation::Greater => self.keep_floats(column, |value| value > restrict, false),
            Relation::GreaterOrEqual => self.keep_floats(column, |value| value >= restrict, false),
        }
    }

    fn keep_floats(&mut self, column: usize, keep: impl Fn(f64) -> bool, absent: bool) {
        self.keep_numbers(column, |bits| keep(f64::from_le_bytes(*bits)), absent);
    }

    fn keep_numbers(&mut self, column: usize, keep: impl Fn(&[u8; 8]) -> bool, absent: bool) {
        let block = self.rows.column(column);
        match block.and_then(Block::dense) {
            Some(numbers) => self.matched.retain_by(numbers, keep, absent),
            None => self.matched.retain(|slot| {
                let number = block.and_then(|block| block.number(slot));
                number.map_or(absent, |bits| keep(&bits))
            }),
        }
    }

    fn test_texts(&mut self, column: usize, test: &Predicate, source: ValueSource) {
        let block = self.rows.column(column);
        let outcome = |value| source.text(value).map(|field| test.holds(&field));
        if let Some((codes, words)) = block.and_then(Block::dense_dictionary) {
            return self.test_words(codes, words.map(outcome), outcome(Value::Absent));
        }
        let undecided = &mut self.undecided;
        let value = |slot| block.map_or(Value::Absent, |block| block.get(slot));
        self.matched
            .retain(|slot| record(outcome(value(slot)), slot, undecided));
    }

    /// Applies a test to a dictionary: the result for a word decides for all slots that hold it.
    fn test_words(&mut self, codes: &[u8], words: impl Iterator<Item = FilterOutcome>, absent: FilterOutcome) {
        let (mut holds, mut is_unsure) = ([false; 256], [false; 256]);
        for ((holds, is_unsure), outcome) in holds.iter_mut().zip(&mut is_unsure).zip(words) {
            (*holds, *is_unsure) = (outcome == Some(true), outcome.is_none());
        }
        let of_code = |rows: &[bool; 256], code: &u8| rows.get(usize::from(*code)).copied().unwrap_or(false);
        if absent.is_none() || is_unsure.contains(&true) {
            let mut undecided = self.matched;
            undecided.retain_by(codes, |code| of_code(&is_unsure, code), absent.is_none());
            undecided.iter().for_each(|slot| self.undecided.insert(slot));
        }
        self.matched
            .retain_by(codes, |code| of_code(&holds, code), absent == Some(true));
    }
}

/// The result of a test. `None`: only the run's own records can decide it.
type FilterOutcome = Option<bool>;

/// True if a slot stays. A slot without a result is added to the undecided ones.
fn record(outcome: FilterOutcome, slot: u16, undecided: &mut SlotBitmap) -> bool {
    if outcome.is_none() {
        undecided.insert(slot);
    }
    outcome == Some(true)
}

/// Returns the rank of a test: cheap and selective ones come first.
pub(super) fn cost(test: &Predicate) -> u8 {
    match test {
        Predicate::Text { wanted: true, .. } | Predicate::Absent => 0,
        Predicate::Float(..) | Predicate::Integer(..) | Predicate::Id { .. } | Predicate::Present => 1,
        Predicate::Matches(_) => 2,
        Predicate::Text { .. } => 2,
        Predicate::Like(_) => 3,
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;
    use crate::search::filter::Field;
    use crate::search::runs::RunOrder;
    use crate::store::columnar::block_builder::{BlockBuilder, ColumnType};

    /// Builds a block of texts, one of which is too long for it, or of numbers.
    fn block(kind: ColumnType, values: &[Option<u8>]) -> Rc<Block> {
        let mut draft = BlockBuilder::read(&[]).unwrap();
        for (slot, value) in values.iter().enumerate() {
            let value = value.map(|value| match kind {
                ColumnType::Numbers => number(value).to_le_bytes().to_vec(),
                ColumnType::Texts if value == 0 => vec![b'x'; 200],
                ColumnType::Texts => vec![b'a' + value],
            });
            draft.set(slot, value.as_deref());
        }
        Rc::new(Block::read(&draft.write(kind)).unwrap())
    }

    fn number(value: u8) -> f64 {
        if value == 0 { f64::NAN } else { f64::from(value) }
    }

    fn values() -> impl Strategy<Value = Vec<Option<u8>>> {
        let with_gaps = prop::collection::vec(prop::option::of(0_u8..6), 0..200);
        let dense = prop::collection::vec((0_u8..6).prop_map(Some), 0..200);
        prop_oneof![with_gaps, dense]
    }

    proptest! {
        #[test]
        fn exactly_the_numbers_within_bounds_are_kept(
            numbers in values(), ends in prop::array::uniform2(prop::option::of(1_u8..6)), descending in any::<bool>(),
        ) {
            let columns = [block(ColumnType::Numbers, &numbers)];
            let item = if descending { "metrics.m DESC" } else { "metrics.m" };
            let order = RunOrder::parse(&[item]).unwrap();
            let [first, last] = ends.map(|end| {
                let mut key = Vec::new();
                order.write_terms(&mut key, 0..1, |_| Some(Field::Float(number(end?)))).map(|()| key)
            });
            if let Some(Bounds::Floats(between)) = order.bounds(first.as_deref(), last.as_deref()) {
                let rows = RowGroup::new(&columns);
                let mut mask = FilterMask::new(&rows, SlotBitmap::prefix(200));
                mask.restrict(Bounds::Floats(between), ValueSource::Float(0));
                let value = |slot: u16| numbers.get(usize::from(slot)).copied().flatten();
                let is_within = |slot: &u16| value(*slot).map_or(between.others, |value| between.admits(number(value)));
                prop_assert!(mask.matched.iter().eq((0..200).filter(is_within)));
            }
        }
    }
}
