//! The filter and the order of searches for traces. Clauses on spans hold if one span meets all of them.

use super::filter::{Clause, Field, Filter, Predicate, Searchable};
use super::lex::shown;
use super::mistake::FilterMistake;
use super::order::{Order, Ordered, SortKey, Term};
use super::problem::Problem;
use super::schema::{Attribute, Entity, EntityKind, SPAN_ATTRIBUTES, Schema, Searched, Subject, ValueType};
use crate::domain::trace::assessment::{Assessment, Content};
use crate::domain::trace::id::TraceId;
use crate::domain::trace::span::Span;
use crate::domain::trace::{SESSION, SOURCE_RUN, Trace};
use crate::error::Result;

/// An order of traces.
pub type TraceOrder = Order<TraceAttribute>;

/// An attribute of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceAttribute {
    /// Its id.
    RequestId,
    /// The id that the application gave the request.
    ClientRequestId,
    /// Its state.
    Status,
    /// Its name.
    Name,
    /// The run in which it was made. `=` also finds the runs that are linked to it.
    RunId,
    /// Its start.
    Start,
    /// Its duration.
    Duration,
    /// Its end.
    End,
    /// Its experiment.
    Experiment,
    /// A prompt version that is linked to it.
    Prompt,
    /// The contents of its spans.
    Text,
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

const fn row(name: &'static str, id: TraceAttribute, values: ValueType, ordered: bool) -> Attribute<TraceAttribute> {
    Attribute {
        name,
        id,
        values,
        ordered,
    }
}

impl Searched for TraceAttribute {
    const LANGUAGE: Schema<Self> = Schema {
        entities: &[
            entity(
                &["attribute", "attributes", "trace"],
                EntityKind::Attribute,
                ValueType::ListedPattern,
                true,
            ),
            entity(&["tag", "tags"], EntityKind::Tag, ValueType::OptionalPattern, true),
            entity(
                &["metadata", "request_metadata"],
                EntityKind::Metadata,
                ValueType::OptionalPattern,
                true,
            ),
            entity(&["span"], EntityKind::Span, ValueType::Pattern, false),
            entity(&["feedback"], EntityKind::Feedback, ValueType::Judgement, false),
            entity(&["expectation"], EntityKind::Expectation, ValueType::Judgement, false),
            entity(&["issue"], EntityKind::Issue, ValueType::Exact, false),
        ],
        attributes: &[
            row("request_id", TraceAttribute::RequestId, ValueType::ListedPattern, true),
            row(
                "client_request_id",
                TraceAttribute::ClientRequestId,
                ValueType::ListedPattern,
                false,
            ),
            row("status", TraceAttribute::Status, ValueType::ListedPattern, true),
            row("name", TraceAttribute::Name, ValueType::OptionalPattern, true),
            row("run_id", TraceAttribute::RunId, ValueType::OptionalPattern, true),
            row("timestamp", TraceAttribute::Start, ValueType::WholeInteger, true),
            row("timestamp_ms", TraceAttribute::Start, ValueType::WholeInteger, true),
            row(
                "execution_time",
                TraceAttribute::Duration,
                ValueType::WholeInteger,
                true,
            ),
            row(
                "execution_time_ms",
                TraceAttribute::Duration,
                ValueType::WholeInteger,
                true,
            ),
            row("end_time", TraceAttribute::End, ValueType::WholeInteger, true),
            row("end_time_ms", TraceAttribute::End, ValueType::WholeInteger, true),
            row("experiment_id", TraceAttribute::Experiment, ValueType::OrderOnly, true),
            row("prompt", TraceAttribute::Prompt, ValueType::Exact, false),
            row("text", TraceAttribute::Text, ValueType::Content, false),
        ],
    };
}

/// The newest come first, then the lower ids.
impl Ordered for TraceAttribute {
    const TIE_BREAKERS: &'static [Term<Self>] = &[
        Term::on(TraceAttribute::Start, ValueType::WholeInteger, true),
        Term::on(TraceAttribute::RequestId, ValueType::ListedPattern, false),
    ];
}

impl Order<TraceAttribute> {
    /// The sort key of a trace in the default order.
    pub fn listed_key(&self, start_ms: i64, id: &TraceId) -> SortKey {
        self.key_of(|subject| match subject {
            Subject::Attribute(TraceAttribute::Start) => Field::Integer(start_ms),
            _ => Field::text(id.as_str()),
        })
    }

    /// The start and the id in a cursor of the default order.
    pub fn listing_cursor(cursor: &[u8]) -> Option<(i64, TraceId)> {
        let (time, rest) = cursor.get(1..)?.split_first_chunk()?;
        let start_ms = (!u64::from_be_bytes(*time) ^ 1 << 63).cast_signed();
        let id = std::str::from_utf8(rest.get(1..)?.strip_suffix(&[0, 0])?).ok()?;
        TraceId::parse(id).ok().map(|id| (start_ms, id))
    }

