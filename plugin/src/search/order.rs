//! Orders of search results, and sort keys: bytes that sort in such an order.

use std::ops::Range;

use super::filter::{Field, Searchable};
use super::lex::{self, Kind, shown};
use super::name::Name;
use super::schema::{Searched, Subject, ValueType};
use crate::domain::limits::{ORDER_BY_ITEM_BYTES_MAX, ORDER_BY_ITEMS_MAX, ORDERED_TEXT_BYTES_MAX};
use crate::error::{Error, Result};

/// A total order of items: the requested terms, then the terms that order equal items.
#[derive(Clone, Debug, PartialEq)]
pub struct Order<A> {
    terms: Vec<Term<A>>,
}

/// A term of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Term<A> {
    /// The value that is compared.
    pub subject: Subject<A>,
    /// The type of the value.
    pub values: ValueType,
    /// True if greater values come first. Absent values come last in both directions.
    pub descending: bool,
}

/// The attributes of one kind of item, with the rules of its orders.
pub trait Ordered: Searched {
    /// The items of an `order_by` that has none.
    const DEFAULT: &'static [&'static str] = &[];

    /// The terms that order items which are equal in all requested terms. No two items are equal in the last
    /// one.
    const TIE_BREAKERS: &'static [Term<Self>];

    /// Checks the items of an `order_by` and the terms that were read from them. By default no two terms may
    /// have the same subject.
    fn validate(terms: &[Term<Self>], items: &[&str]) -> Result<()> {
        reject_duplicate_keys(terms, items)
    }
}

/// The sort key of an item in an order. The item with the lower key comes first, also byte by byte.
///
/// Each term is encoded as a kind byte and a value. The kind is 0 for a value, 1 for NaN and 2 for none.
/// Numbers are 8 bytes. Texts are their own bytes, with zero bytes escaped and an end that is lower than any
/// byte. In descending terms all bits of the value are inverted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey(Vec<u8>);

/// The kind byte of a term with a value.
pub(super) const VALUE: u8 = 0;
const NAN: u8 = 1;
const ABSENT: u8 = 2;

impl SortKey {
    /// The bytes of the key, which sort in its order.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<A: Ordered> Order<A> {
    /// Reads an `order_by`.
    pub fn parse(items: &[&str]) -> Result<Self> {
        let items = if items.is_empty() { A::DEFAULT } else { items };
        let terms = terms(items)?;
        A::validate(&terms, items)?;
        Ok(Order::with_tie_breakers(terms))
    }

    /// An order by these terms, then by the tie-breakers that are not among them.
    pub(super) fn with_tie_breakers(mut terms: Vec<Term<A>>) -> Self {
        for last in A::TIE_BREAKERS {
            if terms.iter().all(|term| term.subject != last.subject) {
                terms.push(last.clone());
            }
        }
        Order::new(terms)
    }

    /// True if this is the default order, in which the items are stored.
    pub fn is_listing(&self) -> bool {
        Self::parse(&[]).is_ok_and(|default| default == *self)
    }

    /// The sort key of an item.
    pub fn key(&self, item: &impl Searchable<Attribute = A>) -> SortKey {
        self.key_of(|subject| item.field(subject))
    }
}

impl<A> Term<A> {
    /// A term on an attribute.
    pub(super) const fn on(attribute: A, values: ValueType, descending: bool) -> Self {
        Term {
            subject: Subject::Attribute(attribute),
            values,
            descending,
        }
    }
}

impl<A> Order<A> {
    /// An order by these terms. No two items have equal values in the last one.
    pub(super) fn new(terms: Vec<Term<A>>) -> Self {
        Order { terms }
    }

    /// All terms, the ones for equal items included.
    pub fn terms(&self) -> &[Term<A>] {
        &self.terms
    }

    /// The sort key of an item with these values.
    pub(super) fn key_of<'a>(&self, value: impl Fn(&Subject<A>) -> Field<'a>) -> SortKey {
        self.key_of_terms(|_, subject| value(subject))
    }

    /// The sort key of an item whose values also depend on the index of the term.
    pub(super) fn key_of_terms<'a>(&self, value: impl Fn(usize, &Subject<A>) -> Field<'a>) -> SortKey {
        let mut key = Vec::with_capacity(16 * self.terms.len());
        for (index, term) in self.terms.iter().enumerate() {
            write(&mut key, &value(index, &term.subject), term.descending);
        }
        SortKey(key)
    }

    /// Appends some terms, by their indexes, to the sort key of an item. `None`: a value is unknown; the key
    /// then ends before it.
    pub fn write_terms<'a>(
        &self,
        key: &mut Vec<u8>,
        terms: Range<usize>,
        value: impl Fn(usize) -> Option<Field<'a>>,
    ) -> Option<()> {
        for (index, term) in terms.clone().zip(self.terms.get(terms).unwrap_or_default()) {
            write(key, &value(index)?, term.descending);
        }
        Some(())
    }

    /// Reads the bytes of a key of this order. `None`: they are no such key.
    pub fn read_key(&self, bytes: &[u8]) -> Option<SortKey> {
        let mut rest = bytes;
        for term in &self.terms {
            rest = after_term(rest, term.values, term.descending)?;
        }
        rest.is_empty().then(|| SortKey(bytes.to_vec()))
    }
}

