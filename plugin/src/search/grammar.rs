//! Tests of the grammar of filters and orders, and of the messages for invalid ones.

#![allow(clippy::unwrap_used, clippy::panic)]
use super::experiments::{ExperimentFilter, ExperimentOrder};
use super::runs::{RunFilter, RunOrder};
use super::schema::Subject;
use crate::domain::limits::{FILTER_BYTES_MAX, FILTER_CLAUSES_MAX, LIKE_PATTERN_CHARS_MAX, ORDER_BY_ITEMS_MAX};
use crate::error::{Error, Result};

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(Error::Invalid(message)) => message,
        other => panic!("{other:?}"),
    }
}

fn count(filter: &str) -> usize {
    RunFilter::parse(filter).unwrap().clauses.len()
}

#[test]
fn and_only_separates_comparisons() {
    for (filter, clauses) in [
        ("", 0),
        ("AND", 0),
        ("and AND", 0),
        ("metrics.a > 1 metrics.b < 2", 2),
        ("AND metrics.a > 1 and\nmetrics.b < 2 AND", 2),
        ("params.a='x'AND params.b='y'params.c='z'", 3),
        ("params.a = 'x' params.b IS NULL params.c IS NOT NULL", 3),
    ] {
        assert_eq!(count(filter), clauses, "{filter}");
    }
}

#[test]
fn keys_are_bare_or_quoted() {
    let key = |filter: &str| match &RunFilter::parse(filter).unwrap().clauses[0].subject {
        Subject::Tag(key) => key.clone(),
        other => panic!("{other:?}"),
    };
    for (filter, expected) in [
        ("tags.a.b = 'x'", "a.b"),
        ("tag.`a b` = 'x'", "a b"),
        ("tags.\"a/b\" = 'x'", "a/b"),
        ("tags.'a-b'='x'", "a-b"),
        ("`tags`.模型 = 'x'", "模型"),
        ("tags.and = 'x'", "and"),
        ("tags.like LIKE 'x'", "like"),
        ("tags.`it's` = 'x'", "it's"),
    ] {
        assert_eq!(key(filter), expected, "{filter}");
    }
}

#[test]
fn malformed_comparisons_are_refused_as_by_mlflow() {
    for (filter, message) in [
        ("   ", "Invalid filter '   '. Could not be parsed."),
        (
            "metrics.a > 1 OR metrics.b > 1",
            "Invalid clause(s) in filter string: 'OR' (at character 15: \"OR ",
        ),
        ("NOT metrics.a > 1", "Invalid c"),
        (
            "(metrics.a > 1)",
            "Invalid clause(s) in filter string: '(' (at character 1",
        ),
        (
            "metrics.a > 1 -- x",
            "Invalid clause(s) in filter string: '-' (at character 15",
        ),
        ("metrics.a > 1;", "Search filter contained multiple expression"),
        (
            "metrics.a > 1; metrics.b > 1",
            "Search filter contained multiple expression",
        ),
        (
            "metrics.a > 1, metrics.b > 1",
            "Invalid clause(s) in filter string: ','",
        ),
        (
            "metrics.a BETWEEN 1 AND 2",
            "Invalid clause(s) in filter string: 'BETWEEN'",
        ),
        (
            "1 < metrics.m",
            "Invalid comparison clause. Expected 'Identifier' found '1'",
        ),
        (
            "'run_id' = 'a'",
            "Invalid comparison clause. Expected 'Identifier' found",
        ),
        ("metrics.a", "Invalid comparison clause."),
        ("metrics.a >", "Invalid comparison clause."),
        (
            "metrics.a/b > 1",
            "Invalid clause(s) in filter string: '/' (at character 10",
        ),
        ("metrics. m > 1", "Invalid clause(s) in filter string: '.'"),
        ("tags.ü'x = 'a'", "Invalid clause(s) in filter string: ''x = ''"),
        (
            "params.a = 'x",
            "Invalid clause(s) in filter string: ''x' (at character 12",
        ),
        ("tags.a.`b c` = 'x'", "Invalid identifier"),
    ] {
        let refusal = refusal(RunFilter::parse(filter));
        assert!(refusal.starts_with(message), "{filter}: {refusal}");
    }
}

