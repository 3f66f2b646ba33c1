//! What can be asked of things of one kind, as a table: a new kind of thing adds a table and no parser.

use super::lex::shown;

/// An attribute of searched things, with the table of everything that can be asked of them.
pub trait Searched: Copy + PartialEq + std::fmt::Debug + 'static {
    /// The table.
    const LANGUAGE: Schema<Self>;
}

/// Everything that can be asked of things of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Schema<A: 'static> {
    /// The words before the first dot. Attributes can be named without one.
    pub entities: &'static [Entity],
    /// The attributes.
    pub attributes: &'static [Attribute<A>],
}

/// What a word before the first dot stands for.
#[derive(Clone, Copy, Debug)]
pub struct Entity {
    /// The words, the one for messages first.
    pub words: &'static [&'static str],
    /// Words that mean the same in an order, but not in a filter.
    pub words_of_orders: &'static [&'static str],
    /// What they stand for.
    pub kind: EntityKind,
    /// What its keys are compared with; of attributes each says it for itself.
    pub values: ValueType,
    /// True if one can order by its keys.
    pub ordered: bool,
}

/// Where a key is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityKind {
    /// In the table of attributes.
    Attribute,
    /// Among the metrics.
    Metric,
    /// Among the params.
    Param,
    /// Among the tags.
    Tag,
    /// In the datasets of the inputs.
    Dataset,
}

/// One name of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<A> {
    /// The name, by which it is printed too if it is the first of this attribute.
    pub name: &'static str,
    /// What it names.
    pub id: A,
    /// What it is compared with.
    pub values: ValueType,
    /// True if one can order by this name.
    pub ordered: bool,
}

/// What something is compared with, which decides by which comparators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Numbers.
    Float,
    /// Numbers; what is compared is an integer.
    Integer,
    /// Integers only.
    WholeInteger,
    /// Quoted texts.
    Text,
    /// Quoted texts, or nothing: it may be absent.
    OptionalText,
    /// Quoted texts and lists of them.
    ListedText,
    /// Texts, quoted or not, and lists of quoted ones.
    UnquotedText,
    /// One of these words, quoted or not, and lists of quoted ones.
    Word(&'static [&'static str]),
    /// Quoted numbers of experiments and lists of them.
    ExperimentId,
    /// Integers, quoted or not.
    QuotableInteger,
    /// Nothing: one can only order by it.
    OrderOnly,
}

/// How something is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparator {
    /// By the order of numbers or, as far as they have one, of texts.
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
}

/// Which of two values must be greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// What a clause asks for, or what things are ordered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject<A> {
    /// An attribute.
    Attribute(A),
    /// The metric with this key: its newest value.
    Metric(String),
    /// The param with this key.
    Param(String),
    /// The tag with this key.
    Tag(String),
    /// Something of the datasets read.
    Dataset(DatasetField),
}

/// What can be asked of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatasetField {
    /// Its name.
    Name,
    /// Its digest.
    Digest,
    /// The input's tag `mlflow.data.context`.
    Context,
}

impl DatasetField {
    /// All, by name.
    pub const ALL: [(&'static str, DatasetField); 3] = [
        ("name", DatasetField::Name),
        ("digest", DatasetField::Digest),
        ("context", DatasetField::Context),
    ];
}

impl<A: Copy> Schema<A> {
    /// What the word before the first dot, or none, and the key behind it name, and with what that is compared. Otherwise
    /// why not.
    pub fn subject(&self, word: Option<&str>, key: &str) -> Result<(Subject<A>, ValueType), String> {
        self.subject_of(self.entity(word, |_| &[])?, key)
    }

