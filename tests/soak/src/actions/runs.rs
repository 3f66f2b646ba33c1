//! `runs/…`

use std::collections::{BTreeMap, BTreeSet};

use mlforge_bench::dice::Dice;
use serde_json::{Value, json};

use crate::api::text;
use crate::expected::{Number, Pairs, Point, Run};
use crate::step::{Draw, Piece, Step};

/// Number of the newest runs, which most data is logged to.
const BUSY: usize = 8;
/// Number of keys of metrics.
const METRICS: u64 = 6;
/// Number of keys of params.
const PARAMS: u64 = 40;
/// Number of keys of tags.
const TAGS: u64 = 5;
/// Number of start times. They are few, so that runs that start at the same time are common.
const START_TIMES: u64 = 50;
/// Number of steps, and of times, of points.
const STEPS: u64 = 1_000;
/// Maximum number of points of one batch. Enough points of one metric are stored as chunks.
const POINTS: u64 = 40;

/// The statuses of runs, in MLflow's words.
pub(crate) const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// A run, most often a new one: its index and its expected state.
pub(super) fn any<'a>(draw: &mut Draw<'a>) -> Option<(usize, &'a Run)> {
    let runs = &draw.expected.runs;
    let index = match draw.dice.one_in(4) {
        true => draw.dice.index(runs.len())?,
        false => runs.len() - draw.dice.index(runs.len().min(BUSY))? - 1,
    };
    Some((index, runs.get(index)?))
}

pub(super) fn create(draw: &mut Draw<'_>) -> Option<Step> {
    let experiments = &draw.expected.experiments;
    let experiment = if draw.dice.one_in(3) {
        draw.dice.index(experiments.len())?
    } else {
        0
    };
    let stored = experiments.get(experiment)?;
    let (token, name) = (draw.dice.token(), draw.dice.token());
    let start_time = i64::try_from(draw.dice.below(START_TIMES)).ok()?;
    let tags = Pairs::from([("token".to_owned(), token.clone()), ("t0".to_owned(), word(draw.dice))]);
    let body = json!({
        "experiment_id": stored.id, "run_name": name, "user_id": "soak", "start_time": start_time, "tags": listed(&tags),
    });
    let call = draw.target.post("runs/create", &body);
    let step = Step::new(call, Piece::NewRun(experiment, token), move |expected, reply| {
        expected.runs.push(Run {
            id: text(&reply.json, "/run/info/run_id")?.to_owned(),
            experiment,
            name,
            status: "RUNNING",
            start_time,
            tags,
            ..Run::default()
        });
        Ok(())
    });
    Some(step.refused_if(stored.is_deleted, 400))
}

pub(super) fn log_metric(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let (key, point) = (metric_key(draw.dice), point(draw.dice)?);
    let body = json!({
        "run_id": run.id, "key": key, "value": point.value.0, "timestamp": point.timestamp, "step": point.step,
    });
    Some(log(draw, "runs/log-metric", &body, index, move |run| {
        run.metrics.entry(key).or_default().insert(point);
    }))
}

pub(super) fn log_param(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let (key, value) = (format!("p{}", draw.dice.below(PARAMS)), word(draw.dice));
    let is_other = run.params.get(&key).is_some_and(|stored| *stored != value);
    let body = json!({"run_id": run.id, "key": key, "value": value});
    let step = log(draw, "runs/log-parameter", &body, index, |run| {
        run.params.insert(key, value);
    });
    Some(step.refused_if(is_other, 400))
}

pub(super) fn set_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let is_name = draw.dice.one_in(8);
    let key = if is_name {
        "mlflow.runName".to_owned()
    } else {
        tag_key(draw.dice)
    };
    let value = word(draw.dice);
    let body = json!({"run_id": run.id, "key": key, "value": value});
    Some(log(draw, "runs/set-tag", &body, index, move |run| match is_name {
        true => run.name = value,
        false => _ = run.tags.insert(key, value),
    }))
}

pub(super) fn delete_tag(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let key = tag_key(draw.dice);
    let is_missing = !run.tags.contains_key(&key);
    let body = json!({"run_id": run.id, "key": key});
    let step = log(draw, "runs/delete-tag", &body, index, move |run| {
        run.tags.remove(&key);
    });
    Some(step.refused_if(is_missing, 404))
}

