//! The data of scenarios: experiments and runs, made through the API before anything is measured.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::client::{Client, Target};
use crate::numbers::{float, mix, readable};
use crate::report::say;

/// Number of connections that fill an experiment.
const FILLERS: u64 = 32;
/// Number of params, and of metrics, of each run that is searched.
pub(crate) const KEYS: u64 = 10;
/// The start time of the first run of an experiment, in ms since 1970.
pub(crate) const FIRST_START_MS: u64 = 1_700_000_000_000;
/// Resolution of a metric: six digits, so that answers have the same size in each run of this program.
const METRIC_PARTS: u64 = 1_000_000;

/// The target and the ids that requests are made of.
#[derive(Clone)]
pub(crate) struct Fixture {
    /// The server.
    pub(crate) target: Target,
    /// The servers to which workers connect in turn. Empty: all connect to the target.
    pub(crate) doors: Vec<Target>,
    /// The id of the experiment.
    pub(crate) experiment: String,
    /// The name of the experiment.
    pub(crate) experiment_name: String,
    /// The ids of runs. Their contents depend on the group.
    pub(crate) runs: Vec<String>,
    /// Number of runs that the experiment was filled with.
    pub(crate) filled: u64,
    /// The page token of the last page of all runs. Empty: there is only one page.
    pub(crate) late_token: String,
}

impl Fixture {
    /// A fixture without an experiment.
    pub(crate) fn bare(target: &Target) -> Self {
        Self {
            target: target.clone(),
            doors: Vec::new(),
            experiment: String::new(),
            experiment_name: String::new(),
            runs: Vec::new(),
            filled: 0,
            late_token: String::new(),
        }
    }

    /// The server to which a worker connects.
    pub(crate) fn door(&self, worker: usize) -> &Target {
        let place = worker.checked_rem(self.doors.len());
        place.and_then(|place| self.doors.get(place)).unwrap_or(&self.target)
    }

    /// A fixture with a new experiment.
    pub(crate) async fn with_experiment(target: &Target, what: &str) -> Result<Self> {
        // A server given with --url may hold experiments of an earlier run of this program.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let name = format!("bench-{what}-{}-{now}", std::process::id());
        let mut client = Client::connect(target).await?;
        let made = client
            .ask(target.post("experiments/create", &json!({"name": name})))
            .await?;
        Ok(Self {
            experiment: text(&made, "/experiment_id")?,
            experiment_name: name,
            ..Self::bare(target)
        })
    }

    /// Adds empty runs.
    pub(crate) async fn add_runs(&mut self, count: u64) -> Result<()> {
        self.runs
            .extend(make_runs(&self.target, &self.experiment, count, Content::Nothing).await?);
        Ok(())
    }

    /// Adds runs with 10 params, 10 metrics and 2 tags each.
    pub(crate) async fn fill(&mut self, count: u64) -> Result<()> {
        let started = Instant::now();
        make_runs(&self.target, &self.experiment, count, Content::Full).await?;
        self.filled += count;
        let seconds = started.elapsed().as_secs_f64();
        let rate = readable(float(count) / seconds.max(1e-9));
        say!("filled {count} runs in {seconds:.1} s ({rate} runs/s, two requests each)");
        Ok(())
    }

    /// A run to log to. Numbers above the number of runs wrap around.
    pub(crate) fn run(&self, number: usize) -> &str {
        let index = number.checked_rem(self.runs.len()).unwrap_or_default();
        self.runs.get(index).map_or("", String::as_str)
    }
}

/// The contents of a new run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Nothing,
    Full,
}

/// Makes runs at concurrency 32. Their order is the order of their start times.
async fn make_runs(target: &Target, experiment: &str, count: u64, content: Content) -> Result<Vec<String>> {
    let mut fillers = JoinSet::new();
    for first in 0..FILLERS.min(count) {
        let (target, experiment) = (target.clone(), experiment.to_owned());
        fillers.spawn(async move {
            let mut client = Client::connect(&target).await?;
            let mut runs = Vec::new();
            let mut number = first;
            while number < count {
                let made = client
                    .ask(target.post("runs/create", &run_body(&experiment, number, content)))
                    .await?;
                let run = text(&made, "/run/info/run_id")?;
                if content == Content::Full {
                    client
                        .ask(target.post("runs/log-batch", &content_of(&run, number)))
                        .await?;
                }
                runs.push(run);
                number += FILLERS;
            }
            Ok::<_, anyhow::Error>(runs)
        });
    }
    let mut runs = Vec::new();
    while let Some(some) = fillers.join_next().await {
        runs.extend(some??);
    }
    Ok(runs)
}

/// The body of a request that makes a run.
fn run_body(experiment: &str, number: u64, content: Content) -> Value {
    let tags = match content {
        Content::Nothing => json!([]),
        Content::Full => json!([{"key": "t0", "value": "bench"}, {"key": "t1", "value": tag_value(number)}]),
    };
    json!({
        "experiment_id": experiment,
        "run_name": format!("run-{number}"),
        "start_time": FIRST_START_MS + number,
        "tags": tags,
    })
}

/// The params and metrics of a run that is searched, as one batch.
pub(crate) fn content_of(run: &str, number: u64) -> Value {
    let time = FIRST_START_MS + number;
    let params = (0..KEYS).map(|key| json!({"key": format!("p{key}"), "value": param_value(number, key)}));
    let metrics = (0..KEYS)
        .map(|key| json!({"key": format!("m{key}"), "value": metric_value(number, key), "timestamp": time, "step": 0}));
    json!({"run_id": run, "params": params.collect::<Value>(), "metrics": metrics.collect::<Value>()})
}

/// A metric of a run that is searched: evenly spread from 0 to 1.
pub(crate) fn metric_value(number: u64, key: u64) -> f64 {
    float(mix(number * KEYS + key) % METRIC_PARTS) / float(METRIC_PARTS)
}

/// A param of a run that is searched: one of ten texts.
pub(crate) fn param_value(number: u64, key: u64) -> String {
    format!("v{}", mix(number * KEYS + key + (1 << 40)) % 10)
}

/// The tag `t1` of a run that is searched: three digits.
pub(crate) fn tag_value(number: u64) -> String {
    format!("tag-{:03}", mix(number + (1 << 50)) % 1000)
}

/// A text in an answer.
pub(crate) fn text(answer: &Value, pointer: &str) -> Result<String> {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.map(str::to_owned)
        .with_context(|| format!("there is no {pointer} in {answer}"))
}