#[test]
fn wrong_comparators_are_refused_as_by_mlflow() {
    let nulls = "IS NULL / IS NOT NULL is only supported for tags and params";
    let lists = "Only ['run_id'] attributes support comparison with a list of quoted string values.";
    for (filter, message) in [
        ("metrics.a == 1", "Invalid comparator '==' not one of"),
        ("metrics.a <> 1", "Invalid comparator '<>' not one of"),
        (
            "params.a > 'x'",
            "Invalid comparator '>' not one of ['=', '!=', 'LIKE', 'ILIKE', 'IS NULL', 'IS NOT NULL']",
        ),
        ("params.a NOT LIKE 'x'", "Invalid comparator 'NOT' not one of"),
        ("params.a RLIKE 'x'", "Invalid comparator 'RLIKE' not one of"),
        ("metrics.a LIKE 'x'", "Invalid comparator 'LIKE' not one of"),
        ("start_time LIKE 'x'", "Invalid comparator 'LIKE' not one of"),
        ("params.a IN ('x')", "Invalid comparator 'IN' not one of"),
        ("status IN ('FAILED')", lists),
        ("metrics.a IS NULL", nulls),
        ("end_time IS NOT NULL", nulls),
        ("dataset.name IS NULL", nulls),
    ] {
        let refusal = refusal(RunFilter::parse(filter));
        assert!(refusal.starts_with(message), "{filter}: {refusal}");
    }
}

