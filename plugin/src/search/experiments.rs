//! The filter and the order of searches for experiments.

use super::filter::{Field, Filter, Searchable};
use super::order::{Order, Ordered, Term};
use super::schema::{Attribute, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::experiment::FullExperiment;
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

/// Without items the newest come first, of equal ones the lower ids. Otherwise the higher ids of equal ones
/// come first. Of items that name the same field only the first counts.
impl Ordered for ExperimentAttribute {
    const DEFAULT: &'static [&'static str] = &["creation_time DESC", "experiment_id ASC"];
    const TIE_BREAKERS: &'static [Term<Self>] = &[Term::on(
        ExperimentAttribute::ExperimentId,
        ValueType::ExperimentId,
        true,
    )];

    fn validate(_: &[Term<Self>], _: &[&str]) -> Result<()> {
        Ok(())
    }
}

impl Searchable for FullExperiment {
    type Attribute = ExperimentAttribute;

    fn field(&self, subject: &Subject<ExperimentAttribute>) -> Field<'_> {
        let experiment = &self.experiment;
        match subject {
            Subject::Tag(key) => Field::of_key(key, &self.tags),
            Subject::Attribute(ExperimentAttribute::ExperimentId) => Field::Id(experiment.id.0),
            Subject::Attribute(ExperimentAttribute::Name) => Field::text(&experiment.name),
            Subject::Attribute(ExperimentAttribute::CreationTime) => Field::Integer(experiment.creation_time_ms),
            Subject::Attribute(ExperimentAttribute::LastUpdateTime) => Field::Integer(experiment.last_update_time_ms),
            _ => Field::Absent,
        }
    }
}
