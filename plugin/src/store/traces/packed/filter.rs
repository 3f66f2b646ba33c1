//! Evaluates a search on the columns of a block. It removes traces that the search surely does not find. Those that it keeps are
//! read, so it need not decide what the columns do not tell.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::domain::trace::{INFO_FINALIZED, NAME_TAG, SERVER_TAGS, SESSION};
use crate::search::filter::{Clause, Field, Predicate};
use crate::search::schema::{EntityKind, Subject};
use crate::search::traces::{TraceAttribute, TraceSearch, judgement_holds, names_run};
use crate::store::columnar::block::{Block, Value};
use crate::store::columnar::slot_bitmap::SlotBitmap;
use crate::store::keys::trace_columns::TraceColumn;

/// The columns that a search reads, and its clauses on them.
pub struct ColumnFilter<'q> {
    columns: Vec<TraceColumn>,
    clauses: Vec<ColumnClause<'q>>,
}

/// A clause on a column, which is given by its index.
struct ColumnClause<'q> {
    column: usize,
    test: Test<'q>,
}

enum Test<'q> {
    /// The value itself is tested.
    Value(&'q Predicate),
    /// The value is an assessment, or the session, given by its column, has assessments that count for the trace.
    Judgement(&'q Predicate, usize, &'q BTreeSet<String>),
    /// The sum with a duration, given by its column, is tested.
    End(&'q Predicate, usize),
}

impl<'q> ColumnFilter<'q> {
    /// The clauses of a search that columns can decide. `judged` are the sessions with assessments that count for all of their traces.
    /// `None`: they are unknown.
    pub fn new(search: &'q TraceSearch, judged: Option<&'q BTreeSet<String>>) -> Self {
        let mut filter = ColumnFilter {
            columns: Vec::new(),
            clauses: Vec::new(),
        };
        search.own.clauses.iter().for_each(|clause| filter.add_own(clause));
        if let Some(judged) = judged {
            let clauses = search.assessment_clauses().iter();
            clauses.for_each(|clause| filter.add_judgement(clause, judged));
        }
        // The cheap and selective ones come first.
        filter.clauses.sort_by_key(|clause| clause.test.cost());
        filter
    }

    /// True if the columns exclude nothing.
    pub fn is_empty(&self) -> bool {
        self.clauses.is_empty()
    }

    /// The columns that are read.
    pub fn columns(&self) -> &[TraceColumn] {
        &self.columns
    }

    /// The index of a column, which is read from now on.
    pub fn index(&mut self, column: TraceColumn) -> usize {
        let known = self.columns.iter().position(|other| *other == column);
        known.unwrap_or_else(|| {
            self.columns.push(column);
            self.columns.len() - 1
        })
    }

    fn add_own(&mut self, clause: &'q Clause<TraceAttribute>) {
        let column = match &clause.subject {
            // The columns do not have the runs that are linked.
            subject if names_run(subject) => return,
            Subject::Tag(key) if !SERVER_TAGS.contains(&key.as_str()) => TraceColumn::Tag(key.clone()),
            Subject::Named(EntityKind::Metadata, key) if key != INFO_FINALIZED => TraceColumn::Metadata(key.clone()),
            Subject::Attribute(TraceAttribute::ClientRequestId) => TraceColumn::ClientRequestId,
            Subject::Attribute(TraceAttribute::Status) => TraceColumn::State,
            Subject::Attribute(TraceAttribute::Name) => TraceColumn::Tag(NAME_TAG.to_owned()),
            Subject::Attribute(TraceAttribute::Start) => TraceColumn::Start,
            Subject::Attribute(TraceAttribute::Duration) => TraceColumn::Duration,
            Subject::Attribute(TraceAttribute::End) => {
                let (column, duration) = (self.index(TraceColumn::Start), self.index(TraceColumn::Duration));
                let test = Test::End(&clause.test, duration);
                return self.clauses.push(ColumnClause { column, test });
            }
            _ => return,
        };
        if column.is_stored() {
            let column = self.index(column);
            let test = Test::Value(&clause.test);
            self.clauses.push(ColumnClause { column, test });
        }
    }

    fn add_judgement(&mut self, clause: &'q Clause<TraceAttribute>, judged: &'q BTreeSet<String>) {
        let column = match &clause.subject {
            Subject::Named(EntityKind::Feedback, name) => TraceColumn::Feedback(name.clone()),
            Subject::Named(EntityKind::Expectation, name) => TraceColumn::Expectation(name.clone()),
            _ => return,
        };
        if column.is_stored() {
            let column = self.index(column);
            let session = self.index(TraceColumn::Metadata(SESSION.to_owned()));
            let test = Test::Judgement(&clause.test, session, judged);
            self.clauses.push(ColumnClause { column, test });
        }
    }

    /// Removes the slots of traces that the search does not find. `columns` are those of `columns()`. In a block that is not whole,
    /// a column without values says nothing.
    pub fn retain(&self, columns: &[Rc<Block>], is_whole: bool, slots: &mut SlotBitmap) {
        let column = |index: usize| columns.get(index).map(Rc::as_ref);
        for clause in &self.clauses {
            let Some(block) = column(clause.column).filter(|block| is_whole || !block.is_empty()) else {
                continue;
            };
            match &clause.test {
                Test::Value(test) => retain_values(block, test, slots),
                Test::End(test, duration) => {
                    let number = |block: Option<&Block>, slot| Some(i64::from_le_bytes(block?.number(slot)?));
                    let end = |slot| {
                        let start = number(Some(block), slot).unwrap_or_default();
                        start.saturating_add(number(column(*duration), slot).unwrap_or(0))
                    };
                    slots.retain(|slot| test.holds(&Field::Integer(end(slot))));
                }
                Test::Judgement(test, session, judged) => {
                    let all = *slots;
                    retain_texts(block, slots, |json| match json {
                        Some(json) => judgement_holds_or_is_absent(test, json),
                        None => matches!(test, Predicate::Absent),
                    });
                    if !judged.is_empty() {
                        let mut by_session = all - *slots;
                        let sessions = column(*session).filter(|block| is_whole || !block.is_empty());
                        if let Some(sessions) = sessions {
                            retain_texts(sessions, &mut by_session, |session| {
                                session.is_some_and(|session| judged.contains(session))
                            });
                        }
                        *slots |= by_session;
                    }
                }
            }
        }
    }
}

/// True if an assessment with this value can make a trace meet the test.
fn judgement_holds_or_is_absent(test: &Predicate, json: &str) -> bool {
    match test {
        Predicate::Absent => false,
        Predicate::Present => true,
        test => judgement_holds(test, json),
    }
}

impl Test<'_> {
    /// The rank of a test: cheap and selective ones come first.
    fn cost(&self) -> u8 {
        match self {
            Test::Value(Predicate::Text { wanted: true, .. } | Predicate::Integer(..)) => 0,
            Test::Judgement(..) => 1,
            Test::End(..) | Test::Value(Predicate::Text { .. } | Predicate::Absent | Predicate::Present) => 2,
            Test::Value(_) => 3,
        }
    }
}