    fn subject_of(&self, entity: &Entity, key: &str) -> Result<(Subject<A>, ValueType), String> {
        let key_named = || key.to_owned();
        let subject = match entity.kind {
            EntityKind::Attribute => return self.attribute(key),
            EntityKind::Metric => Subject::Metric(key_named()),
            EntityKind::Param => Subject::Param(key_named()),
            EntityKind::Tag => Subject::Tag(key_named()),
            EntityKind::Dataset => match DatasetField::ALL.iter().find(|(name, _)| *name == key) {
                Some((_, field)) => Subject::Dataset(*field),
                None => {
                    let names = listed(DatasetField::ALL.iter().map(|(name, _)| *name));
                    return Err(format!(
                        "Invalid dataset key '{}' specified. Valid keys are {names}",
                        shown(key)
                    ));
                }
            },
        };
        Ok((subject, entity.values))
    }

    /// The same for what things are ordered by.
    pub fn ordered_subject(&self, word: Option<&str>, key: &str) -> Result<(Subject<A>, ValueType), String> {
        let entity = self.entity(word, |entity| entity.words_of_orders)?;
        if !entity.ordered {
            let words = listed(
                self.entities
                    .iter()
                    .filter(|entity| entity.ordered)
                    .filter_map(Entity::word),
            );
            return Err(format!(
                "Invalid order_by entity type '{}'. Valid values are {words}",
                entity.word().unwrap_or("")
            ));
        }
        match entity.kind {
            EntityKind::Attribute => match self.attributes.iter().find(|row| row.name == key && row.ordered) {
                Some(row) => Ok((Subject::Attribute(row.id), row.values)),
                None => Err(self.invalid_attribute(key, |row| row.ordered)),
            },
            _ => self.subject_of(entity, key),
        }
    }

    /// The entity that a word stands for; `more` are the words that it has besides.
    fn entity(
        &self,
        word: Option<&str>,
        more: impl Fn(&Entity) -> &'static [&'static str],
    ) -> Result<&'static Entity, String> {
        let named = |entity: &&Entity| match word {
            Some(word) => entity.words.contains(&word) || more(entity).contains(&word),
            None => entity.kind == EntityKind::Attribute,
        };
        self.entities.iter().find(named).ok_or_else(|| {
            let words = listed(self.entities.iter().filter_map(Entity::word));
            format!(
                "Invalid entity type '{}'. Valid values are {words}",
                shown(word.unwrap_or_default())
            )
        })
    }

    fn attribute(&self, key: &str) -> Result<(Subject<A>, ValueType), String> {
        let searched = |row: &Attribute<A>| row.values != ValueType::OrderOnly;
        match self.attributes.iter().find(|row| row.name == key && searched(row)) {
            Some(row) => Ok((Subject::Attribute(row.id), row.values)),
            None => Err(self.invalid_attribute(key, searched)),
        }
    }

    fn invalid_attribute(&self, key: &str, valid: impl Fn(&Attribute<A>) -> bool) -> String {
        let names = listed(self.attributes.iter().filter(|row| valid(row)).map(|row| row.name));
        format!(
            "Invalid attribute key '{}' specified. Valid keys are {names}",
            shown(key)
        )
    }

    /// The attributes that are compared with lists, for a message.
    pub fn listed_attributes(&self) -> String {
        let takes_list = |row: &&Attribute<A>| row.values.comparators().contains(&Comparator::In);
        listed(self.attributes.iter().filter(takes_list).map(|row| row.name))
    }
}

impl Entity {
    fn word(&self) -> Option<&'static str> {
        self.words.first().copied()
    }
}

impl ValueType {
    /// By what these are compared.
    pub fn comparators(self) -> &'static [Comparator] {
        use Comparator::{ILike, In, IsNotNull, IsNull, Like, NotIn, Order};
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
            ValueType::OrderOnly => &[],
        }
    }

    /// True if a text needs no quotes.
    pub fn are_loose(self) -> bool {
        matches!(self, ValueType::UnquotedText | ValueType::Word(_))
    }

    /// True if these are numbers.
    pub fn are_numbers(self) -> bool {
        matches!(
            self,
            ValueType::Float | ValueType::Integer | ValueType::WholeInteger | ValueType::QuotableInteger
        )
    }
}

impl Comparator {
    /// All, as they are written.
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

    /// As it is written.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, comparator)| *comparator == self)
            .map_or("=", |(name, _)| name)
    }
}

/// Words for a message, in Python's form: `['a', 'b']`.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}
