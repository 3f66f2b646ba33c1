//! Checks of searches of runs: the found runs, their order, and their data.

use std::cmp::{Ordering, Reverse};

use anyhow::Context;
use mlforge_bench::dice::Dice;
use serde_json::{Value, json};

use super::runs::is_run;
use super::{PAGES_MAX, same};
use crate::actions::STATUSES;
use crate::api::{Api, Result, text};
use crate::expected::{Expected, Number, Run, latest};

/// One condition of a filter.
enum Clause {
    /// The latest value of a metric is greater.
    MetricAbove(String, f64),
    /// The latest value of a metric is at most this number.
    MetricUpTo(String, f64),
    /// A param has this value.
    ParamIs(String, String),
    /// A tag begins with this text.
    TagBegins(String, String),
    /// A tag exists and has another value.
    TagIsNot(String, String),
    /// The status of the run.
    StatusIs(&'static str),
}

/// The order of a search. Equal runs are ordered by the default order.
enum Order {
    /// Only the default order.
    Newest,
    /// The latest value of a metric; true: descending.
    Metric(String, bool),
    /// The value of a param; true: descending.
    Param(String, bool),
}

/// Checks the list of the runs of one experiment, including deleted ones.
pub(super) async fn runs_of(api: &mut Api, expected: &Expected, experiment: usize) -> Result<()> {
    let mut known: Vec<&Run> = expected.runs_of(experiment).map(|(_, run)| run).collect();
    known.sort_by_key(|run| newest(run));
    let id = expected.experiments.get(experiment).map(|experiment| &experiment.id);
    let body = json!({"experiment_ids": [id], "run_view_type": "ALL", "max_results": 500});
    compare(api, expected, &known, &body).await
}

/// Checks a random search of the runs of the caller.
pub(super) async fn runs(api: &mut Api, expected: &Expected, dice: &mut Dice) -> Result<()> {
    let clauses: Vec<Clause> = (0..dice.below(3)).filter_map(|_| clause(dice)).collect();
    let (view, shown) = *dice
        .pick(&[
            ("ACTIVE_ONLY", [false, false]),
            ("DELETED_ONLY", [true, true]),
            ("ALL", [false, true]),
        ])
        .context("no view")?;
    let order = order(dice);
    let mut known: Vec<&Run> = expected.runs.iter().collect();
    known.retain(|run| shown.contains(&run.is_deleted) && clauses.iter().all(|clause| holds(clause, run)));
    known.sort_by(|a, b| compare_runs(&order, a, b));
    let ids: Vec<&str> = expected
        .experiments
        .iter()
        .map(|experiment| experiment.id.as_str())
        .collect();
    let filter: Vec<String> = clauses.iter().map(written).collect();
    let body = json!({
        "experiment_ids": ids,
        "run_view_type": view,
        "filter": filter.join(" AND "),
        "order_by": order_by(&order),
        "max_results": dice.within(10..=300),
    });
    compare(api, expected, &known, &body).await
}

async fn compare(api: &mut Api, expected: &Expected, known: &[&Run], body: &Value) -> Result<()> {
    let found = api.ask_pages("/runs", PAGES_MAX, |target, token| {
        let mut body = body.clone();
        if let Some(body) = body.as_object_mut() {
            body.insert("page_token".to_owned(), json!(token));
        }
        target.post("runs/search", &body)
    });
    let found = found.await?;
    let id = |run| text(run, "/info/run_id");
    let ids: Vec<&str> = found.iter().map(id).collect::<anyhow::Result<_>>()?;
    let known_ids: Vec<&str> = known.iter().map(|run| run.id.as_str()).collect();
    same(&format!("search {body}"), "what is found", &ids, &known_ids)?;
    for (known, found) in known.iter().zip(&found) {
        is_run(expected, known, found)?;
    }
    Ok(())
}

fn clause(dice: &mut Dice) -> Option<Clause> {
    let (key, word) = (dice.below(5), format!("w{}", dice.below(20)));
    let number = f64::from(u32::try_from(dice.below(2_500)).ok()?) - 1_000.0;
    Some(match dice.below(6) {
        0 => Clause::MetricAbove(format!("m{key}"), number),
        1 => Clause::MetricUpTo(format!("m{key}"), number),
        2 => Clause::ParamIs(format!("p{key}"), word),
        3 => Clause::TagBegins(format!("t{key}"), "w1".to_owned()),
        4 => Clause::TagIsNot(format!("t{key}"), word),
        _ => Clause::StatusIs(dice.pick(&STATUSES)?),
    })
}

fn order(dice: &mut Dice) -> Order {
    let (key, downwards) = (dice.below(5), dice.one_in(2));
    match dice.below(3) {
        0 => Order::Newest,
        1 => Order::Metric(format!("m{key}"), downwards),
        _ => Order::Param(format!("p{key}"), downwards),
    }
}

fn value(run: &Run, key: &str) -> Option<Number> {
    run.metrics.get(key).and_then(latest).map(|point| point.value)
}

fn holds(clause: &Clause, run: &Run) -> bool {
    match clause {
        Clause::MetricAbove(key, number) => value(run, key).is_some_and(|value| value.0 > *number),
        Clause::MetricUpTo(key, number) => value(run, key).is_some_and(|value| value.0 <= *number),
        Clause::ParamIs(key, word) => run.params.get(key) == Some(word),
        Clause::TagBegins(key, start) => run.tags.get(key).is_some_and(|value| value.starts_with(start)),
        Clause::TagIsNot(key, word) => run.tags.get(key).is_some_and(|value| value != word),
        Clause::StatusIs(status) => run.status == *status,
    }
}

/// The text of a condition in a filter.
fn written(clause: &Clause) -> String {
    match clause {
        Clause::MetricAbove(key, number) => format!("metrics.{key} > {number}"),
        Clause::MetricUpTo(key, number) => format!("metrics.{key} <= {number}"),
        Clause::ParamIs(key, word) => format!("params.{key} = '{word}'"),
        Clause::TagBegins(key, start) => format!("tags.{key} LIKE '{start}%'"),
        Clause::TagIsNot(key, word) => format!("tags.{key} != '{word}'"),
        Clause::StatusIs(status) => format!("attributes.status = '{status}'"),
    }
}

fn order_by(order: &Order) -> Vec<String> {
    let direction = |downwards: bool| if downwards { "DESC" } else { "ASC" };
    match order {
        Order::Newest => Vec::new(),
        Order::Metric(key, downwards) => vec![format!("metrics.{key} {}", direction(*downwards))],
        Order::Param(key, downwards) => vec![format!("params.{key} {}", direction(*downwards))],
    }
}

/// The sort key of the default order: newest first.
fn newest(run: &Run) -> (Reverse<i64>, &str) {
    (Reverse(run.start_time), &run.id)
}

fn compare_runs(order: &Order, a: &Run, b: &Run) -> Ordering {
    let first = match order {
        Order::Newest => Ordering::Equal,
        Order::Metric(key, downwards) => absent_last(value(a, key), value(b, key), *downwards),
        Order::Param(key, downwards) => absent_last(a.params.get(key), b.params.get(key), *downwards),
    };
    first.then_with(|| newest(a).cmp(&newest(b)))
}

/// Compares two values. Absent values come last in both directions.
fn absent_last<T: Ord>(a: Option<T>, b: Option<T>, downwards: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if downwards => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (a, b) => b.is_some().cmp(&a.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_values_sort_last_in_both_directions() {
        for downwards in [false, true] {
            assert_eq!(absent_last(Some(1), None, downwards), Ordering::Less);
            assert_eq!(absent_last(None, Some(1), downwards), Ordering::Greater);
        }
        assert_eq!(absent_last(Some(1), Some(2), false), Ordering::Less);
        assert_eq!(absent_last(Some(1), Some(2), true), Ordering::Greater);
    }
}
