//! Schemas: tables of the fields that a search of one kind of item can use. A new kind of item needs a table
//! and no parser.

pub use super::comparator::Comparator;
use super::lex::shown;
use super::problem::{Phrase, Problem};

/// The attributes of one kind of searched item, with its schema.
pub trait Searched: Copy + PartialEq + std::fmt::Debug + 'static {
    /// The schema.
    const LANGUAGE: Schema<Self>;
}

/// The searchable fields of one kind of item.
#[derive(Clone, Copy, Debug)]
pub struct Schema<A: 'static> {
    /// The words before the first dot. Attributes can be named without one.
    pub entities: &'static [Entity],
    /// The attributes.
    pub attributes: &'static [Attribute<A>],
}

/// An entity: the kind of field that a word before the first dot stands for.
#[derive(Clone, Copy, Debug)]
pub struct Entity {
    /// Its words. Messages use the first one.
    pub words: &'static [&'static str],
    /// Words that an order accepts too, but a filter does not.
    pub words_of_orders: &'static [&'static str],
    /// The kind of field.
    pub kind: EntityKind,
    /// The type of its values. Each attribute has its own type instead.
    pub values: ValueType,
    /// True if an order can use its keys.
    pub ordered: bool,
}

/// The source of an entity's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityKind {
    /// The table of attributes.
    Attribute,
    /// The metrics.
    Metric,
    /// The params.
    Param,
    /// The tags.
    Tag,
    /// The datasets of the inputs.
    Dataset,
    /// The metadata of a trace.
    Metadata,
    /// The spans of a trace.
    Span,
    /// The feedback on a trace.
    Feedback,
    /// The expectations on a trace.
    Expectation,
    /// The issues of a trace.
    Issue,
}

/// One name of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<A> {
    /// The name. An attribute with several names is printed by the first one.
    pub name: &'static str,
    /// The attribute.
    pub id: A,
    /// The type of its values.
    pub values: ValueType,
    /// True if an order can use this name.
    pub ordered: bool,
}

/// The type of a field's values. It determines the valid comparators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Numbers.
    Float,
    /// Integers, compared with any number.
    Integer,
    /// Integers, compared with integers only.
    WholeInteger,
    /// Quoted texts.
    Text,
    /// Quoted texts. The value may be absent.
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
    /// Quoted texts and regular expressions. The value may be absent.
    OptionalPattern,
    /// Quoted texts, lists of them, and regular expressions.
    ListedPattern,
    /// Quoted texts and regular expressions.
    Pattern,
    /// Patterns of LIKE only.
    Content,
    /// Quoted texts that must be equal.
    Exact,
    /// Quoted texts and regular expressions, or numbers in an order. The value may be absent.
    Judgement,
    /// No values: the field is only for orders.
    OrderOnly,
}

/// A relation of two values.
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

/// The subject of a clause or of a term of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject<A> {
    /// An attribute.
    Attribute(A),
    /// The newest value of the metric with this key.
    Metric(String),
    /// The param with this key.
    Param(String),
    /// The tag with this key.
    Tag(String),
    /// A field of the dataset inputs.
    Dataset(DatasetField),
    /// Something of a trace that has a key: a metadata, a field of its spans, a feedback, an expectation, an issue.
    Named(EntityKind, String),
}

/// A searchable field of a dataset input.
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
    /// All fields, by name.
    pub const ALL: [(&'static str, DatasetField); 3] = [
        ("name", DatasetField::Name),
        ("digest", DatasetField::Digest),
        ("context", DatasetField::Context),
    ];
}

impl<A: Copy> Schema<A> {
    /// True if its searches know regular expressions.
    pub fn has_patterns(&self) -> bool {
        self.entities
            .iter()
            .any(|entity| entity.values.comparators().contains(&Comparator::RLike))
    }

    /// Resolves a name in a filter: an optional word before the first dot, and the key after it. Returns the
    /// subject and the type of its values, or the problem.
    pub fn subject(&self, word: Option<&str>, key: &str) -> Result<(Subject<A>, ValueType), Phrase<Problem>> {
        self.subject_of(self.entity(word, |_| &[])?, key)
    }