    /// True if these bytes can be a cursor of this order.
    pub fn fits(&self, cursor: &[u8]) -> bool {
        self.read_key(cursor).is_some() && (!self.is_listing() || Self::listing_cursor(cursor).is_some())
    }
}

impl Searchable for Trace {
    type Attribute = TraceAttribute;

    fn field(&self, subject: &Subject<TraceAttribute>) -> Field<'_> {
        let text = |text: Option<&'_ str>| text.map_or(Field::Absent, |text| Field::Text(text.to_owned().into()));
        match subject {
            Subject::Tag(key) => text(self.tag(key)),
            Subject::Named(EntityKind::Metadata, key) => text(self.metadatum(key)),
            Subject::Attribute(attribute) => match attribute {
                TraceAttribute::RequestId => Field::text(self.id.as_str()),
                TraceAttribute::ClientRequestId => text(self.client_request_id.as_deref()),
                TraceAttribute::Status => Field::text(self.state.name()),
                TraceAttribute::Name => text(self.name()),
                TraceAttribute::RunId => text(self.metadatum(SOURCE_RUN)),
                TraceAttribute::Start => Field::Integer(self.start_ms),
                TraceAttribute::Duration => self.duration_ms.map_or(Field::Absent, Field::Integer),
                TraceAttribute::End => Field::Integer(self.end_ms()),
                TraceAttribute::Experiment => Field::Id(self.experiment.0),
                TraceAttribute::Prompt | TraceAttribute::Text => Field::Absent,
            },
            _ => Field::Absent,
        }
    }

    fn meets(&self, clause: &Clause<TraceAttribute>) -> bool {
        let by_links = |links: &std::collections::BTreeSet<String>| match &clause.test {
            Predicate::Text { among, wanted: true } => among.iter().any(|wanted| links.contains(wanted)),
            _ => false,
        };
        let own = clause.test.holds(&self.field(&clause.subject));
        match &clause.subject {
            subject if names_run(subject) => own || by_links(&self.runs),
            Subject::Attribute(TraceAttribute::Prompt) => by_links(&self.prompts),
            _ => own,
        }
    }
}

/// True for the run in which a trace was made, by either of its names.
pub fn names_run(subject: &Subject<TraceAttribute>) -> bool {
    match subject {
        Subject::Attribute(TraceAttribute::RunId) => true,
        Subject::Named(EntityKind::Metadata, key) => key == SOURCE_RUN,
        _ => false,
    }
}

/// A search for traces. Its clauses are sorted by what must be read for them. By default it finds every trace.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSearch {
    /// Clauses on the trace itself.
    pub own: Filter<TraceAttribute>,
    /// Clauses on assessments.
    assessments: Vec<Clause<TraceAttribute>>,
    /// Clauses that one span must meet together.
    spans: Vec<Clause<TraceAttribute>>,
    /// Clauses that each must be met by some span.
    texts: Vec<Clause<TraceAttribute>>,
}

impl Default for TraceSearch {
    fn default() -> Self {
        TraceSearch {
            own: Filter { clauses: Vec::new() },
            assessments: Vec::new(),
            spans: Vec::new(),
            texts: Vec::new(),
        }
    }
}

