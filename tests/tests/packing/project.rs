//! A project that changes at random, and the runs that are expected in it.

use std::borrow::Cow;

use mlforge_plugin::domain::id::{ExperimentId, RunId};
use mlforge_plugin::domain::lifecycle::{Lifecycle, Stage, View};
use mlforge_plugin::domain::metric::{Metric, Point};
use mlforge_plugin::domain::run::{FullRun, Run, Status, TextPair};
use mlforge_plugin::search::runs::{RunFilter, RunOrder};
use mlforge_tests::Dice;
use mlforge_tests::tracker::Tracker;
use serde_json::{Value, json};

const FILTERS: &[&str] = &[
    "",
    "metrics.a > 0.5",
    "metrics.a <= 1 and metrics.b != 2",
    "params.a = 'x'",
    "params.a != 'x' and tags.t LIKE '%y%'",
    "tags.t ILIKE 'Y%'",
    "tags.t IS NULL",
    "tags.t IS NOT NULL and params.b IS NULL",
    "attributes.status = 'FINISHED'",
    "attributes.end_time > 5",
    "attributes.start_time >= 2",
    "attributes.run_name LIKE 'n%'",
    "attributes.user_id = 'ada'",
    "attributes.artifact_uri LIKE '%a%/artifacts'",
    "params.long LIKE 'x%'",
];

const ORDERS: &[&[&str]] = &[
    &[],
    &["metrics.a"],
    &["metrics.a DESC", "params.a"],
    &["params.a DESC"],
    &["tags.t", "metrics.b DESC"],
    &["attributes.end_time DESC"],
    &["attributes.status", "attributes.start_time"],
    &["attributes.run_name DESC"],
    &["params.long"],
    &["metrics.no_such_key"],
];

const VIEWS: [(&str, View); 3] = [
    ("ACTIVE_ONLY", View::ActiveOnly),
    ("DELETED_ONLY", View::DeletedOnly),
    ("ALL", View::All),
];

/// A project and its expected runs.
pub(crate) struct Project {
    pub(crate) tracker: Tracker,
    pub(super) dice: Dice,
    pub(crate) experiments: Vec<String>,
    pub(crate) runs: Vec<FullRun<'static>>,
}

impl Project {
    pub(crate) fn new(seed: u64) -> Self {
        let tracker = Tracker::fresh();
        let experiments = ["one", "two"].map(|name| tracker.experiment(name)).to_vec();
        Project {
            tracker,
            dice: Dice::new(seed),
            experiments,
            runs: Vec::new(),
        }
    }

    pub(crate) fn create(&mut self) {
        self.create_with(&[]);
    }

    /// Makes a run with these tags.
    pub(crate) fn create_with(&mut self, tags: &[(String, String)]) {
        let experiment = self.dice.one_of(&[0, 0, 1]);
        let (start, user) = (self.dice.below(4), self.dice.one_of(&["ada", "bob"]));
        let sent: Vec<Value> = tags
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect();
        let body = json!({"experiment_id": self.experiments[experiment], "start_time": start, "user_id": user,
            "tags": sent, "run_name": format!("{}{}", self.dice.one_of(&["n", "m"]), self.dice.below(3))});
        let info = self.tracker.post("runs/create", body).ok()["run"]["info"].take();
        let text = |name: &str| info[name].as_str().unwrap().to_owned();
        let run = Run {
            id: RunId::parse(&text("run_id")).unwrap(),
            experiment: ExperimentId::parse(&text("experiment_id")).unwrap(),
            name: text("run_name"),
            user_id: user.to_owned(),
            status: Status::Running,
            start_time_ms: i64::try_from(start).unwrap(),
            end_time_ms: None,
            lifecycle: Lifecycle {
                stage: Stage::Active,
                epoch: 0,
            },
            artifact_uri: text("artifact_uri"),
            author: None,
        };
        self.runs.push(FullRun {
            stage: Stage::Active,
            metrics: Vec::new(),
            params: Vec::new(),
            tags: vec![("mlflow.runName".into(), run.name.clone().into())],
            inputs: Cow::default(),
            model_inputs: Cow::default(),
            model_outputs: Cow::default(),
            run: Cow::Owned(run),
        });
        if let Some(run) = self.runs.last_mut() {
            tags.iter().for_each(|(key, value)| set(&mut run.tags, key, value));
        }
    }

