//! Filters and how they are evaluated.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::like::Pattern;
use super::regex::Regex;
use super::schema::{Relation, Searched, Subject};

/// A filter. An item is found if every clause holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter<A> {
    /// The clauses. Without any, every item is found.
    pub clauses: Vec<Clause<A>>,
}

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause<A> {
    /// The left side: the value that is compared.
    pub subject: Subject<A>,
    /// The predicate for the value.
    pub test: Predicate,
}

/// A predicate on a value. Only `Absent` holds for an absent value.
#[derive(Clone, Debug, PartialEq)]
pub enum Predicate {
    /// A number in this relation to the given one. NaN is unequal to all, and in no other relation.
    Float(Relation, f64),
    /// An integer in this relation to the given number.
    Integer(Relation, Bound),
    /// A text that is, or is not, one of a set.
    Text {
        /// The texts.
        among: BTreeSet<String>,
        /// True if it must be one of them.
        wanted: bool,
    },
    /// An experiment's number that is, or is not, one of a set.
    Id {
        /// The numbers.
        among: BTreeSet<u64>,
        /// True if it must be one of them.
        wanted: bool,
    },
    /// A text that matches a pattern.
    Like(Pattern),
    /// A text in which a regular expression matches.
    Matches(Regex),
    /// An absent value.
    Absent,
    /// A value that is present.
    Present,
}

/// The number in a comparison with integers. The comparison is exact, also for fractions and for numbers
/// beyond 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The greatest integer that is not greater than the number.
    pub floor: i128,
    /// True if the number is that integer.
    pub whole: bool,
}

/// A value of a searched item.
#[derive(Clone, Debug, PartialEq)]
pub enum Field<'a> {
    /// No value.
    Absent,
    /// A text.
    Text(Cow<'a, str>),
    /// A finite number or NaN.
    Float(f64),
    /// An integer.
    Integer(i64),
    /// The number of an experiment.
    Id(u64),
}

/// An item that a filter can find and an order can sort.
pub trait Searchable {
    /// Its attributes.
    type Attribute: Searched;

    /// The value of one of its fields.
    fn field(&self, subject: &Subject<Self::Attribute>) -> Field<'_>;

    /// True if the clause holds. An item redefines this if filters see other values than orders do.
    fn meets(&self, clause: &Clause<Self::Attribute>) -> bool {
        clause.test.holds(&self.field(&clause.subject))
    }
}

impl<A: Searched> Filter<A> {
    /// True if the filter finds the item.
    pub fn matches(&self, item: &impl Searchable<Attribute = A>) -> bool {
        self.clauses.iter().all(|clause| item.meets(clause))
    }

    /// True if the filter finds every item.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The set of texts in which this attribute's value must be. `None`: no clause demands a set.
    pub fn texts_of(&self, attribute: A) -> Option<&BTreeSet<String>> {
        self.clauses
            .iter()
            .find_map(|clause| match (&clause.subject, &clause.test) {
                (Subject::Attribute(named), Predicate::Text { among, wanted: true }) if *named == attribute => {
                    Some(among)
                }
                _ => None,
            })
    }
}

impl Predicate {
    /// True if a value satisfies the predicate.
    pub fn holds(&self, field: &Field<'_>) -> bool {
        match (self, field) {
            (Predicate::Absent, field) => *field == Field::Absent,
            (_, Field::Absent) => false,
            (Predicate::Present, _) => true,
            (Predicate::Float(relation, bound), Field::Float(value)) => relation.holds(value.partial_cmp(bound)),
            (Predicate::Integer(relation, bound), Field::Integer(value)) => {
                relation.holds(Some(bound.order_of(*value)))
            }
            (Predicate::Text { among, wanted }, Field::Text(text)) => among.contains(text.as_ref()) == *wanted,
            (Predicate::Id { among, wanted }, Field::Id(id)) => among.contains(id) == *wanted,
            (Predicate::Like(pattern), Field::Text(text)) => pattern.matches(text),
            (Predicate::Matches(regex), Field::Text(text)) => regex.matches(text),
            _ => false,
        }
    }
}

impl Relation {
    /// True if two values with this ordering are in the relation. Values without an ordering are unequal.
    pub fn holds(self, order: Option<Ordering>) -> bool {
        match self {
            Relation::Equal => order == Some(Ordering::Equal),
            Relation::NotEqual => order != Some(Ordering::Equal),
            Relation::Less => order == Some(Ordering::Less),
            Relation::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Relation::Greater => order == Some(Ordering::Greater),
            Relation::GreaterOrEqual => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        }
    }
}

impl Bound {
    /// Reads a number in the syntax of filters.
    pub fn parse(number: &str) -> Option<Self> {
        if let Ok(floor) = number.parse() {
            return Some(Bound { floor, whole: true });
        }
        let value: f64 = number.parse().ok()?;
        let floor = value.floor();
        // A number beyond 38 digits is further than any stored integer.
        let far = if value < 0.0 { i128::MIN } else { i128::MAX };
        Some(Bound {
            floor: format!("{floor:.0}").parse().unwrap_or(far),
            whole: floor == value,
        })
    }