impl TraceSearch {
    /// Reads a filter. An empty one finds every trace.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).map_err(FilterMistake::into_error)
    }

    /// The search for the traces of a session.
    pub fn of_session(session: &str) -> Self {
        let clause = Clause {
            subject: Subject::Named(EntityKind::Metadata, SESSION.to_owned()),
            test: Predicate::Text {
                among: [session.to_owned()].into(),
                wanted: true,
            },
        };
        TraceSearch {
            own: Filter { clauses: vec![clause] },
            ..TraceSearch::default()
        }
    }

    /// Reads a filter. The error says where the mistake is.
    pub fn read(text: &str) -> std::result::Result<Self, FilterMistake> {
        let mut search = TraceSearch::default();
        for clause in Filter::<TraceAttribute>::read(text)?.clauses {
            validate_prompt(&clause)?;
            match &clause.subject {
                Subject::Named(EntityKind::Span, _) => search.spans.push(clause),
                Subject::Named(EntityKind::Feedback | EntityKind::Expectation | EntityKind::Issue, _) => {
                    search.assessments.push(clause);
                }
                Subject::Attribute(TraceAttribute::Text) => search.texts.push(clause),
                _ => search.own.clauses.push(clause),
            }
        }
        Ok(search)
    }

    /// The test of the only clause. `None`: the search has another number of clauses.
    pub fn only_test(&self) -> Option<&Predicate> {
        let others = [&self.assessments, &self.spans, &self.texts].into_iter().flatten();
        let mut all = self.own.clauses.iter().chain(others);
        all.next().filter(|_| all.next().is_none()).map(|clause| &clause.test)
    }

    /// True if the search finds every trace.
    pub fn is_everything(&self) -> bool {
        self.own.is_empty() && !self.asks_assessments() && !self.asks_spans()
    }

    /// True if assessments must be known, also those of other traces of the session.
    pub fn asks_assessments(&self) -> bool {
        !self.assessments.is_empty()
    }

    /// The clauses on assessments.
    pub fn assessment_clauses(&self) -> &[Clause<TraceAttribute>] {
        &self.assessments
    }

    /// True if spans must be known.
    pub fn asks_spans(&self) -> bool {
        !self.spans.is_empty() || !self.texts.is_empty()
    }

    /// True if the assessments are as the search wants them. `of_session` are those that count for the trace's session.
    pub fn matches_assessments(&self, trace: &Trace, of_session: &[Assessment]) -> bool {
        self.assessments.iter().all(|clause| {
            let Subject::Named(kind, name) = &clause.subject else {
                return false;
            };
            let all = trace
                .assessments
                .iter()
                .chain(of_session)
                .filter(|assessment| assessment.valid);
            let mut values = all.filter_map(|assessment| value_of(assessment, *kind, name));
            match &clause.test {
                Predicate::Absent => values.next().is_none(),
                Predicate::Present => values.next().is_some(),
                test => values.any(|value| judgement_holds(test, value)),
            }
        })
    }

    /// True if the spans are as the search wants them.
    pub fn matches_spans(&self, spans: &[Span]) -> bool {
        let one = |span: &Span| self.spans.iter().all(|clause| span_meets(span, clause));
        let content =
            |clause: &Clause<TraceAttribute>, span: &Span| clause.test.holds(&Field::Text(span.content().into()));
        (self.spans.is_empty() || spans.iter().any(one))
            && self
                .texts
                .iter()
                .all(|clause| spans.iter().any(|span| content(clause, span)))
    }
}

fn validate_prompt(clause: &Clause<TraceAttribute>) -> std::result::Result<(), FilterMistake> {
    if clause.subject != Subject::Attribute(TraceAttribute::Prompt) {
        return Ok(());
    }
    let Predicate::Text { among, .. } = &clause.test else {
        return Ok(());
    };
    match among.iter().find(|value| value.split('/').count() != 2) {
        None => Ok(()),
        Some(value) => {
            let value = shown(value);
            let text = format!("Invalid prompts filter value '{value}'. Expected format: prompt = \"name/version\"");
            Err(FilterMistake::of_all(Problem::Other.of([text])))
        }
    }
}

/// The value of an assessment, if it is of this kind and name.
fn value_of<'a>(assessment: &'a Assessment, kind: EntityKind, name: &str) -> Option<&'a str> {
    let is_kind = match assessment.content {
        Content::Feedback { .. } => kind == EntityKind::Feedback,
        Content::Expectation { .. } | Content::Serialized { .. } => kind == EntityKind::Expectation,
        Content::Issue { .. } => kind == EntityKind::Issue,
    };
    let is_named = kind == EntityKind::Issue || assessment.name == name;
    (is_kind && is_named).then(|| assessment.content.value())
}

/// True if the value of an assessment, as JSON, meets a test. Texts are compared with and without their quotes.
pub fn judgement_holds(test: &Predicate, json: &str) -> bool {
    let bare = json
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or(json);
    match test {
        Predicate::Float(..) => json.parse().is_ok_and(|number| test.holds(&Field::Float(number))),
        Predicate::Text { among, wanted } => (among.contains(json) || among.contains(bare)) == *wanted,
        test => test.holds(&Field::text(bare)),
    }
}

fn span_meets(span: &Span, clause: &Clause<TraceAttribute>) -> bool {
    let Subject::Named(_, key) = &clause.subject else {
        return false;
    };
    let field = match key.as_str() {
        "name" => Field::text(&span.name),
        "type" => Field::text(span.kind_of_work()),
        "status" => Field::text(span.status.name()),
        "content" => Field::Text(span.content().into()),
        key => {
            let value = span.attribute(key.strip_prefix(SPAN_ATTRIBUTES).unwrap_or(key));
            // As on MLflow's server, only regular expressions see a text without its quotes.
            value.map_or(Field::Absent, |value| match (&clause.test, value.as_text()) {
                (Predicate::Matches(_), Some(text)) => Field::text(text),
                _ => Field::Text(value.json().into()),
            })
        }
    };
    clause.test.holds(&field)
}

#[cfg(test)]
mod tests;
