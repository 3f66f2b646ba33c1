//! The filter and the order of searches for experiments.

use super::filter::{Clause, Field, Filter};
use super::order::{Order, SortKey, Term, terms};
use super::schema::{Attribute, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::experiment::{Experiment, Pair};
use crate::error::Result;

/// A filter of experiments.
pub type ExperimentFilter = Filter<ExperimentAttribute>;

/// An order of experiments.
pub type ExperimentOrder = Order<ExperimentAttribute>;

/// An attribute of experiments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExperimentAttribute {
    /// Its number.
    ExperimentId,
    /// Its name.
    Name,
    /// Its creation time.
    CreationTime,
    /// The time at which it was last renamed, deleted or restored.
    LastUpdateTime,
}

const fn row(name: &'static str, id: ExperimentAttribute, values: ValueType) -> Attribute<ExperimentAttribute> {
    Attribute {
        name,
        id,
        values,
        ordered: true,
    }
}

impl Searched for ExperimentAttribute {
    const LANGUAGE: Schema<Self> = Schema {
        entities: &[
            Entity {
                words: &["attribute", "attributes"],
                words_of_orders: &[],
                kind: EntityKind::Attribute,
                values: ValueType::Text,
                ordered: true,
            },
            Entity {
                words: &["tag", "tags"],
                words_of_orders: &[],
                kind: EntityKind::Tag,
                values: ValueType::OptionalText,
                ordered: false,
            },
        ],
        attributes: &[
            row("name", ExperimentAttribute::Name, ValueType::Text),
            row(
                "experiment_id",
                ExperimentAttribute::ExperimentId,
                ValueType::ExperimentId,
            ),
            row(
                "creation_time",
                ExperimentAttribute::CreationTime,
                ValueType::WholeInteger,
            ),
            row(
                "last_update_time",
                ExperimentAttribute::LastUpdateTime,
                ValueType::WholeInteger,
            ),
        ],
    };
}

impl Filter<ExperimentAttribute> {
    /// True if the filter finds an experiment with these tags.
    pub fn matches(&self, experiment: &Experiment, tags: &[Pair]) -> bool {
        self.clauses.iter().all(|clause| clause.matches(experiment, tags))
    }
}

impl Clause<ExperimentAttribute> {
    /// True if the clause holds for an experiment with these tags.
    pub fn matches(&self, experiment: &Experiment, tags: &[Pair]) -> bool {
        match &self.subject {
            Subject::Tag(key) => self.test.holds(&Field::of_key(key, tags)),
            subject => self.test.holds(&of_experiment(subject, experiment)),
        }
    }
}

impl Order<ExperimentAttribute> {
    /// True if this is the default order, in which experiments are stored.
    pub fn is_listing(&self) -> bool {
        Self::parse(&[]).is_ok_and(|default| default == *self)
    }

    /// Reads an `order_by`. Without items the newest come first, of equal ones the lower ids. Otherwise the
    /// higher ids of equal ones come first. Of items that name the same field only the first counts.
    pub fn parse(items: &[&str]) -> Result<Self> {
        let default = ["creation_time DESC", "experiment_id ASC"];
        let mut terms: Vec<Term<ExperimentAttribute>> = terms(if items.is_empty() { &default } else { items })?;
        let id = Subject::Attribute(ExperimentAttribute::ExperimentId);
        if terms.iter().all(|term| term.subject != id) {
            terms.push(Term {
                subject: id,
                values: ValueType::ExperimentId,
                descending: true,
            });
        }
        Ok(Order::new(terms))
    }

    /// The sort key of an experiment.
    pub fn key(&self, experiment: &Experiment) -> SortKey {
        self.key_of(|subject| of_experiment(subject, experiment))
    }
}

fn of_experiment<'a>(subject: &Subject<ExperimentAttribute>, experiment: &'a Experiment) -> Field<'a> {
    match subject {
        Subject::Attribute(ExperimentAttribute::ExperimentId) => Field::Id(experiment.id.0),
        Subject::Attribute(ExperimentAttribute::Name) => Field::text(&experiment.name),
        Subject::Attribute(ExperimentAttribute::CreationTime) => Field::Integer(experiment.creation_time_ms),
        Subject::Attribute(ExperimentAttribute::LastUpdateTime) => Field::Integer(experiment.last_update_time_ms),
        _ => Field::Absent,
    }
}
