//! Value ranges implied by a cursor and a threshold. Rows outside the range are skipped before their sort key
//! is built.

use std::ops::RangeInclusive;

use super::order::{Order, VALUE};
use super::schema::ValueType;

/// The range of an order's first value between two sort keys.
#[derive(Clone, Copy, Debug)]
pub enum Bounds {
    /// The range of an order by floats.
    Floats(Between<f64>),
    /// The range of an order by integers.
    Integers(Between<i64>),
}

/// A closed range of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Between<T> {
    low: T,
    high: T,
    /// True if the bounds include NaN and absent values. Both come after all numbers.
    pub others: bool,
}

impl<T: PartialOrd + Copy> Between<T> {
    /// True if a number is within the bounds.
    pub fn admits(&self, value: T) -> bool {
        let is_nan = value.partial_cmp(&value).is_none();
        (self.low <= value && value <= self.high) || (self.others && is_nan)
    }

    /// True if the range has a number within the bounds.
    pub fn meets(&self, range: &RangeInclusive<T>) -> bool {
        self.low <= *range.end() && *range.start() <= self.high
    }
}

impl<A> Order<A> {
    /// The bounds of the first value of items that come neither before `first` nor after `last`, which are
    /// prefixes of sort keys. `None`: no value is excluded.
    pub fn bounds(&self, first: Option<&[u8]>, last: Option<&[u8]>) -> Option<Bounds> {
        let term = self.terms().first()?;
        let number = |key| first_number(key, term.descending);
        let [first, last] = [first.and_then(number), last.and_then(number)];
        let others = last.is_none();
        let (low, high) = if term.descending { (last, first) } else { (first, last) };
        low.or(high)?;
        match term.values {
            ValueType::Float => Some(Bounds::Floats(Between {
                low: low.map_or(f64::NEG_INFINITY, read_float),
                high: high.map_or(f64::INFINITY, read_float),
                others,
            })),
            ValueType::Integer => Some(Bounds::Integers(Between {
                low: low.map_or(i64::MIN, read_integer),
                high: high.map_or(i64::MAX, read_integer),
                others,
            })),
            _ => None,
        }
    }
}

/// The bits of the number at the beginning of a key, in an encoding that keeps the order of numbers.
fn first_number(key: &[u8], descending: bool) -> Option<u64> {
    let (kind, rest) = key.split_first()?;
    let bits = u64::from_be_bytes(*rest.first_chunk()?);
    (*kind == VALUE).then_some(if descending { !bits } else { bits })
}

fn read_float(bits: u64) -> f64 {
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

fn read_integer(bits: u64) -> i64 {
    (bits ^ 1 << 63).cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::search::filter::Field;
    use crate::search::order::{SortKey, Term};
    use crate::search::runs::RunAttribute;
    use crate::search::schema::Subject;

    fn order(values: ValueType, descending: bool) -> Order<RunAttribute> {
        let subject = Subject::Tag(String::new());
        Order::new(vec![Term {
            subject,
            values,
            descending,
        }])
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            (-3_i32..4).prop_map(f64::from),
            Just(-0.0),
            Just(f64::NAN),
            Just(f64::MIN),
            Just(f64::MAX)
        ]
    }

    /// Checks that the bounds of two keys admit a third one exactly if it lies between them.
    fn check_bounds(
        order: &Order<RunAttribute>,
        [first, between, last]: &[SortKey; 3],
        admits: impl Fn(Bounds) -> bool,
    ) -> std::result::Result<(), TestCaseError> {
        for (first, last) in [
            (Some(first), Some(last)),
            (Some(first), None),
            (None, Some(last)),
            (None, None),
        ] {
            let bounds = order.bounds(first.map(SortKey::bytes), last.map(SortKey::bytes));
            // A key that begins with NaN implies no bound.
            let is_number = |key: &&SortKey| key.bytes().first() == Some(&VALUE);
            let [first, last] = [first.filter(is_number), last.filter(is_number)];
            let expected = first.is_none_or(|first| first <= between) && last.is_none_or(|last| between <= last);
            prop_assert_eq!(bounds.is_none_or(&admits), expected);
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn a_range_meets_bounds_that_admit_one_of_its_numbers(ends in prop::array::uniform4(-3_i32..4), value in -3_i32..4) {
            let [low, high, start, end] = ends.map(f64::from);
            let (range, value) = (start..=end, f64::from(value));
            let between = Between { low, high, others: false };
            let is_there = between.admits(value) && range.contains(&value);
            prop_assert!(!is_there || between.meets(&range));
            // A range that lies outside the bounds does not meet them.
            prop_assert!(!(between.meets(&range) && (end < low || high < start)));
        }

        #[test]
        fn bounds_admit_exactly_the_values_between_two_keys(floats in prop::array::uniform3(number()), integers in prop::array::uniform3(-3_i64..4), descending in any::<bool>()) {
            let [by_float, by_integer] = [ValueType::Float, ValueType::Integer].map(|values| order(values, descending));
            let keys = floats.map(|value| by_float.key_of(|_| Field::Float(value)));
            check_bounds(&by_float, &keys, |bounds| match bounds {
                Bounds::Floats(between) => between.admits(floats[1]),
                Bounds::Integers(_) => false,
            })?;
            let keys = integers.map(|value| by_integer.key_of(|_| Field::Integer(value)));
            check_bounds(&by_integer, &keys, |bounds| match bounds {
                Bounds::Integers(between) => between.admits(integers[1]),
                Bounds::Floats(_) => false,
            })?;
        }
    }
}
