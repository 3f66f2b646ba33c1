//! The filter and the order of searches for registered models.

use std::collections::BTreeSet;

use super::filter::{Clause, Field, Filter};
use super::lex::shown;
use super::order::{Order, SortKey, Term, reject_duplicate_keys, terms};
use super::prompts::Kind;
use super::schema::{Attribute, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::experiment::Pair;
use crate::domain::model::Model;
use crate::domain::prompt::hides;
use crate::error::{Error, Result};

/// An order of models.
pub type ModelOrder = Order<ModelAttribute>;

/// An attribute of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelAttribute {
    /// Its name.
    Name,
    /// The time at which the model, or the number of its versions, last changed.
    LastUpdateTime,
}

/// A search for models.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSearch {
    /// The kind of models that are found.
    pub kind: Kind,
    /// The further conditions.
    pub filter: Filter<ModelAttribute>,
}

/// The entities of models and versions. As in MLflow, attributes have the prefix `attribute.` in filters.
/// Orders of versions also accept `attributes.`; orders of models accept neither.
pub(super) const ENTITIES: &[Entity] = &[
    Entity {
        words: &["attribute"],
        words_of_orders: &["attributes"],
        kind: EntityKind::Attribute,
        values: ValueType::Text,
        ordered: true,
    },
    Entity {
        words: &["tag", "tags"],
        words_of_orders: &[],
        kind: EntityKind::Tag,
        values: ValueType::Text,
        ordered: false,
    },
];

impl Searched for ModelAttribute {
    const LANGUAGE: Schema<Self> = Schema {
        entities: ENTITIES,
        attributes: &[
            Attribute {
                name: "name",
                id: ModelAttribute::Name,
                values: ValueType::ListedText,
                ordered: true,
            },
            Attribute {
                name: "timestamp",
                id: ModelAttribute::LastUpdateTime,
                values: ValueType::OrderOnly,
                ordered: true,
            },
            Attribute {
                name: "last_updated_timestamp",
                id: ModelAttribute::LastUpdateTime,
                values: ValueType::OrderOnly,
                ordered: true,
            },
        ],
    };
}

impl ModelSearch {
    /// Reads a filter. An empty one finds every model that is not a prompt.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, filter) = Filter::parse(text)?.split_kind();
        Ok(ModelSearch { kind, filter })
    }

    /// True if the search finds a model with these tags.
    pub fn matches(&self, model: &Model, tags: &[Pair]) -> bool {
        let is_hidden = self.kind == Kind::Models && tags.iter().any(|(key, value)| hides(key, value));
        !is_hidden && self.filter.clauses.iter().all(|clause| clause.matches(model, tags))
    }

    /// The names of which a found model must have one. `None`: the filter does not restrict them.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        self.filter.texts_of(ModelAttribute::Name)
    }
}

impl Clause<ModelAttribute> {
    /// True if the clause holds for a model with these tags.
    pub fn matches(&self, model: &Model, tags: &[Pair]) -> bool {
        match &self.subject {
            Subject::Tag(key) => self.test.holds(&Field::of_key(key, tags)),
            subject => self.test.holds(&of_model(subject, model)),
        }
    }
}

impl Order<ModelAttribute> {
    /// True if this is the default order, in which the names of models are stored.
    pub fn is_listing(&self) -> bool {
        Self::parse(&[]).is_ok_and(|default| default == *self)
    }

    /// Reads an `order_by`. Equal models are ordered by name. Attributes are named without an entity.
    pub fn parse(items: &[&str]) -> Result<Self> {
        let mut terms: Vec<Term<ModelAttribute>> = terms(items)?;
        if let Some(item) = items.iter().find(|item| item.contains('.')) {
            return Err(Error::Invalid(format!(
                "Invalid order by key '{}' specified. Valid keys are ['name', 'timestamp', 'last_updated_timestamp']",
                shown(item)
            )));
        }
        reject_duplicate_keys(&terms, items)?;
        let name = Subject::Attribute(ModelAttribute::Name);
        if terms.iter().all(|term| term.subject != name) {
            terms.push(Term {
                subject: name,
                values: ValueType::ListedText,
                descending: false,
            });
        }
        Ok(Order::new(terms))
    }

    /// The sort key of a model.
    pub fn key(&self, model: &Model) -> SortKey {
        self.key_of(|subject| of_model(subject, model))
    }

    /// The name in a cursor of the default order.
    pub fn listed_name(cursor: &[u8]) -> Option<&str> {
        // The cursor is a kind byte, the name and its end. A name has no zero byte, which would be encoded as
        // two bytes.
        let name = cursor.get(1..cursor.len().checked_sub(2)?)?;
        std::str::from_utf8(name).ok()
    }
}

fn of_model<'a>(subject: &Subject<ModelAttribute>, model: &'a Model) -> Field<'a> {
    match subject {
        Subject::Attribute(ModelAttribute::Name) => Field::text(&model.name),
        Subject::Attribute(ModelAttribute::LastUpdateTime) => Field::Integer(model.last_update_time_ms),
        _ => Field::Absent,
    }
}
