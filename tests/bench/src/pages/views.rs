//! The views: the address of each page, and the calls that MLflow's own page makes for it.

use serde_json::json;

use super::data::{CHARTED, CURVE, Data, POINTS};
use crate::client::Call;

/// A view of the data.
pub(super) struct View {
    /// The end of its name for `--only`.
    pub(super) name: &'static str,
    /// The path of the page after `/-/ml/`.
    pub(super) page: fn(&Data) -> String,
    /// The calls of MLflow's own page. A chart is one call.
    pub(super) calls: fn(&Data) -> Vec<Call>,
}

/// Number of charts that fit on the screen of MLflow's page of a run's metrics.
const CHARTS_ON_SCREEN: usize = 12;
/// Number of runs on a page of MLflow's table.
const RUNS: usize = 100;
/// Number of runs whose lines a chart of MLflow draws.
const LINES: usize = 20;

/// All views.
pub(super) static VIEWS: &[View] = &[
    View {
        name: "experiments",
        page: |_| "experiments".to_owned(),
        calls: |data| vec![data.target.post("experiments/search", &json!({"max_results": 50}))],
    },
    View {
        name: "runs",
        page: |data| runs(data, ""),
        calls: |data| vec![experiment(data), search(data, "", "attributes.start_time DESC")],
    },
    View {
        name: "runs_filter_sort",
        page: |data| runs(data, "?filter=metrics.m1%20%3E%200.9&sort=metrics.m2&desc=1"),
        calls: |data| vec![experiment(data), search(data, "metrics.m1 > 0.9", "metrics.m2 DESC")],
    },
    View {
        name: "runs_20_columns",
        page: |data| {
            let columns = (0..10).map(|key| format!("column=metrics.m{key}&column=params.p{key}"));
            runs(data, &format!("?{}", columns.collect::<Vec<_>>().join("&")))
        },
        calls: |data| vec![experiment(data), search(data, "", "attributes.start_time DESC")],
    },
    View {
        name: "runs_sparklines",
        page: |data| {
            runs(
                data,
                "?column=metrics.c0&column=sparkline.c0&column=sparkline.c1&column=sparkline.c2",
            )
        },
        calls: |data| {
            let runs = data.charted.get(..50).unwrap_or(&data.charted);
            let histories = (0..3).map(|key| history(data, runs, &format!("c{key}")));
            let first = [experiment(data), search(data, "", "attributes.start_time DESC")];
            first.into_iter().chain(histories).collect()
        },
    },
    View {
        name: "charts",
        page: |data| format!("experiments/{}/charts", data.experiment),
        calls: |data| {
            let mut calls = vec![experiment(data), search(data, "", "attributes.start_time DESC")];
            calls.extend(charts(data, LINES));
            calls
        },
    },
    View {
        name: "compare_2",
        page: |data| compare(data, 2),
        calls: |data| compared(data, 2),
    },
    View {
        name: "compare_10",
        page: |data| compare(data, 10),
        calls: |data| compared(data, 10),
    },
    View {
        name: "compare_100",
        page: |data| compare(data, 100),
        calls: |data| compared(data, 100),
    },
    View {
        name: "run",
        page: |data| run(data, ""),
        calls: |data| {
            let files = format!("artifacts/list?run_id={}", data.large_run);
            vec![
                get_run(data, &data.large_run),
                experiment(data),
                data.target.get(&files),
            ]
        },
    },
    View {
        name: "run_metrics",
        page: |data| run(data, "/metrics"),
        calls: |data| {
            let own = std::slice::from_ref(&data.large_run);
            let charts = (0..CHARTS_ON_SCREEN).map(|key| history(data, own, &format!("metric-{key:04}")));
            std::iter::once(get_run(data, &data.large_run)).chain(charts).collect()
        },
    },
    View {
        name: "run_params",
        page: |data| run(data, "/params"),
        calls: |data| vec![get_run(data, &data.large_run)],
    },
    View {
        name: "run_tags",
        page: |data| run(data, "/tags"),
        calls: |data| vec![get_run(data, &data.large_run)],
    },
    View {
        name: "run_artifacts",
        page: |data| run(data, "/artifacts"),
        calls: |data| {
            let files = format!("artifacts/list?run_id={}", data.large_run);
            vec![get_run(data, &data.large_run), data.target.get(&files)]
        },
    },
    View {
        name: "run_metric",
        page: |data| run(data, &format!("/metric?key={CURVE}")),
        calls: |data| {
            let history = format!(
                "metrics/get-history?run_id={}&metric_key={CURVE}&max_results={POINTS}",
                data.large_run
            );
            vec![get_run(data, &data.large_run), data.target.get(&history)]
        },
    },
    View {
        name: "chart_svg",
        page: |data| run(data, &format!("/metrics/{CURVE}.svg")),
        calls: |data| vec![history(data, std::slice::from_ref(&data.large_run), CURVE)],
    },
    View {
        name: "badge",
        page: |data| format!("badge/{}/{CURVE}.svg", data.large_run),
        calls: |data| vec![get_run(data, &data.large_run)],
    },
    View {
        name: "models",
        page: |_| "models".to_owned(),
        calls: |data| vec![data.target.get("registered-models/search?max_results=25")],
    },
    View {
        name: "model",
        page: |data| data.model_page.clone(),
        calls: |data| {
            let versions = format!(
                "model-versions/search?max_results=30&filter=name%3D%27{}%27",
                data.model
            );
            vec![get_model(data), data.target.get(&versions)]
        },
    },
    View {
        name: "version",
        page: |data| format!("{}/versions/1", data.model_page),
        calls: |data| {
            let version = format!("model-versions/get?name={}&version=1", data.model);
            vec![
                get_model(data),
                data.target.get(&version),
                get_run(data, &data.version_run),
            ]
        },
    },
    View {
        name: "logged_models",
        page: |data| format!("experiments/{}/logged-models", data.experiment),
        calls: |data| {
            let body = json!({"experiment_ids": [data.experiment], "max_results": 50});
            vec![experiment(data), data.target.post("logged-models/search", &body)]
        },
    },
    View {
        name: "trash",
        page: |_| "trash".to_owned(),
        calls: |data| {
            let experiments = json!({"max_results": 50, "view_type": "DELETED_ONLY"});
            let runs = json!({"experiment_ids": [data.experiment], "max_results": 50, "run_view_type": "DELETED_ONLY"});
            vec![
                data.target.post("experiments/search", &experiments),
                data.target.post("runs/search", &runs),
            ]
        },
    },
];