/// Reads the terms of an `order_by`.
fn terms<A: Searched>(items: &[&str]) -> Result<Vec<Term<A>>> {
    if items.len() > ORDER_BY_ITEMS_MAX {
        return Err(Error::Invalid(format!(
            "{} items of order_by: at most {ORDER_BY_ITEMS_MAX} are allowed",
            items.len()
        )));
    }
    items.iter().map(|item| term(item)).collect()
}

/// Fails if two terms have the same subject.
pub(super) fn reject_duplicate_keys<A: PartialEq>(terms: &[Term<A>], items: &[&str]) -> Result<()> {
    for (index, (term, item)) in terms.iter().zip(items).enumerate() {
        if terms.iter().take(index).any(|before| before.subject == term.subject) {
            return Err(Error::Invalid(format!(
                "`order_by` contains duplicate fields: item {}, '{}', names the same as one before it",
                index + 1,
                shown(item)
            )));
        }
    }
    Ok(())
}

fn term<A: Searched>(item: &str) -> Result<Term<A>> {
    let malformed = |problem: &str| {
        Error::Invalid(format!(
            "Invalid order_by clause '{}'. {problem} (an item has the form <entity>.<key> [ASC|DESC], without spaces \
             around it; keys with other characters than letters, digits, '_' and '.' stand in back-quotes)",
            shown(item)
        ))
    };
    let unparsed = || malformed("Could not be parsed.");
    if item.len() > ORDER_BY_ITEM_BYTES_MAX || item.trim_matches(lex::is_space).len() != item.len() {
        return Err(unparsed());
    }
    let tokens = lex::tokens(item);
    let (named, descending) = match tokens.as_slice() {
        [named] => (named, false),
        [named, direction] if direction.is_word("ASC") || direction.is_word("DESC") => {
            (named, direction.is_word("DESC"))
        }
        [_, direction] if direction.kind == Kind::Path => return Err(malformed("Invalid ordering key.")),
        _ => return Err(unparsed()),
    };
    let direction_only = named.is_word("ASC") || named.is_word("DESC");
    if direction_only || !matches!(named.kind, Kind::Path | Kind::Text { quote: '"', .. }) {
        return Err(unparsed());
    }
    let mut name = Name::read(named.text).ok_or_else(unparsed)?;
    // `metrics.m` may also be quoted as a whole.
    if let (None, Some((word, key))) = (name.word, name.key.split_once('.')) {
        name = Name { word: Some(word), key };
    }
    let (subject, values) = A::LANGUAGE
        .ordered_subject(name.word, name.key)
        .map_err(|problem| Error::Invalid(format!("{problem} (in order_by clause '{}')", shown(item))))?;
    Ok(Term {
        subject,
        values,
        descending,
    })
}

fn write(key: &mut Vec<u8>, field: &Field<'_>, descending: bool) {
    key.push(match field {
        Field::Absent => ABSENT,
        Field::Float(value) if value.is_nan() => NAN,
        _ => VALUE,
    });
    let start = key.len();
    match field {
        Field::Float(value) if !value.is_nan() => key.extend(float_bytes(*value)),
        Field::Absent | Field::Float(_) => {}
        Field::Integer(value) => key.extend((value.cast_unsigned() ^ 1 << 63).to_be_bytes()),
        Field::Id(value) => key.extend(value.to_be_bytes()),
        Field::Text(text) => {
            for byte in text.bytes().take(ORDERED_TEXT_BYTES_MAX) {
                key.push(byte);
                if byte == 0 {
                    key.push(0xff);
                }
            }
            key.extend([0, 0]);
        }
    }
    if descending {
        key.iter_mut().skip(start).for_each(|byte| *byte = !*byte);
    }
}

/// The bytes of a finite number, which sort as numbers do. Both zeros have the same bytes.
fn float_bytes(value: f64) -> [u8; 8] {
    let bits = if value == 0.0 { 0 } else { value.to_bits() };
    let negative = bits >> 63 == 1;
    (if negative { !bits } else { bits | 1 << 63 }).to_be_bytes()
}

/// The rest after the first term of a key.
fn after_term(bytes: &[u8], values: ValueType, descending: bool) -> Option<&[u8]> {
    let (kind, rest) = bytes.split_first()?;
    match (*kind, values) {
        (ABSENT, _) | (NAN, ValueType::Float) => Some(rest),
        (VALUE, ValueType::ExperimentId | ValueType::OrderOnly) => rest.get(8..),
        (VALUE, numbers) if numbers.are_numbers() => rest.get(8..),
        (VALUE, _) => after_text(rest, if descending { 0xff } else { 0 }),
        _ => None,
    }
}

