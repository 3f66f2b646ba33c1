//! The comparators of filters, and those that each type of values has.

use super::schema::{Relation, ValueType};

/// A comparator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// A relation of numbers or, for `=` and `!=`, of texts.
    Order(Relation),
    /// `LIKE`
    Like,
    /// `ILIKE`
    ILike,
    /// `IN`
    In,
    /// `NOT IN`
    NotIn,
    /// `IS NULL`
    IsNull,
    /// `IS NOT NULL`
    IsNotNull,
    /// `RLIKE`, a regular expression. Only searches of traces have it.
    RLike,
}

impl Comparator {
    /// All comparators that every search knows, as they are written.
    pub const ALL: [(&'static str, Comparator); 12] = [
        ("=", Comparator::Order(Relation::Equal)),
        ("!=", Comparator::Order(Relation::NotEqual)),
        ("<", Comparator::Order(Relation::Less)),
        ("<=", Comparator::Order(Relation::LessOrEqual)),
        (">", Comparator::Order(Relation::Greater)),
        (">=", Comparator::Order(Relation::GreaterOrEqual)),
        ("LIKE", Comparator::Like),
        ("ILIKE", Comparator::ILike),
        ("IN", Comparator::In),
        ("NOT IN", Comparator::NotIn),
        ("IS NULL", Comparator::IsNull),
        ("IS NOT NULL", Comparator::IsNotNull),
    ];

    /// True for an order of numbers: neither `=` nor `!=`.
    pub fn is_order(self) -> bool {
        use Relation::{Greater, GreaterOrEqual, Less, LessOrEqual};
        matches!(self, Comparator::Order(Less | LessOrEqual | Greater | GreaterOrEqual))
    }

    /// The comparator as it is written.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, comparator)| *comparator == self)
            .map_or("RLIKE", |(name, _)| name)
    }
}

impl ValueType {
    /// The comparators for values of this type.
    pub fn comparators(self) -> &'static [Comparator] {
        use Comparator::{ILike, In, IsNotNull, IsNull, Like, NotIn, Order, RLike};
        const EQUAL: Comparator = Order(Relation::Equal);
        const NOT_EQUAL: Comparator = Order(Relation::NotEqual);
        match self {
            ValueType::Float | ValueType::Integer | ValueType::WholeInteger | ValueType::QuotableInteger => &[
                EQUAL,
                NOT_EQUAL,
                Order(Relation::Less),
                Order(Relation::LessOrEqual),
                Order(Relation::Greater),
                Order(Relation::GreaterOrEqual),
            ],
            ValueType::Text => &[EQUAL, NOT_EQUAL, Like, ILike],
            ValueType::OptionalText => &[EQUAL, NOT_EQUAL, Like, ILike, IsNull, IsNotNull],
            ValueType::ListedText | ValueType::UnquotedText => &[EQUAL, NOT_EQUAL, Like, ILike, In, NotIn],
            ValueType::ExperimentId | ValueType::Word(_) => &[EQUAL, NOT_EQUAL, In, NotIn],
            ValueType::OptionalPattern => &[EQUAL, NOT_EQUAL, Like, ILike, RLike, IsNull, IsNotNull],
            ValueType::ListedPattern => &[EQUAL, NOT_EQUAL, Like, ILike, RLike, In, NotIn],
            ValueType::Pattern => &[EQUAL, NOT_EQUAL, Like, ILike, RLike],
            ValueType::Content => &[Like, ILike],
            ValueType::Exact => &[EQUAL],
            ValueType::Judgement => &[
                EQUAL,
                NOT_EQUAL,
                Like,
                ILike,
                RLike,
                IsNull,
                IsNotNull,
                Order(Relation::Less),
                Order(Relation::LessOrEqual),
                Order(Relation::Greater),
                Order(Relation::GreaterOrEqual),
            ],
            ValueType::OrderOnly => &[],
        }
    }
}
