//! The filter and the order of searches for runs.

use super::filter::{Clause, Field, Filter, Searchable};
use super::order::{Order, Ordered, Term};
use super::schema::{Attribute, DatasetField, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::dataset::CONTEXT_TAG;
use crate::domain::run::{FullRun, NAME_TAG, RunInput};

/// A filter of runs.
pub type RunFilter = Filter<RunAttribute>;

/// An order of runs.
pub type RunOrder = Order<RunAttribute>;

/// An attribute of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunAttribute {
    /// Its id.
    RunId,
    /// Its name. In filters, its tag `mlflow.runName`.
    RunName,
    /// The name of its status.
    Status,
    /// The user that made it.
    UserId,
    /// The URI of its artifacts.
    ArtifactUri,
    /// Its start time.
    StartTime,
    /// Its end time. Absent while it is running.
    EndTime,
}

const fn entity(words: &'static [&'static str], kind: EntityKind, values: ValueType, ordered: bool) -> Entity {
    Entity {
        words,
        words_of_orders: &[],
        kind,
        values,
        ordered,
    }
}

const fn row(name: &'static str, id: RunAttribute, values: ValueType, ordered: bool) -> Attribute<RunAttribute> {
    Attribute {
        name,
        id,
        values,
        ordered,
    }
}

impl Searched for RunAttribute {
    const LANGUAGE: Schema<Self> = Schema {
        entities: &[
            entity(&["metric", "metrics"], EntityKind::Metric, ValueType::Float, true),
            entity(
                &["parameter", "parameters", "param", "params"],
                EntityKind::Param,
                ValueType::OptionalText,
                true,
            ),
            entity(&["tag", "tags"], EntityKind::Tag, ValueType::OptionalText, true),
            entity(
                &["attribute", "attributes", "attr", "run"],
                EntityKind::Attribute,
                ValueType::Text,
                true,
            ),
            entity(
                &["dataset", "datasets"],
                EntityKind::Dataset,
                ValueType::ListedText,
                false,
            ),
        ],
        attributes: &[
            row("run_id", RunAttribute::RunId, ValueType::ListedText, true),
            row("run_name", RunAttribute::RunName, ValueType::Text, true),
            row("status", RunAttribute::Status, ValueType::Text, true),
            row("user_id", RunAttribute::UserId, ValueType::Text, true),
            row("artifact_uri", RunAttribute::ArtifactUri, ValueType::Text, true),
            row("start_time", RunAttribute::StartTime, ValueType::Integer, true),
            row("end_time", RunAttribute::EndTime, ValueType::Integer, true),
            row("created", RunAttribute::StartTime, ValueType::Integer, true),
            row("Created", RunAttribute::StartTime, ValueType::Integer, true),
            row("run name", RunAttribute::RunName, ValueType::Text, false),
            row("Run name", RunAttribute::RunName, ValueType::Text, false),
            row("Run Name", RunAttribute::RunName, ValueType::Text, false),
        ],
    };
}

/// Of equal runs the newest start comes first, then the lower id.
impl Ordered for RunAttribute {
    const TIE_BREAKERS: &'static [Term<Self>] = &[
        Term::on(RunAttribute::StartTime, ValueType::Integer, true),
        Term::on(RunAttribute::RunId, ValueType::ListedText, false),
    ];
}

impl Searchable for FullRun<'_> {
    type Attribute = RunAttribute;

    fn field(&self, subject: &Subject<RunAttribute>) -> Field<'_> {
        match subject {
            Subject::Metric(key) => {
                let metric = self.metrics.iter().find(|metric| metric.key == *key);
                metric.map_or(Field::Absent, |metric| Field::Float(metric.point.value))
            }
            Subject::Param(key) => Field::of_key(key, &self.params),
            Subject::Tag(key) => Field::of_key(key, &self.tags),
            Subject::Dataset(_) | Subject::Named(..) => Field::Absent,
            Subject::Attribute(attribute) => match attribute {
                RunAttribute::RunId => Field::Text(self.run.id.to_string().into()),
                RunAttribute::RunName => Field::text(&self.run.name),
                RunAttribute::Status => Field::text(self.run.status.name()),
                RunAttribute::UserId => Field::text(&self.run.user_id),
                RunAttribute::ArtifactUri => Field::text(&self.run.artifact_uri),
                RunAttribute::StartTime => Field::Integer(self.run.start_time_ms),
                RunAttribute::EndTime => self.run.end_time_ms.map_or(Field::Absent, Field::Integer),
            },
        }
    }

    fn meets(&self, clause: &Clause<RunAttribute>) -> bool {
        match &clause.subject {
            // A single input is enough. Two clauses may be met by two inputs.
            Subject::Dataset(field) => {
                let mut inputs = self.inputs.iter();
                inputs.any(|input| clause.test.holds(&of_input(*field, input)))
            }
            Subject::Attribute(RunAttribute::RunName) => clause.test.holds(&Field::of_key(NAME_TAG, &self.tags)),
            subject => clause.test.holds(&self.field(subject)),
        }
    }
}

fn of_input(field: DatasetField, input: &RunInput) -> Field<'_> {
    match field {
        DatasetField::Name => Field::text(&input.name),
        DatasetField::Digest => Field::text(&input.digest),
        DatasetField::Context => Field::of_key(CONTEXT_TAG, &input.tags),
    }
}