/// The rest after a text in which zero bytes are written as `zero`.
fn after_text(mut bytes: &[u8], zero: u8) -> Option<&[u8]> {
    loop {
        let at = bytes.iter().position(|byte| *byte == zero)?;
        let (mark, rest) = bytes.get(at + 1..)?.split_first()?;
        bytes = rest;
        if *mark == zero {
            return Some(bytes);
        } else if *mark != !zero {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::search::runs::{RunAttribute, RunOrder};

    /// Compares two values by the rules: values, then NaN, then none, in both directions.
    fn compare(a: &Field<'_>, b: &Field<'_>, descending: bool) -> Ordering {
        let class = |field: &Field<'_>| match field {
            Field::Absent => 2,
            Field::Float(value) if value.is_nan() => 1,
            _ => 0,
        };
        let values = match (a, b) {
            (Field::Text(a), Field::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
            (Field::Integer(a), Field::Integer(b)) => a.cmp(b),
            (Field::Id(a), Field::Id(b)) => a.cmp(b),
            (Field::Float(a), Field::Float(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
            _ => Ordering::Equal,
        };
        class(a)
            .cmp(&class(b))
            .then(if descending { values.reverse() } else { values })
    }

    /// Two values of one type.
    fn two() -> impl Strategy<Value = (ValueType, Field<'static>, Field<'static>)> {
        let maybe = |field: Option<Field<'static>>| field.unwrap_or(Field::Absent);
        let float = prop_oneof![
            any::<f64>(),
            Just(f64::NAN),
            Just(0.0),
            Just(-0.0),
            Just(f64::MAX),
            Just(f64::MIN)
        ];
        let text = "[ab\u{0}\u{1}\u{ff}ü]{0,4}";
        let integer = prop_oneof![any::<i64>(), -2_i64..3];
        let both = move |field: BoxedStrategy<Field<'static>>, values| {
            let field = prop::option::of(field).prop_map(maybe);
            (Just(values), field.clone(), field)
        };
        prop_oneof![
            both(
                float
                    .prop_filter("stored", |v| !v.is_infinite())
                    .prop_map(Field::Float)
                    .boxed(),
                ValueType::Float
            ),
            both(
                text.prop_map(|text| Field::Text(text.into())).boxed(),
                ValueType::OptionalText
            ),
            both(integer.prop_map(Field::Integer).boxed(), ValueType::Integer),
            both(any::<u64>().prop_map(Field::Id).boxed(), ValueType::ExperimentId),
        ]
    }

    fn order(rows: &[((ValueType, Field<'static>, Field<'static>), bool)]) -> Order<RunAttribute> {
        let term = |(index, ((values, ..), descending)): (usize, &((ValueType, _, _), bool))| Term {
            subject: Subject::Tag(index.to_string()),
            values: *values,
            descending: *descending,
        };
        Order::new(rows.iter().enumerate().map(term).collect())
    }

    fn key(order: &Order<RunAttribute>, fields: &[&Field<'static>]) -> SortKey {
        order.key_of(|subject| match subject {
            Subject::Tag(index) => fields[index.parse::<usize>().unwrap()].clone(),
            _ => Field::Absent,
        })
    }

    proptest! {
        #[test]
        fn the_order_of_bytes_is_the_order_of_values(rows in prop::collection::vec((two(), any::<bool>()), 1..5)) {
            let order = order(&rows);
            let [a, b]: [Vec<&Field<'_>>; 2] =
                [rows.iter().map(|row| &row.0.1).collect(), rows.iter().map(|row| &row.0.2).collect()];
            let expected = rows
                .iter()
                .map(|((_, a, b), descending)| compare(a, b, *descending))
                .fold(Ordering::Equal, Ordering::then);
            let [a, b] = [key(&order, &a), key(&order, &b)];
            prop_assert_eq!(a.bytes().cmp(b.bytes()), expected);
            prop_assert_eq!(order.read_key(a.bytes()), Some(a.clone()));
            prop_assert_eq!(order.read_key(&a.bytes()[..a.bytes().len() - 1]), None);
        }

        #[test]
        fn any_bytes_are_read_or_refused(rows in prop::collection::vec((two(), any::<bool>()), 1..5), bytes in prop::collection::vec(0_u8..4, 0..40)) {
            let _ = order(&rows).read_key(&bytes);
        }
    }

    #[test]
    fn long_texts_are_ordered_by_their_beginning() {
        let order = RunOrder::parse(&["tags.0"]).unwrap();
        let text = "x".repeat(ORDERED_TEXT_BYTES_MAX);
        let field = |end: &str| Field::Text(format!("{text}{end}").into());
        assert_eq!(
            key(&order, &[&field("a"), &Field::Absent]),
            key(&order, &[&field("b"), &Field::Absent])
        );
    }
}
