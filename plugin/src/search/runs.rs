//! The filter and the order of searches for runs.

use super::filter::{Clause, Field, Filter};
use super::order::{Order, SortKey, Term, reject_duplicate_keys, terms};
use super::schema::{Attribute, DatasetField, Entity, EntityKind, Schema, Searched, Subject, ValueType};
use crate::domain::dataset::CONTEXT_TAG;
use crate::domain::run::{FullRun, NAME_TAG, RunInput};
use crate::error::Result;

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

impl Filter<RunAttribute> {
    /// True if the filter finds the run.
    pub fn matches(&self, run: &FullRun<'_>) -> bool {
        self.clauses.iter().all(|clause| clause.matches(run))
    }
}

impl Clause<RunAttribute> {
    /// True if the clause holds for the run.
    pub fn matches(&self, run: &FullRun<'_>) -> bool {
        match &self.subject {
            // A single input is enough. Two clauses may be met by two inputs.
            Subject::Dataset(field) => run.inputs.iter().any(|input| self.test.holds(&of_input(*field, input))),
            Subject::Attribute(RunAttribute::RunName) => self.test.holds(&Field::of_key(NAME_TAG, &run.tags)),
            subject => self.test.holds(&of_run(subject, run)),
        }
    }
}

impl Order<RunAttribute> {
    /// True if this is the default order, in which runs are stored.
    pub fn is_listing(&self) -> bool {
        Self::parse(&[]).is_ok_and(|default| default == *self)
    }

    /// Reads an `order_by`. Of equal runs the newest start comes first, then the lower id.
    pub fn parse(items: &[&str]) -> Result<Self> {
        let mut terms: Vec<Term<RunAttribute>> = terms(items)?;
        reject_duplicate_keys(&terms, items)?;
        let start = Subject::Attribute(RunAttribute::StartTime);
        if terms.iter().all(|term| term.subject != start) {
            terms.push(Term {
                subject: start,
                values: ValueType::Integer,
                descending: true,
            });
        }
        let id = Subject::Attribute(RunAttribute::RunId);
        if terms.iter().all(|term| term.subject != id) {
            terms.push(Term {
                subject: id,
                values: ValueType::ListedText,
                descending: false,
            });
        }
        Ok(Order::new(terms))
    }

    /// The sort key of a run.
    pub fn key(&self, run: &FullRun<'_>) -> SortKey {
        self.key_of(|subject| of_run(subject, run))
    }
}

fn of_run<'a>(subject: &Subject<RunAttribute>, run: &'a FullRun<'_>) -> Field<'a> {
    match subject {
        Subject::Metric(key) => {
            let metric = run.metrics.iter().find(|metric| metric.key == *key);
            metric.map_or(Field::Absent, |metric| Field::Float(metric.point.value))
        }
        Subject::Param(key) => Field::of_key(key, &run.params),
        Subject::Tag(key) => Field::of_key(key, &run.tags),
        Subject::Dataset(_) => Field::Absent,
        Subject::Attribute(attribute) => match attribute {
            RunAttribute::RunId => Field::Text(run.run.id.to_string().into()),
            RunAttribute::RunName => Field::text(&run.run.name),
            RunAttribute::Status => Field::text(run.run.status.name()),
            RunAttribute::UserId => Field::text(&run.run.user_id),
            RunAttribute::ArtifactUri => Field::text(&run.run.artifact_uri),
            RunAttribute::StartTime => Field::Integer(run.run.start_time_ms),
            RunAttribute::EndTime => run.run.end_time_ms.map_or(Field::Absent, Field::Integer),
        },
    }
}

fn of_input(field: DatasetField, input: &RunInput) -> Field<'_> {
    match field {
        DatasetField::Name => Field::text(&input.name),
        DatasetField::Digest => Field::text(&input.digest),
        DatasetField::Context => Field::of_key(CONTEXT_TAG, &input.tags),
    }
}