fn runs(data: &Data, query: &str) -> String {
    format!("experiments/{}{query}", data.experiment)
}

fn run(data: &Data, below: &str) -> String {
    format!("candidates/{}{below}", data.large_run)
}

fn compare(data: &Data, count: usize) -> String {
    let runs = data.charted.iter().take(count).map(|run| format!("run={run}"));
    format!("compare?{}", runs.collect::<Vec<_>>().join("&"))
}

/// The calls of a comparison: each run, and the charts of their metrics. A page compares 20 runs at most, and so do these.
fn compared(data: &Data, count: usize) -> Vec<Call> {
    let runs = data.charted.iter().take(count.min(LINES));
    runs.map(|run| get_run(data, run))
        .chain(charts(data, count.min(LINES)))
        .collect()
}

/// A chart of each metric of the newest runs.
fn charts(data: &Data, count: usize) -> impl Iterator<Item = Call> {
    let runs = data.charted.get(..count).unwrap_or(&data.charted);
    (0..CHARTED).map(move |key| history(data, runs, &format!("c{key}")))
}

fn experiment(data: &Data) -> Call {
    data.target
        .get(&format!("experiments/get?experiment_id={}", data.experiment))
}

fn search(data: &Data, filter: &str, order: &str) -> Call {
    let body = json!({
        "experiment_ids": [data.experiment], "filter": filter, "order_by": [order], "max_results": RUNS,
    });
    data.target.post("runs/search", &body)
}

fn get_run(data: &Data, run: &str) -> Call {
    data.target.get(&format!("runs/get?run_id={run}"))
}

fn get_model(data: &Data) -> Call {
    data.target.get(&format!("registered-models/get?name={}", data.model))
}

/// The points of a metric of some runs as a chart asks for them.
fn history(data: &Data, runs: &[String], metric: &str) -> Call {
    let runs: String = runs.iter().map(|run| format!("run_ids={run}&")).collect();
    data.target.get(&format!(
        "metrics/get-history-bulk-interval?{runs}metric_key={metric}&max_results=320"
    ))
}
