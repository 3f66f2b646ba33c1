//! Which runs of a block a search leaves, as far as the block's columns tell.

use super::blocks::{Source, Table};
use crate::search::filter::{Field, Test};
use crate::search::language::Relation;
use crate::search::order::Bounds;
use crate::store::block::Block;
use crate::store::slots::Slots;

/// Slots of a block that are still in question.
pub(super) struct Sieve<'t, 'a> {
    table: &'t Table<'a>,
    /// Those that have passed all tests.
    pub(super) passed: Slots,
    /// Those of which only the run itself tells whether they pass.
    pub(super) unknown: Slots,
}

impl<'t, 'a> Sieve<'t, 'a> {
    /// Before any test.
    pub(super) fn new(table: &'t Table<'a>, slots: Slots) -> Self {
        Sieve {
            table,
            passed: slots,
            unknown: Slots::default(),
        }
    }

    /// Keeps the slots for which a test holds.
    pub(super) fn test(&mut self, test: &Test, source: Source) {
        match (source, test) {
            (Source::Float(column), Test::Float(relation, bound)) => self.compare(column, *relation, *bound),
            (Source::Text(column) | Source::TextOrRun(column), _) => self.test_texts(column, test, source),
            _ => {
                let (table, unknown) = (self.table, &mut self.unknown);
                self.passed.retain(|slot| {
                    let verdict = table.field(source, slot).map(|field| test.holds(&field));
                    note(verdict, slot, unknown)
                });
            }
        }
    }

    /// Keeps the slots whose number is within bounds.
    pub(super) fn bound(&mut self, bounds: Bounds, source: Source) {
        match (source, bounds) {
            (Source::Float(column), Bounds::Floats(between)) => {
                self.keep_floats(column, |value| between.admits(value), between.others);
            }
            (Source::Integer(column), Bounds::Integers(between)) => {
                let admits = |bits: &[u8; 8]| between.admits(i64::from_le_bytes(*bits));
                self.keep_numbers(column, admits, between.others);
            }
            _ => {}
        }
    }

    /// A loop of its own for each relation: none is chosen inside.
    fn compare(&mut self, column: usize, relation: Relation, bound: f64) {
        match relation {
            Relation::Equal => self.keep_floats(column, |value| value == bound, false),
            Relation::NotEqual => self.keep_floats(column, |value| value != bound, false),
            Relation::Less => self.keep_floats(column, |value| value < bound, false),
            Relation::LessOrEqual => self.keep_floats(column, |value| value <= bound, false),
            Relation::Greater => self.keep_floats(column, |value| value > bound, false),
            Relation::GreaterOrEqual => self.keep_floats(column, |value| value >= bound, false),
        }
    }

    fn keep_floats(&mut self, column: usize, keep: impl Fn(f64) -> bool, absent: bool) {
        self.keep_numbers(column, |bits| keep(f64::from_le_bytes(*bits)), absent);
    }

    fn keep_numbers(&mut self, column: usize, keep: impl Fn(&[u8; 8]) -> bool, absent: bool) {
        let block = self.table.column(column);
        match block.and_then(Block::dense) {
            Some(numbers) => self.passed.retain_by(numbers, keep, absent),
            None => self.passed.retain(|slot| {
                let number = block.and_then(|block| block.number(slot));
                number.map_or(absent, |bits| keep(&bits))
            }),
        }
    }

    /// Of equal words one is looked at.
    fn test_texts(&mut self, column: usize, test: &Test, source: Source) {
        let Some(block) = self.table.column(column) else { return };
        let verdict = |slot| source.text(block.get(slot)).map(|field: Field<'_>| test.holds(&field));
        let mut verdicts = [None; 256];
        let unknown = &mut self.unknown;
        self.passed.retain(|slot| {
            let seen = block.word(slot).and_then(|word| verdicts.get_mut(usize::from(word)));
            let verdict = match seen {
                Some(seen) => *seen.get_or_insert_with(|| verdict(slot)),
                None => verdict(slot),
            };
            note(verdict, slot, unknown)
        });
    }
}

/// Whether a slot stays; one without a verdict is put aside.
fn note(verdict: Option<bool>, slot: u16, unknown: &mut Slots) -> bool {
    if verdict.is_none() {
        unknown.insert(slot);
    }
    verdict == Some(true)
}