    fn subject_of(&self, entity: &Entity, key: &str) -> Result<(Subject<A>, ValueType), Phrase<Problem>> {
        let key_named = || key.to_owned();
        let subject = match entity.kind {
            EntityKind::Attribute => return self.attribute(key),
            EntityKind::Span => return span_field(key),
            EntityKind::Issue if key != "id" => {
                return Err(Problem::Issue.of([shown(key)]));
            }
            EntityKind::Metadata | EntityKind::Feedback | EntityKind::Expectation | EntityKind::Issue => {
                Subject::Named(entity.kind, key_named())
            }
            EntityKind::Metric => Subject::Metric(key_named()),
            EntityKind::Param => Subject::Param(key_named()),
            EntityKind::Tag => Subject::Tag(key_named()),
            EntityKind::Dataset => match DatasetField::ALL.iter().find(|(name, _)| *name == key) {
                Some((_, field)) => Subject::Dataset(*field),
                None => {
                    let names = listed(DatasetField::ALL.iter().map(|(name, _)| *name));
                    return Err(Problem::Dataset.of([shown(key), names]));
                }
            },
        };
        Ok((subject, entity.values))
    }

    /// Resolves a name in an order, as `subject` does in a filter.
    pub fn ordered_subject(&self, word: Option<&str>, key: &str) -> Result<(Subject<A>, ValueType), Phrase<Problem>> {
        let entity = self.entity(word, |entity| entity.words_of_orders)?;
        if !entity.ordered {
            let words = listed(
                self.entities
                    .iter()
                    .filter(|entity| entity.ordered)
                    .filter_map(Entity::word),
            );
            let word = entity.word().unwrap_or_default().to_owned();
            return Err(Problem::OrderEntity.of([word, words]));
        }
        match entity.kind {
            EntityKind::Attribute => match self.attributes.iter().find(|row| row.name == key && row.ordered) {
                Some(row) => Ok((Subject::Attribute(row.id), row.values)),
                None => Err(self.invalid_attribute(key, |row| row.ordered)),
            },
            _ => self.subject_of(entity, key),
        }
    }

    /// The entity with this word. `more` returns the further words of an entity.
    fn entity(
        &self,
        word: Option<&str>,
        more: impl Fn(&Entity) -> &'static [&'static str],
    ) -> Result<&'static Entity, Phrase<Problem>> {
        let named = |entity: &&Entity| match word {
            Some(word) => entity.words.contains(&word) || more(entity).contains(&word),
            None => entity.kind == EntityKind::Attribute,
        };
        self.entities.iter().find(named).ok_or_else(|| {
            let words = listed(self.entities.iter().filter_map(Entity::word));
            Problem::Entity.of([shown(word.unwrap_or_default()), words])
        })
    }

    fn attribute(&self, key: &str) -> Result<(Subject<A>, ValueType), Phrase<Problem>> {
        let searched = |row: &Attribute<A>| row.values != ValueType::OrderOnly;
        match self.attributes.iter().find(|row| row.name == key && searched(row)) {
            Some(row) => Ok((Subject::Attribute(row.id), row.values)),
            None => Err(self.invalid_attribute(key, searched)),
        }
    }

    fn invalid_attribute(&self, key: &str, valid: impl Fn(&Attribute<A>) -> bool) -> Phrase<Problem> {
        let names = listed(self.attributes.iter().filter(|row| valid(row)).map(|row| row.name));
        Problem::Attribute.of([shown(key), names])
    }

    /// The attributes that accept a list, for a message.
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
    /// True if texts of this type need no quotes.
    pub fn are_loose(self) -> bool {
        matches!(self, ValueType::UnquotedText | ValueType::Word(_))
    }

    /// True for types of numbers.
    pub fn are_numbers(self) -> bool {
        matches!(
            self,
            ValueType::Float | ValueType::Integer | ValueType::WholeInteger | ValueType::QuotableInteger
        )
    }
}

/// The prefix of keys of spans that name an attribute.
pub(super) const SPAN_ATTRIBUTES: &str = "attributes.";

/// Resolves a field of spans.
fn span_field<A>(key: &str) -> Result<(Subject<A>, ValueType), Phrase<Problem>> {
    let values = match key {
        "name" | "type" | "status" => ValueType::ListedPattern,
        "content" => ValueType::Content,
        _ if key.strip_prefix(SPAN_ATTRIBUTES).is_some_and(|name| !name.is_empty()) => ValueType::Pattern,
        _ => return Err(Problem::Span.of([shown(key)])),
    };
    Ok((Subject::Named(EntityKind::Span, key.to_owned()), values))
}

/// A list of words for a message, in Python's form: `['a', 'b']`.
pub(super) fn listed<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("'{word}'")).collect();
    format!("[{}]", words.join(", "))
}