fn retain_values(block: &Block, test: &Predicate, slots: &mut SlotBitmap) {
    if let Predicate::Integer(relation, bound) = test {
        let range = bound.range(*relation);
        let holds = |bytes: &[u8; 8]| {
            let value = i64::from_le_bytes(*bytes);
            range.map_or_else(
                || test.holds(&Field::Integer(value)),
                |(first, last)| first <= value && value <= last,
            )
        };
        return match block.dense() {
            Some(numbers) => slots.retain_by(numbers, holds, false),
            None => slots.retain(|slot| block.number(slot).is_some_and(|number| holds(&number))),
        };
    }
    retain_texts(block, slots, |text| match text {
        Some(text) => test.holds(&Field::text(text)),
        None => test.holds(&Field::Absent),
    });
}

/// Keeps the slots whose text passes a test, and those whose text only the trace itself has.
fn retain_texts(block: &Block, slots: &mut SlotBitmap, test: impl Fn(Option<&str>) -> bool) {
    let outcome = |value: Value<'_>| match value {
        Value::Absent => test(None),
        Value::Text(text) => test(Some(text)),
        Value::Bytes(_) | Value::Oversized => true,
    };
    if let Some((codes, words)) = block.dense_dictionary() {
        let kept: Vec<bool> = words.map(outcome).collect();
        let keep = |code: &u8| kept.get(usize::from(*code)).copied().unwrap_or(true);
        return slots.retain_by(codes, keep, test(None));
    }
    if !test(None) {
        *slots = *slots & block.held();
    }
    slots.retain(|slot| outcome(block.get(slot)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::columns::{TraceRow, build};
    use super::*;
    use crate::domain::trace::Trace;
    use crate::domain::trace::assessment::Assessment;
    use crate::domain::trace::tests::a_trace;
    use proptest::prelude::*;

    fn a_clause() -> impl Strategy<Value = String> {
        const TEXTS: &[&str] = &[
            "tags.a",
            "tags.b",
            "name",
            "status",
            "run_id",
            "client_request_id",
            "metadata.`mlflow.trace.session`",
            "metadata.a",
            "metadata.`mlflow.trace.infoFinalized`",
            "tags.`mlflow.artifactLocation`",
            "feedback.p",
            "expectation.q",
        ];
        let value = "x|y|z|%|r|OK|ERROR|IN_PROGRESS|STATE_UNSPECIFIED|true";
        let text = (prop::sample::select(TEXTS), "=|!=|LIKE", value);
        let text = text.prop_map(|(word, comparator, value)| format!("{word} {comparator} '{value}'"));
        let number = ("timestamp|end_time|execution_time_ms", "=|!=|<|<=|>|>=", -3i64..20);
        let number = number.prop_map(|(word, comparator, value)| format!("{word} {comparator} {value}"));
        let null = (
            prop::sample::select(&["tags.a", "name", "metadata.a", "feedback.p"][..]),
            "IS NULL|IS NOT NULL",
        );
        prop_oneof![text, number, null.prop_map(|(word, test)| format!("{word} {test}"))]
    }

    fn of_session<'a>(traces: &'a [Trace], trace: &Trace) -> Vec<&'a Assessment> {
        let Some(session) = trace.metadatum(SESSION) else {
            return Vec::new();
        };
        let all = traces.iter().flat_map(|trace| &trace.assessments);
        all.filter(|one| one.session() == Some(session)).collect()
    }

    proptest! {
        #[test]
        fn a_trace_that_a_search_finds_is_kept(
            traces in prop::collection::vec(a_trace(), 1..40), clauses in prop::collection::vec(a_clause(), 1..4),
        ) {
            let search = TraceSearch::parse(&clauses.join(" AND ")).unwrap();
            let rows: Vec<TraceRow> = traces.iter().map(TraceRow::of).collect();
            let packed = build(&rows).unwrap();
            let judged = traces.iter().flat_map(|trace| &trace.assessments);
            let judged: BTreeSet<String> = judged.filter_map(|one| one.session()).map(str::to_owned).collect();
            let filter = ColumnFilter::new(&search, Some(&judged));
            let stored = |column: &TraceColumn| packed.columns.iter().find(|(other, _)| other == column);
            let read = |column| Rc::new(Block::read(stored(column).map_or(&[][..], |(_, value)| value)).unwrap());
            let columns: Vec<Rc<Block>> = filter.columns().iter().map(read).collect();
            let mut slots = SlotBitmap::prefix(u16::try_from(traces.len()).unwrap());
            filter.retain(&columns, packed.is_whole, &mut slots);
            let kept: Vec<u16> = slots.iter().collect();
            for (slot, trace) in (0..).zip(&traces) {
                let of_session: Vec<Assessment> = of_session(&traces, trace).into_iter().cloned().collect();
                let matches = search.own.matches(trace) && search.matches_assessments(trace, &of_session);
                prop_assert!(!matches || kept.contains(&slot), "{clauses:?} {trace:?}");
            }
        }
    }

    #[test]
    fn a_trace_that_the_columns_exclude_is_not_read() {
        let trace = |duration| {
            let id = crate::domain::trace::id::TraceId::stored("t");
            let mut trace = Trace::new(id, crate::domain::id::ExperimentId(1), "", 0);
            trace.duration_ms = Some(duration);
            trace
        };
        let rows: Vec<TraceRow> = (0..100).map(|duration| TraceRow::of(&trace(duration))).collect();
        let packed = build(&rows).unwrap();
        let search = TraceSearch::parse("execution_time_ms > 97").unwrap();
        let filter = ColumnFilter::new(&search, None);
        let column = packed
            .columns
            .iter()
            .find(|(column, _)| *column == TraceColumn::Duration)
            .unwrap();
        let mut slots = SlotBitmap::prefix(100);
        filter.retain(&[Rc::new(Block::read(&column.1).unwrap())], true, &mut slots);
        assert_eq!(slots.iter().collect::<Vec<_>>(), [98, 99]);
    }
}
