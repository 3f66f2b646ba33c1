//! Results and orders of MLflow's own server, as measured on MLflow 3.18.

#![allow(clippy::unwrap_used)]
use std::borrow::Cow;

use super::experiments::{ExperimentFilter, ExperimentOrder};
use super::runs::{RunFilter, RunOrder};
use crate::domain::experiment::{Experiment, FullExperiment};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::lifecycle::{Lifecycle, Stage};
use crate::domain::metric::{Metric, Point};
use crate::domain::run::{FullRun, Run, RunInput, Status, TextPair};

const ACTIVE: Lifecycle = Lifecycle {
    stage: Stage::Active,
    epoch: 0,
};

/// One run: name, first byte of the id, start time, metric `m`, param `p`, tag `t`, status, end time.
type Row = (
    &'static str,
    u8,
    i64,
    Option<f64>,
    Option<&'static str>,
    Option<&'static str>,
    Status,
    Option<i64>,
);

const ROWS: [Row; 6] = [
    (
        "A",
        9,
        100,
        Some(1.0),
        Some("1"),
        Some("Foo"),
        Status::Finished,
        Some(500),
    ),
    (
        "B",
        8,
        200,
        Some(2.0),
        Some("2"),
        Some("foobar"),
        Status::Failed,
        Some(300),
    ),
    (
        "C",
        7,
        200,
        Some(f64::NAN),
        Some("10"),
        Some("FOO%"),
        Status::Running,
        None,
    ),
    (
        "D",
        6,
        300,
        Some(f64::INFINITY),
        None,
        Some("f_o"),
        Status::Running,
        None,
    ),
    (
        "E",
        5,
        50,
        Some(f64::NEG_INFINITY),
        Some(""),
        None,
        Status::Running,
        None,
    ),
    ("F", 4, 0, None, Some("it's"), Some("say \"hi\""), Status::Running, None),
];

fn pair(key: &'static str, value: &'static str) -> TextPair<'static> {
    (key.into(), value.into())
}

fn run(row: &Row) -> FullRun<'static> {
    let (name, id, start_time_ms, metric, param, tag, status, end_time_ms) = *row;
    let mut tags = vec![pair("mlflow.runName", name), pair("mlflow.user", "ann")];
    tags.extend(tag.map(|tag| pair("t", tag)));
    FullRun {
        run: Cow::Owned(Run {
            id: RunId([id; 16]),
            experiment: ExperimentId(1),
            name: name.to_owned(),
            user_id: "ann".to_owned(),
            status,
            start_time_ms,
            end_time_ms,
            lifecycle: ACTIVE,
            artifact_uri: format!("mlflow-artifacts:/1/{name}/artifacts"),
            author: None,
        }),
        stage: Stage::Active,
        metrics: metric
            .map(|value| Metric {
                key: "m".into(),
                point: Point::new(value, 0, 0),
            })
            .into_iter()
            .collect(),
        params: param.map(|param| pair("p", param)).into_iter().collect(),
        tags,
        inputs: inputs(name).into(),
        model_inputs: Cow::default(),
        model_outputs: Cow::default(),
    }
}

fn inputs(name: &str) -> Vec<RunInput> {
    let input = |name: &str, digest: &str, context: &str| RunInput {
        name: name.to_owned(),
        digest: digest.to_owned(),
        tags: vec![("mlflow.data.context".to_owned(), context.to_owned())],
    };
    match name {
        "A" => vec![input("iris", "d1", "train"), input("wine", "d2", "eval")],
        "B" => vec![input("Iris", "d1", "eval")],
        _ => Vec::new(),
    }
}

/// The names of the runs found, in order.
fn search(filter: &str, order_by: &[&str]) -> String {
    let (filter, order) = (RunFilter::parse(filter).unwrap(), RunOrder::parse(order_by).unwrap());
    let runs: Vec<FullRun<'_>> = ROWS.iter().map(run).filter(|run| filter.matches(run)).collect();
    let mut found: Vec<_> = runs.iter().map(|run| (order.key(run), run.run.name.as_str())).collect();
    found.sort();
    found.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(" ")
}

#[test]
fn runs_are_found_as_by_mlflow() {
    for (filter, found) in [
        ("metrics.m > 1", "D B"),
        ("metrics.m >= 1", "D B A"),
        ("metrics.m != 1", "D C B E"),
        ("metrics.m < 2", "A E"),
        ("params.p LIKE '1%'", "C A"),
        ("params.p ILIKE '1_'", "C"),
        ("params.p != '1'", "C B E F"),
        ("params.p IS NULL", "D"),
        ("params.p IS NOT NULL", "C B A E F"),
        ("tags.t LIKE 'foo%'", "B"),
        ("tags.t ILIKE 'foo%'", "C B A"),
        ("tags.t LIKE 'f_o'", "D"),
        ("status LIKE 'F%'", "B A"),
        ("status = 'FINISHED'", "A"),
        ("status = 'finished'", ""),
        ("end_time > 0", "B A"),
        ("run_name ILIKE 'a'", "A"),
        ("", "D C B A E F"),
        ("metrics.m = 1.7976931348623157e308", "D"),
        ("metrics.m <= -1.7976931348623157e308", "E"),
        ("params.p = \"it's\"", "F"),
        ("params.p = 'it''s'", ""),
        ("tags.t = 'say \"hi\"'", "F"),
        ("params.p = ''", "E"),
        ("tags.mlflow.user = 'ann' and tags.`mlflow.runName` = 'B'", "B"),
        ("`Run name` = 'C'", "C"),
        ("start_time >= 199.5 AND Created < 2e2 created = 200", ""),
        ("attr.start_time >= 199.5 AND run.start_time <= 2e2", "C B"),
    ] {
        assert_eq!(search(filter, &[]), found, "{filter}");
    }
}

