//! Properties of the parsers: a printed filter is parsed again, and an invalid text is refused with a short
//! message.

#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::BTreeSet;

use proptest::prelude::*;

use super::experiments::{ExperimentFilter, ExperimentOrder};
use super::filter::{Bound, Clause, Filter, Predicate};
use super::like::Pattern;
use super::runs::{RunAttribute, RunFilter, RunOrder};
use super::schema::{Comparator, DatasetField, Relation, Searched, Subject};
use crate::error::Error;

/// A clause in the syntax of filters.
fn printed(clause: &Clause<RunAttribute>) -> String {
    let quoted = |text: &str, quotes: [char; 2]| {
        let quote = quotes.into_iter().find(|quote| !text.contains(*quote)).unwrap();
        format!("{quote}{text}{quote}")
    };
    let text = |text: &String| quoted(text, ['\'', '"']);
    let subject = match &clause.subject {
        Subject::Metric(key) => format!("metrics.{}", quoted(key, ['`', '"'])),
        Subject::Param(key) => format!("params.{}", quoted(key, ['`', '"'])),
        Subject::Tag(key) => format!("tags.{}", quoted(key, ['`', '"'])),
        Subject::Dataset(field) => {
            let (name, _) = DatasetField::ALL.iter().find(|(_, found)| found == field).unwrap();
            format!("dataset.{name}")
        }
        Subject::Named(..) => panic!("runs have none"),
        Subject::Attribute(id) => RunAttribute::LANGUAGE
            .attributes
            .iter()
            .find(|row| row.id == *id)
            .unwrap()
            .name
            .to_owned(),
    };
    let test = match &clause.test {
        Predicate::Float(relation, bound) => format!("{} {bound}", Comparator::Order(*relation).name()),
        Predicate::Integer(relation, bound) => {
            let fraction = if bound.whole { "" } else { ".5" };
            format!("{} {}{fraction}", Comparator::Order(*relation).name(), bound.floor)
        }
        Predicate::Text { among, wanted } if among.len() == 1 => {
            format!("{} {}", if *wanted { "=" } else { "!=" }, text(among.first().unwrap()))
        }
        Predicate::Text { among, wanted } => {
            let texts: Vec<String> = among.iter().map(text).collect();
            format!("{} ({})", if *wanted { "IN" } else { "NOT IN" }, texts.join(", "))
        }
        Predicate::Like(pattern) if pattern.ignores_case() => format!("ILIKE {}", text(&pattern.text().to_owned())),
        Predicate::Like(pattern) => format!("LIKE {}", text(&pattern.text().to_owned())),
        Predicate::Absent => "IS NULL".to_owned(),
        Predicate::Present => "IS NOT NULL".to_owned(),
        Predicate::Matches(_) | Predicate::Id { .. } => panic!("runs have none"),
    };
    format!("{subject} {test}")
}

fn relation() -> impl Strategy<Value = Relation> {
    prop::sample::select(vec![
        Relation::Equal,
        Relation::NotEqual,
        Relation::Less,
        Relation::LessOrEqual,
        Relation::Greater,
        Relation::GreaterOrEqual,
    ])
}

/// Texts that can stand in at least one kind of quotes.
fn quotable() -> impl Strategy<Value = String> {
    "[a-zÄé %_.,()=-]{0,6}(['\"`][a-z]{0,2})?"
}

fn texts(listed: bool) -> impl Strategy<Value = Predicate> {
    let among = prop::collection::btree_set(quotable(), 1..if listed { 4 } else { 2 });
    prop_oneof![
        (among, any::<bool>()).prop_map(|(among, wanted): (BTreeSet<String>, bool)| Predicate::Text { among, wanted }),
        (quotable(), any::<bool>()).prop_map(|(text, ignore)| Predicate::Like(Pattern::new(&text, ignore))),
    ]
}

fn clause() -> impl Strategy<Value = Clause<RunAttribute>> {
    let float = (
        relation(),
        any::<f64>().prop_filter("a number", |value| value.is_finite()),
    );
    let metric = (quotable(), float).prop_map(|(key, (relation, bound))| Clause {
        subject: Subject::Metric(key),
        test: Predicate::Float(relation, bound),
    });
    let optional = prop_oneof![texts(false), Just(Predicate::Absent), Just(Predicate::Present)];
    let pair = (quotable(), any::<bool>(), optional).prop_map(|(key, param, test)| Clause {
        subject: if param { Subject::Param(key) } else { Subject::Tag(key) },
        test,
    });
    let times = prop::sample::select(vec![RunAttribute::StartTime, RunAttribute::EndTime]);
    let bound = (0_i64..i64::MAX).prop_map(|floor| Bound {
        floor: floor.into(),
        whole: floor % 2 == 0 || floor > 1 << 50,
    });
    let time = (times, relation(), bound).prop_map(|(id, relation, bound)| Clause {
        subject: Subject::Attribute(id),
        test: Predicate::Integer(relation, bound),
    });
    let listed = prop::sample::select(vec![
        Subject::Attribute(RunAttribute::RunId),
        Subject::Dataset(DatasetField::Name),
        Subject::Dataset(DatasetField::Context),
    ]);
    let text = (listed, texts(true)).prop_map(|(subject, test)| Clause { subject, test });
    let named = prop::sample::select(vec![RunAttribute::RunName, RunAttribute::Status, RunAttribute::UserId]);
    let name = (named, texts(false)).prop_map(|(id, test)| Clause {
        subject: Subject::Attribute(id),
        test,
    });
    prop_oneof![metric, pair, time, text, name]
}

proptest! {
    #[test]
    fn a_printed_filter_reads_back(clauses in prop::collection::vec(clause(), 0..4)) {
        let text: Vec<String> = clauses.iter().map(printed).collect();
        for and in [" AND ", "\nand ", " "] {
            prop_assert_eq!(RunFilter::parse(&text.join(and)), Ok(Filter { clauses: clauses.clone() }));
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,60}|([a-z.`'\" ]|metrics\\.|tags\\.|AND |IN |\\(|LIKE |IS |NOT |NULL|[<>=!,;)é0-9-]){0,30}") {
        let results = [
            RunFilter::parse(&text).err(),
            ExperimentFilter::parse(&text).err(),
            RunOrder::parse(&[&text]).err(),
            ExperimentOrder::parse(&[&text]).err(),
        ];
        for error in results.into_iter().flatten() {
            prop_assert!(matches!(&error, Error::Invalid(message) if message.len() < 2_000), "{error:?}");
        }
    }
}