    /// Changes a run at random.
    pub(crate) fn change(&mut self) {
        let index = self.dice.index(self.runs.len()).unwrap();
        let run = &mut self.runs[index];
        let id = run.run.id.to_string();
        let deed = self.dice.below(8);
        if run.stage == Stage::Deleted {
            if deed < 3 {
                self.tracker.post("runs/restore", json!({"run_id": id})).ok();
                run.stage = Stage::Active;
            }
            return;
        }
        match deed {
            0..=2 => {
                let key = self.dice.one_of(&["a", "b", "c"]);
                let (value, step) = (self.dice.one_of(&[0.0, 0.5, 0.75, 1.0, 2.0, -1.0]), self.dice.below(3));
                self.tracker
                    .post(
                        "runs/log-metric",
                        json!({"run_id": id, "key": key, "value": value, "timestamp": 1, "step": step}),
                    )
                    .ok();
                log_metric(run, key, Point::new(value, 1, i64::try_from(step).unwrap()));
            }
            3 => {
                let key = self.dice.one_of(&["a", "b", "long"]);
                let value = match key {
                    "long" => format!("{}{}", self.dice.one_of(&["x", "z"]), "-".repeat(200)),
                    _ => self.dice.one_of(&["x", "y", ""]).to_owned(),
                };
                if run.params.iter().all(|(known, _)| known != key) {
                    self.tracker
                        .post("runs/log-parameter", json!({"run_id": id, "key": key, "value": value}))
                        .ok();
                    set(&mut run.params, key, &value);
                } else {
                    let other = json!({"run_id": id, "key": key, "value": "other"});
                    self.tracker
                        .post("runs/log-parameter", other)
                        .fails(400, "INVALID_PARAMETER_VALUE");
                }
            }
            4 => {
                let value = self.dice.one_of(&["y", "Y1", "xyz", ""]);
                self.tracker
                    .post("runs/set-tag", json!({"run_id": id, "key": "t", "value": value}))
                    .ok();
                set(&mut run.tags, "t", value);
            }
            5 => {
                let deleted = self.tracker.post("runs/delete-tag", json!({"run_id": id, "key": "t"}));
                let known = run.tags.iter().any(|(key, _)| key == "t");
                assert_eq!(deleted.status == 200, known, "{}", deleted.body);
                run.tags.retain(|(key, _)| key != "t");
            }
            6 => {
                let end = i64::try_from(self.dice.below(10)).unwrap();
                self.tracker
                    .post(
                        "runs/update",
                        json!({"run_id": id, "status": "FINISHED", "end_time": end}),
                    )
                    .ok();
                let run = run.run.to_mut();
                (run.status, run.end_time_ms) = (Status::Finished, Some(end));
            }
            _ => {
                self.tracker.post("runs/delete", json!({"run_id": id})).ok();
                run.stage = Stage::Deleted;
            }
        }
    }

    pub(crate) fn check_runs(&self) {
        for run in &self.runs {
            let data = self.tracker.read(&run.run.id.to_string());
            let pairs = |name: &str| -> Vec<TextPair<'static>> {
                let items = data["data"][name].as_array().cloned().unwrap_or_default();
                let text = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned().into();
                items
                    .iter()
                    .map(|item| (text(item, "key"), text(item, "value")))
                    .collect()
            };
            assert_eq!((pairs("params"), pairs("tags")), (run.params.clone(), run.tags.clone()));
            let metrics: Vec<Value> = data["data"]["metrics"].as_array().cloned().unwrap_or_default();
            let expected: Vec<Value> = run
                .metrics
                .iter()
                .map(|metric| {
                    let Point {
                        value,
                        timestamp_ms,
                        step,
                    } = metric.point;
                    json!({"key": metric.key, "value": value, "timestamp": timestamp_ms, "step": step})
                })
                .collect();
            assert_eq!(metrics, expected);
        }
    }

    /// The expected result of a search, by evaluating every run.
    pub(crate) fn expected(&self, filter: &str, order: &[&str], view: View) -> Vec<String> {
        let (filter, order) = (RunFilter::parse(filter).unwrap(), RunOrder::parse(order).unwrap());
        let shown = self
            .runs
            .iter()
            .filter(|run| view.shows(run.stage) && filter.matches(*run));
        let mut found: Vec<_> = shown.map(|run| (order.key(run), run.run.id)).collect();
        found.sort();
        found.into_iter().map(|(_, id)| id.to_string()).collect()
    }

    pub(crate) fn found(&self, filter: &str, order: &[&str], view: &str, page: u64) -> Vec<String> {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let body = json!({"experiment_ids": self.experiments, "filter": filter, "order_by": order,
                "run_view_type": view, "max_results": page, "page_token": token});
            let answer = self.tracker.post("runs/search", body).ok();
            let runs = answer["runs"].as_array().cloned().unwrap_or_default();
            found.extend(
                runs.iter()
                    .map(|run| run["info"]["run_id"].as_str().unwrap().to_owned()),
            );
            match answer["next_page_token"].as_str() {
                Some(next) => token = next.to_owned(),
                None => return found,
            }
        }
    }

    pub(crate) fn check_searches(&mut self, count: usize) {
        for _ in 0..count {
            let (filter, order) = (self.dice.one_of(FILTERS), self.dice.one_of(ORDERS));
            let (view, page) = (self.dice.one_of(&VIEWS), self.dice.one_of(&[1, 7, 1_000]));
            assert_eq!(
                self.found(filter, order, view.0, page),
                self.expected(filter, order, view.1),
                "filter {filter:?}, order {order:?}, {view:?}, pages of {page}"
            );
        }
    }
}

fn set(pairs: &mut Vec<TextPair<'_>>, key: &str, value: &str) {
    pairs.retain(|(known, _)| known != key);
    pairs.push((key.to_owned().into(), value.to_owned().into()));
    pairs.sort();
}

/// Updates the latest value. The newest point is the one with the greatest step, then value: all have the
/// same time.
fn log_metric(run: &mut FullRun<'_>, key: &str, point: Point) {
    let rank = |point: Point| (point.step, point.value);
    match run.metrics.iter_mut().find(|metric| metric.key == key) {
        Some(metric) if rank(metric.point) < rank(point) => metric.point = point,
        Some(_) => {}
        None => {
            run.metrics.push(Metric {
                key: key.to_owned().into(),
                point,
            });
            run.metrics.sort_by(|a, b| a.key.cmp(&b.key));
        }
    }
}