#[test]
fn wrong_values_are_refused_as_by_mlflow() {
    let quotes = "Parameter value is either not quoted or unidentified quote types";
    let list = "While parsing a list in the query, expected a non-empty list of quoted string values";
    for (filter, message) in [
        ("params.a = x", quotes),
        ("params.a = `x`", quotes),
        ("params.a = NULL", quotes),
        (
            "params.a = 1",
            "Expected a quoted string value. Got value 1 (at character 12",
        ),
        ("metrics.a > '1'", "Expected numeric value type for metric. Found '1'"),
        ("metrics.a > NaN", "Expected numeric value type for metric. Found NaN"),
        ("metrics.a > +1", "Invalid clause(s) in filter string: '+'"),
        (
            "start_time > '1'",
            "Expected numeric value type for numeric attribute. Found '1'",
        ),
        ("run_id IN ()", list),
        ("run_id IN ('a', 1)", list),
        ("run_id IN ('a' 'b')", list),
        ("run_id IN ('a'", list),
        ("run_id IN 'a'", "Invalid clause(s) in filter string: IN without a list"),
        ("run_id = ('a')", "Invalid clause(s) in filter string: '('"),
    ] {
        let refusal = refusal(RunFilter::parse(filter));
        assert!(refusal.starts_with(message), "{filter}: {refusal}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_valid_ones() {
    for key in [
        "lifecycle_stage",
        "experiment_id",
        "run_uuid",
        "source_name",
        "duration",
        "Status",
    ] {
        let refusal = refusal(RunFilter::parse(&format!("{key} = 'x'")));
        assert!(refusal.starts_with(&format!(
            "Invalid attribute key '{key}' specified. Valid keys are ['run_id', "
        )));
    }
    for (filter, message) in [
        (
            "Metrics.a > 1",
            "Invalid entity type 'Metrics'. Valid values are ['metric', 'parameter', 'tag', ",
        ),
        ("`metrics.a` > 1", "Invalid attribute key 'metrics.a' specified."),
        (
            "dataset.source = 'x'",
            "Invalid dataset key 'source' specified. Valid keys are ['name', 'digest', 'context']",
        ),
    ] {
        let refusal = refusal(RunFilter::parse(filter));
        assert!(refusal.starts_with(message), "{filter}: {refusal}");
    }
}

#[test]
fn experiments_have_their_own_rules() {
    for (filter, message) in [
        (
            "attr.name = 'x'",
            "Invalid entity type 'attr'. Valid values are ['attribute', 'tag']",
        ),
        ("params.a = 'x'", "Invalid entity type 'params'"),
        (
            "creation_time > 1.5",
            "Expected numeric value type for numeric attribute. Found 1.5",
        ),
        (
            "creation_time > 1e3",
            "Expected numeric value type for numeric attribute. Found 1e3",
        ),
        ("experiment_id = 1", "Expected a quoted string value. Got value 1"),
        ("experiment_id = 'x'", "Invalid experiment ID 'x'"),
        (
            "experiment_id > '1'",
            "Invalid comparator '>' not one of ['=', '!=', 'IN', 'NOT IN']",
        ),
        (
            "name IN ('a')",
            "Only ['experiment_id'] attributes support comparison with a list",
        ),
        ("name IS NULL", "IS NULL / IS NOT NULL is only supported for tags"),
        (
            "lifecycle_stage = 'active'",
            "Invalid attribute key 'lifecycle_stage' specified.",
        ),
    ] {
        let refusal = refusal(ExperimentFilter::parse(filter));
        assert!(refusal.starts_with(message), "{filter}: {refusal}");
    }
    for (item, message) in [
        ("tags.a", "Invalid order_by entity type 'tag'"),
        ("end_time", "Invalid attribute key 'end_time' specified."),
        (
            "name ASC NULLS LAST",
            "Invalid order_by clause 'name ASC NULLS LAST'. Could not be parsed.",
        ),
    ] {
        let refusal = refusal(ExperimentOrder::parse(&[item]));
        assert!(refusal.starts_with(message), "{item}: {refusal}");
    }
}

#[test]
fn wrong_orders_are_refused_as_by_mlflow() {
    for item in [
        "",
        " start_time",
        "start_time ",
        "metrics.m, params.p",
        "metrics.m DESC NULLS LAST",
        "desc",
        "'status'",
    ] {
        let refusal = refusal(RunOrder::parse(&[item]));
        assert!(
            refusal.starts_with(&format!("Invalid order_by clause '{item}'. Could not be parsed.")),
            "{refusal}"
        );
    }
    for (item, message) in [
        (
            "metrics.m up",
            "Invalid order_by clause 'metrics.m up'. Invalid ordering key.",
        ),
        (
            "dataset.name",
            "Invalid order_by entity type 'dataset'. Valid values are",
        ),
        (
            "experiment_id",
            "Invalid attribute key 'experiment_id' specified. Valid keys are",
        ),
        (
            "`run name`",
            "Invalid attribute key 'run name' specified. Valid keys are",
        ),
        ("Metrics.m", "Invalid entity type 'Metrics'"),
    ] {
        let refusal = refusal(RunOrder::parse(&[item]));
        assert!(refusal.starts_with(message), "{item}: {refusal}");
    }
    for twice in [["metrics.m", "metric.`m` DESC"], ["created", "start_time"]] {
        assert!(refusal(RunOrder::parse(&twice)).starts_with("`order_by` contains duplicate fields"));
    }
}

#[test]
fn an_order_names_its_key_in_any_quotes() {
    for item in [
        "metrics.`a b` desc",
        "metric.\"a b\"\nDESC",
        "metrics.'a b'  Desc",
        "`metrics.a b` DESC",
    ] {
        let order = RunOrder::parse(&[item]).unwrap();
        assert_eq!(order.terms()[0].subject, Subject::Metric("a b".to_owned()));
        assert!(order.terms()[0].descending);
    }
}

#[test]
fn filters_and_orders_have_limits() {
    let long = format!("params.a = '{}'", "x".repeat(FILTER_BYTES_MAX));
    assert!(refusal(RunFilter::parse(&long)).starts_with("Invalid filter of 65"));
    let clauses = "run_id='' ".repeat(FILTER_CLAUSES_MAX);
    assert_eq!(count(&clauses), FILTER_CLAUSES_MAX);
    assert!(refusal(RunFilter::parse(&format!("{clauses} run_id=''"))).starts_with("Invalid filter: more than"));
    let list = format!("run_id IN ({})", "'',".repeat(10_001));
    assert!(refusal(RunFilter::parse(&list)).starts_with("Invalid list: more than 10000 values"));
    let pattern = format!("params.a LIKE '{}'", "%".repeat(LIKE_PATTERN_CHARS_MAX + 1));
    assert!(refusal(RunFilter::parse(&pattern)).starts_with("Invalid pattern"));
    assert!(refusal(RunOrder::parse(&vec!["run_id"; ORDER_BY_ITEMS_MAX + 1])).contains("at most"));
}

#[test]
fn a_message_stays_short_for_any_input() {
    let long = "x".repeat(60_000);
    for filter in [
        format!("{long} = 'a'"),
        format!("{long}.a = 'a'"),
        format!("dataset.{long} = 'a'"),
        format!("params.{long} > 'a'"),
        format!("params.a = {long}"),
        format!("params.a {long}"),
        format!("'{long}' = 1"),
        format!("experiment_id = '{long}'"),
        "=".repeat(60_000),
    ] {
        assert!(refusal(RunFilter::parse(&filter)).len() < 1_000);
        assert!(refusal(ExperimentFilter::parse(&filter)).len() < 1_000);
    }
    assert!(refusal(RunOrder::parse(&[&format!("metrics.{long}")])).len() < 1_000);
}