#[test]
fn runs_are_ordered_as_by_mlflow() {
    for (order_by, found) in [
        ("metrics.m", "E A B D C F"),
        ("metrics.m DESC", "D B A E C F"),
        ("params.p", "E A C B F D"),
        ("params.p DESC", "F B C A E D"),
        ("end_time", "B A D C E F"),
        ("end_time DESC", "A B D C E F"),
        ("status", "B A D C E F"),
        ("start_time ASC", "F E A C B D"),
        ("metrics.`no such key` desc", "D C B A E F"),
        ("run_id", "F E D C B A"),
        ("attribute.run_name Desc", "F E D C B A"),
    ] {
        assert_eq!(search("", &[order_by]), found, "{order_by}");
    }
    assert_eq!(search("", &["status DESC", "start_time"]), "F E C D A B");
}

#[test]
fn runs_are_found_by_their_ids() {
    let [a, c] = [RunId([9; 16]), RunId([7; 16])];
    assert_eq!(search(&format!("run_id IN ('{a}', \"{c}\",)"), &[]), "C A");
    assert_eq!(search(&format!("attributes.run_id not in ('{a}')"), &[]), "D C B E F");
    assert_eq!(search("run_id LIKE '08%'", &[]), "B");
}

#[test]
fn dataset_clauses_may_be_met_by_different_inputs() {
    assert_eq!(search("dataset.name = 'iris' AND dataset.context = 'eval'", &[]), "A");
    assert_eq!(search("datasets.name ILIKE 'iris'", &[]), "B A");
    assert_eq!(search("dataset.digest IN ('d2')", &[]), "A");
    assert_eq!(search("dataset.name != 'iris'", &[]), "B A");
    assert_eq!(search("dataset.name NOT IN ('Iris')", &[]), "A");
}

fn experiments(filter: &str, order_by: &[&str]) -> Vec<u64> {
    let (filter, order) = (
        ExperimentFilter::parse(filter).unwrap(),
        ExperimentOrder::parse(order_by).unwrap(),
    );
    let rows = [
        (0, "Default", 100, 100),
        (1, "b", 300, 100),
        (2, "a", 200, 300),
        (3, "B", 300, 200),
    ];
    let mut found: Vec<_> = rows
        .iter()
        .map(|(id, name, created, updated)| {
            let mut experiment = Experiment::new(ExperimentId(*id), (*name).to_owned(), None, *created);
            experiment.last_update_time_ms = *updated;
            let tags = if *id == 2 {
                vec![("team".to_owned(), "Red".to_owned())]
            } else {
                Vec::new()
            };
            FullExperiment { experiment, tags }
        })
        .filter(|full| filter.matches(full))
        .map(|full| (order.key(&full), full.experiment.id.0))
        .collect();
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn experiments_are_found_as_by_mlflow() {
    for (filter, found) in [
        ("", vec![1, 3, 2, 0]),
        ("name = 'b'", vec![1]),
        ("attribute.name ILIKE 'b'", vec![1, 3]),
        ("attributes.name != 'b'", vec![3, 2, 0]),
        ("creation_time >= 200 AND last_update_time < 300", vec![1, 3]),
        ("experiment_id = '2'", vec![2]),
        ("experiment_id = '002'", vec![2]),
        ("experiment_id != '-1'", vec![1, 3, 2, 0]),
        ("experiment_id IN ('1', '0', '77')", vec![1, 0]),
        ("experiment_id NOT IN ('1', '0')", vec![3, 2]),
        ("tags.team LIKE 'R%'", vec![2]),
        ("tag.team != 'Blue'", vec![2]),
        ("tags.team IS NULL", vec![1, 3, 0]),
        ("tags.team is not null", vec![2]),
    ] {
        assert_eq!(experiments(filter, &[]), found, "{filter}");
    }
}

#[test]
fn experiments_are_ordered_as_by_mlflow() {
    assert_eq!(experiments("", &["name"]), [3, 0, 2, 1]);
    assert_eq!(experiments("", &["creation_time"]), [0, 2, 3, 1]);
    assert_eq!(experiments("", &["creation_time DESC"]), [3, 1, 2, 0]);
    assert_eq!(experiments("", &["last_update_time", "experiment_id"]), [0, 1, 3, 2]);
    assert_eq!(experiments("", &["attribute.name DESC", "name"]), [1, 2, 0, 3]);
}
