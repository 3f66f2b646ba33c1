//! Plans of searches: the list of traces that a search reads. Each trace that the search finds is in it.

use crate::domain::id::ExperimentId;
use crate::domain::trace::{NAME_TAG, SERVER_TAGS, SOURCE_RUN, TraceState};
use crate::search::filter::{Clause, Predicate};
use crate::search::schema::{EntityKind, Subject};
use crate::search::traces::{TraceAttribute, TraceSearch};
use crate::store::keys::traces::{List, ListedField};

/// The list of an experiment's traces that a search reads: the shortest, by the kind of value.
pub fn list(experiment: ExperimentId, search: &TraceSearch) -> List {
    let lists = search
        .own
        .clauses
        .iter()
        .filter_map(|clause| list_of(experiment, clause));
    lists
        .min_by_key(|list| match list {
            List::Value(_, ListedField::State, ..) => 1,
            List::Value(..) => 0,
            List::Experiment(_) => 2,
        })
        .unwrap_or(List::Experiment(experiment))
}

/// The list of the traces that meet a clause. `None`: there is no such list.
fn list_of(experiment: ExperimentId, clause: &Clause<TraceAttribute>) -> Option<List> {
    let Predicate::Text { among, wanted: true } = &clause.test else {
        return None;
    };
    let value = among.first().filter(|_| among.len() == 1)?;
    let (field, key) = match &clause.subject {
        Subject::Tag(key) if !SERVER_TAGS.contains(&key.as_str()) => (ListedField::Tag, key.as_str()),
        Subject::Named(EntityKind::Metadata, key) if key == SOURCE_RUN => (ListedField::Run, ""),
        Subject::Named(EntityKind::Metadata, key) => (ListedField::Metadata, key.as_str()),
        Subject::Attribute(TraceAttribute::Name) => (ListedField::Tag, NAME_TAG),
        Subject::Attribute(TraceAttribute::RunId) => (ListedField::Run, ""),
        Subject::Attribute(TraceAttribute::Prompt) => (ListedField::Prompt, ""),
        Subject::Attribute(TraceAttribute::Status) if value != TraceState::Unspecified.name() => {
            (ListedField::State, "")
        }
        _ => return None,
    };
    List::of_value(experiment, field, key, value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::trace::Trace;
    use crate::domain::trace::tests::a_trace;
    use crate::store::keys::traces::{places, sort_key};
    use proptest::prelude::*;

    fn a_clause() -> impl Strategy<Value = String> {
        let value = "x|y|z|r|s|OK|ERROR|IN_PROGRESS|STATE_UNSPECIFIED";
        const WORDS: &[&str] = &[
            "tags.a",
            "tags.b",
            "name",
            "status",
            "run_id",
            "metadata.`mlflow.trace.session`",
            "metadata.a",
            "metadata.`mlflow.sourceRun`",
        ];
        let clause = (prop::sample::select(WORDS), "=|!=|LIKE", value);
        prop_oneof![
            clause.prop_map(|(word, comparator, value)| format!("{word} {comparator} '{value}'")),
            "p/[12]".prop_map(|prompt| format!("prompt = '{prompt}'")),
            (0i64..20).prop_map(|time| format!("timestamp > {time}")),
        ]
    }

    fn is_in(list: &List, trace: &Trace) -> bool {
        let (span, sort_key) = (list.behind(&[]), sort_key(trace.start_ms, &trace.id));
        let mut places = places(trace).into_iter();
        places.any(|place| place >= span.start && place < span.end && place.ends_with(&sort_key))
    }

    proptest! {
        #[test]
        fn every_trace_that_a_search_finds_is_in_the_list_that_it_reads(
            traces in prop::collection::vec(a_trace(), 1..20), clauses in prop::collection::vec(a_clause(), 1..4),
        ) {
            let search = TraceSearch::parse(&clauses.join(" AND ")).unwrap();
            for trace in traces.iter().filter(|trace| search.own.matches(*trace)) {
                let list = list(trace.experiment, &search);
                prop_assert!(is_in(&list, trace), "{clauses:?} {list:?} {trace:?}");
            }
        }
    }

    #[test]
    fn a_search_for_a_value_reads_the_list_of_the_value() {
        let read = |filter: &str| list(ExperimentId(1), &TraceSearch::parse(filter).unwrap());
        let tag = List::of_value(ExperimentId(1), ListedField::Tag, NAME_TAG, "x");
        assert_eq!(Some(read("status = 'OK' AND name = 'x'")), tag);
        assert!(matches!(read("status = 'OK'"), List::Value(_, ListedField::State, ..)));
        assert_eq!(read("name LIKE 'x'"), List::Experiment(ExperimentId(1)));
        assert_eq!(
            read("tags.`mlflow.artifactLocation` = 'x'"),
            List::Experiment(ExperimentId(1))
        );
    }
}