/// Logs a batch. It is stored whole or not at all.
pub(super) fn log_batch(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let one_metric = draw.dice.one_in(2).then(|| metric_key(draw.dice));
    let mut metrics: BTreeMap<String, BTreeSet<Point>> = BTreeMap::new();
    for _ in 0..draw.dice.below(POINTS) {
        let key = one_metric.clone().unwrap_or_else(|| metric_key(draw.dice));
        metrics.entry(key).or_default().insert(point(draw.dice)?);
    }
    let (mut params, mut tags) = (Pairs::new(), Pairs::new());
    for _ in 0..draw.dice.below(4) {
        params.insert(format!("p{}", draw.dice.below(PARAMS)), word(draw.dice));
        tags.insert(tag_key(draw.dice), word(draw.dice));
    }
    let contradicts = params
        .iter()
        .any(|(key, value)| run.params.get(key).is_some_and(|stored| stored != value));
    let points = metrics.iter().flat_map(|(key, points)| {
        points.iter().map(
            move |point| json!({"key": key, "value": point.value.0, "timestamp": point.timestamp, "step": point.step}),
        )
    });
    let points: Value = points.collect();
    let body = json!({"run_id": run.id, "metrics": points, "params": listed(&params), "tags": listed(&tags)});
    let step = log(draw, "runs/log-batch", &body, index, |run| {
        for (key, mut points) in metrics {
            run.metrics.entry(key).or_default().append(&mut points);
        }
        run.params.extend(params);
        run.tags.extend(tags);
    });
    Some(step.refused_if(contradicts, 400))
}

pub(super) fn update(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let status = *draw.dice.pick(&STATUSES)?;
    let name = draw.dice.one_in(3).then(|| draw.dice.token());
    let end_time = match draw.dice.one_in(2) {
        true => Some(i64::try_from(draw.dice.below(STEPS)).ok()?),
        false => None,
    };
    let body = json!({"run_id": run.id, "status": status, "run_name": name, "end_time": end_time});
    Some(log(draw, "runs/update", &body, index, move |run| {
        run.status = status;
        run.end_time = end_time.or(run.end_time);
        run.name = name.unwrap_or_else(|| std::mem::take(&mut run.name));
    }))
}

pub(super) fn delete(draw: &mut Draw<'_>) -> Option<Step> {
    let (index, run) = any(draw)?;
    let must_stay = !run.is_deleted && draw.expected.is_version(run);
    let step = set_stage(draw, "runs/delete", run, index, true);
    Some(step.refused_if(must_stay, 400))
}

/// Restores a run on its own. Runs of a deleted experiment are restored with it.
pub(super) fn restore(draw: &mut Draw<'_>) -> Option<Step> {
    let is_alone = |run: &Run| {
        run.is_deleted
            && draw
                .expected
                .experiments
                .get(run.experiment)
                .is_some_and(|it| !it.is_deleted)
    };
    let alone = draw.expected.runs.iter().enumerate().filter(|(_, run)| is_alone(run));
    let (index, run) = draw.dice.pick_from(alone)?;
    Some(set_stage(draw, "runs/restore", run, index, false))
}

fn set_stage(draw: &Draw<'_>, path: &str, run: &Run, index: usize, is_deleted: bool) -> Step {
    let call = draw.target.post(path, &json!({"run_id": run.id}));
    Step::new(call, Piece::Run(index), move |expected, _| {
        if let Some(run) = expected.runs.get_mut(index) {
            run.is_deleted = is_deleted;
        }
        Ok(())
    })
}

/// A change that only an active run accepts.
fn log(
    draw: &Draw<'_>,
    path: &str,
    body: &Value,
    index: usize,
    effect: impl FnOnce(&mut Run) + Send + 'static,
) -> Step {
    let is_deleted = draw.expected.runs.get(index).is_some_and(|run| run.is_deleted);
    let call = draw.target.post(path, body);
    let step = Step::new(call, Piece::Run(index), move |expected, _| {
        if let Some(run) = expected.runs.get_mut(index) {
            effect(run);
        }
        Ok(())
    });
    step.refused_if(is_deleted, 400)
}

fn metric_key(dice: &mut Dice) -> String {
    format!("m{}", dice.below(METRICS))
}

fn tag_key(dice: &mut Dice) -> String {
    format!("t{}", dice.below(TAGS))
}

/// One of a few texts of different lengths.
fn word(dice: &mut Dice) -> String {
    let number = dice.below(20);
    match number {
        0 => "a longer text, ü and 모델 among it; ".repeat(20),
        _ => format!("w{number}"),
    }
}

/// A random point. Its value is a multiple of an eighth, which is exact, so that it can be compared when it
/// is read.
fn point(dice: &mut Dice) -> Option<Point> {
    let eighths = u32::try_from(dice.below(20_000)).ok()?;
    Some(Point {
        timestamp: i64::try_from(dice.below(STEPS)).ok()?,
        step: i64::try_from(dice.below(STEPS)).ok()? - 10,
        value: Number(f64::from(eighths) / 8.0 - 1_000.0),
    })
}

/// Keys and values in the form of requests.
pub(super) fn listed(pairs: &Pairs) -> Value {
    let pair = |(key, value): (&String, &String)| json!({"key": key, "value": value});
    pairs.iter().map(pair).collect()
}