    /// The first and the last integer in a relation to the number; the first is greater if there is none. `None`: they are no
    /// range.
    pub fn range(self, relation: Relation) -> Option<(i64, i64)> {
        let below = self.floor.saturating_sub(i128::from(self.whole));
        let above = self.floor.saturating_add(1);
        let (first, last) = match relation {
            Relation::NotEqual => return None,
            Relation::Equal if self.whole => (self.floor, self.floor),
            Relation::Equal => (1, 0),
            Relation::Less => (i128::MIN, below),
            Relation::LessOrEqual => (i128::MIN, self.floor),
            Relation::Greater => (above, i128::MAX),
            Relation::GreaterOrEqual => (below.saturating_add(1), i128::MAX),
        };
        let (least, greatest) = (i128::from(i64::MIN), i128::from(i64::MAX));
        if first > greatest || last < least || first > last {
            return Some((1, 0));
        }
        let narrow = |number: i128| i64::try_from(number.clamp(least, greatest)).unwrap_or(0);
        Some((narrow(first), narrow(last)))
    }

    /// Compares an integer with the number.
    pub fn order_of(self, value: i64) -> Ordering {
        match i128::from(value).cmp(&self.floor) {
            Ordering::Equal if !self.whole => Ordering::Less,
            order => order,
        }
    }
}

impl<'a> Field<'a> {
    /// A text value.
    pub fn text(text: &'a str) -> Self {
        Field::Text(Cow::Borrowed(text))
    }

    /// The value with this key. Absent if no pair has the key.
    pub fn of_key<T: AsRef<str>>(key: &str, pairs: &'a [(T, T)]) -> Self {
        pairs
            .iter()
            .find(|(name, _)| name.as_ref() == key)
            .map_or(Field::Absent, |(_, value)| Field::text(value.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_integer_is_compared_exactly() {
        let order = |number: &str, value| Bound::parse(number).unwrap().order_of(value);
        assert_eq!(order("1.5", 1), Ordering::Less);
        assert_eq!(order("1.5", 2), Ordering::Greater);
        assert_eq!(order("-1.5", -1), Ordering::Greater);
        assert_eq!(order("-1.5", -2), Ordering::Less);
        assert_eq!(order("2.0", 2), Ordering::Equal);
        assert_eq!(order("9223372036854775807", i64::MAX), Ordering::Equal);
        assert_eq!(order("9223372036854775808", i64::MAX), Ordering::Less);
        assert_eq!(order("1e999", i64::MAX), Ordering::Less);
        assert_eq!(order("-1e300", i64::MIN), Ordering::Greater);
        assert_eq!(
            order("-99999999999999999999999999999999999999999", i64::MIN),
            Ordering::Greater
        );
        assert_eq!(order("-0.0", 0), Ordering::Equal);
    }

    #[test]
    fn the_range_of_a_relation_has_exactly_the_integers_in_it() {
        use Relation::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        for number in [
            "0",
            "1.5",
            "-1.5",
            "-0.0",
            "7",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "1e999",
            "-1e300",
        ] {
            let bound = Bound::parse(number).unwrap();
            for relation in [Equal, Greater, GreaterOrEqual, Less, LessOrEqual] {
                let (first, last) = bound.range(relation).unwrap();
                for value in [
                    i64::MIN,
                    i64::MIN + 1,
                    -3,
                    -2,
                    -1,
                    0,
                    1,
                    2,
                    3,
                    6,
                    7,
                    8,
                    i64::MAX - 1,
                    i64::MAX,
                ] {
                    let holds = relation.holds(Some(bound.order_of(value)));
                    assert_eq!(first <= value && value <= last, holds, "{value} {relation:?} {number}");
                }
            }
        }
    }

    #[test]
    fn nan_is_only_unequal() {
        for (relation, holds) in [
            (Relation::NotEqual, true),
            (Relation::Equal, false),
            (Relation::Less, false),
            (Relation::LessOrEqual, false),
            (Relation::Greater, false),
            (Relation::GreaterOrEqual, false),
        ] {
            assert_eq!(Predicate::Float(relation, 0.0).holds(&Field::Float(f64::NAN)), holds);
        }
    }

    #[test]
    fn an_absent_value_meets_only_is_null() {
        let among = BTreeSet::from(["a".to_owned()]);
        assert!(Predicate::Absent.holds(&Field::Absent));
        assert!(!Predicate::Present.holds(&Field::Absent));
        assert!(!Predicate::Text { among, wanted: false }.holds(&Field::Absent));
        assert!(!Predicate::Float(Relation::NotEqual, 1.0).holds(&Field::Absent));
    }
}
