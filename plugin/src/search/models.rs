//! The filter and the order of searches for registered models.

use std::collections::BTreeSet;

use super::filter::{Field, Filter, Searchable};
use super::lex::shown;
use super::order::{Order, Ordered, Term, reject_duplicate_keys};
use super::prompts::Kind;
use super::schema::{Attribute, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::model::FullModel;
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

    /// True if the search finds the model.
    pub fn matches(&self, model: &FullModel) -> bool {
        let is_hidden = self.kind == Kind::Models && model.tags.iter().any(|(key, value)| hides(key, value));
        !is_hidden && self.filter.matches(model)
    }

    /// The names of which a found model must have one. `None`: the filter does not restrict them.
    pub fn names(&self) -> Option<&BTreeSet<String>> {
        self.filter.texts_of(ModelAttribute::Name)
    }
}

/// Equal models are ordered by name. Attributes are named without an entity.
impl Ordered for ModelAttribute {
    const TIE_BREAKERS: &'static [Term<Self>] = &[Term::on(ModelAttribute::Name, ValueType::ListedText, false)];

    fn validate(terms: &[Term<Self>], items: &[&str]) -> Result<()> {
        if let Some(item) = items.iter().find(|item| item.contains('.')) {
            return Err(Error::Invalid(format!(
                "Invalid order by key '{}' specified. Valid keys are ['name', 'timestamp', 'last_updated_timestamp']",
                shown(item)
            )));
        }
        reject_duplicate_keys(terms, items)
    }
}

impl Order<ModelAttribute> {
    /// The name in a cursor of the default order.
    pub fn listed_name(cursor: &[u8]) -> Option<&str> {
        // The cursor is a kind byte, the name and its end. A name has no zero byte, which would be encoded as
        // two bytes.
        let name = cursor.get(1..cursor.len().checked_sub(2)?)?;
        std::str::from_utf8(name).ok()
    }
}

impl Searchable for FullModel {
    type Attribute = ModelAttribute;

    fn field(&self, subject: &Subject<ModelAttribute>) -> Field<'_> {
        match subject {
            Subject::Tag(key) => Field::of_key(key, &self.tags),
            Subject::Attribute(ModelAttribute::Name) => Field::text(&self.model.name),
            Subject::Attribute(ModelAttribute::LastUpdateTime) => Field::Integer(self.model.last_update_time_ms),
            _ => Field::Absent,
        }
    }
}
