//! A run that all callers log to: points of one metric, params that only the first request sets, a tag that
//! each overwrites.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use mlforge_bench::dice::Dice;
use serde_json::{Value, json};

use super::{Draw, SharedStep};
use crate::api::{self, Api, list, pairs, point, text};
use crate::check::{runs, same};
use crate::events::{Events, Fate, Moment, Register};
use crate::expected::{Number, Point, latest};

/// Number of callers that compete for the same param.
const RIVALS: usize = 3;
/// The key of the metric.
const METRIC: &str = "all";
/// The key of the tag.
const TAG: &str = "who";

/// The shared run.
#[derive(Clone)]
pub(super) struct SharedRun {
    id: String,
    points: Events<Point>,
    tries: usize,
    params: Vec<Events<String>>,
    tag: Register<Option<String>>,
}

/// A point that is unique, since no moment occurs twice.
pub(super) fn new_point(dice: &mut Dice, now: Moment) -> Point {
    let small = |number: u64| u32::try_from(number).unwrap_or_default();
    Point {
        timestamp: i64::try_from(now).unwrap_or(i64::MAX),
        step: small(dice.below(50)).into(),
        value: Number(f64::from(small(dice.below(1_000))) / 8.0),
    }
}

/// The request that logs a point.
pub(super) fn log_metric(run: &str, key: &str, point: Point) -> Value {
    json!({"run_id": run, "key": key, "value": point.value.0, "timestamp": point.timestamp, "step": point.step})
}

/// Checks a history. Every acknowledged point is there once, and no refused or unknown one.
pub(super) fn is_history(points: &Events<Point>, found: &[Point]) -> Result<()> {
    let set: BTreeSet<Point> = found.iter().copied().collect();
    ensure!(set.len() == found.len(), "a point comes twice in a history");
    ensure!(found.is_sorted(), "a history is out of order");
    let lost = points.done().find(|event| !set.contains(&event.what));
    ensure!(lost.is_none(), "a point is lost: {lost:?}");
    let possible: BTreeSet<Point> = points.possible().map(|event| event.what).collect();
    let strange = set.iter().find(|point| !possible.contains(point));
    ensure!(
        strange.is_none(),
        "a point that was refused or that nobody logged: {strange:?}"
    );
    Ok(())
}

impl SharedRun {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            points: Events::default(),
            tries: 0,
            params: Vec::new(),
            tag: Register::new(None),
        }
    }

    pub(super) fn draw(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        match draw.dice.below(4) {
            0 => self.log_param(draw),
            1 => self.set_tag(draw),
            _ => self.log_metric(draw),
        }
    }

    fn log_metric(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let point = new_point(draw.dice, draw.now);
        let index = self.points.begin(point, draw.now);
        let call = draw
            .target
            .post("runs/log-metric", &log_metric(&self.id, METRIC, point));
        SharedStep::new(call, move |things, ended| {
            things.run.points.end(index, ended.fate, ended.now);
            ensure!(ended.fate != Fate::Refused, "{}", ended.said);
            Ok(())
        })
    }

    fn log_param(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let number = self.tries / RIVALS;
        self.tries += 1;
        if self.params.len() <= number {
            self.params.push(Events::default());
        }
        let value = draw.dice.token();
        let wanted = self.params.last_mut();
        let index = wanted
            .map(|param| param.begin(value.clone(), draw.now))
            .unwrap_or_default();
        let body = json!({"run_id": self.id, "key": key(number), "value": value});
        let call = draw.target.post("runs/log-parameter", &body);
        SharedStep::new(call, move |things, ended| {
            let param = things.run.params.get_mut(number).context("no such param")?;
            param.end(index, ended.fate, ended.now);
            ensure!(
                param.done().count() <= 1,
                "two values of the param {}: {param:?}",
                key(number)
            );
            Ok(())
        })
    }

    fn set_tag(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let value = draw.dice.token();
        let index = self.tag.writes.begin(Some(value.clone()), draw.now);
        let call = draw
            .target
            .post("runs/set-tag", &json!({"run_id": self.id, "key": TAG, "value": value}));
        SharedStep::new(call, move |things, ended| {
            things.run.tag.writes.end(index, ended.fate, ended.now);
            ensure!(ended.fate != Fate::Refused, "{}", ended.said);
            Ok(())
        })
    }

    pub(super) fn settle(&mut self, now: Moment) {
        self.points.settle(now);
        self.tag.writes.settle(now);
        for param in &mut self.params {
            param.settle(now);
        }
    }

    pub(super) async fn check(&self, api: &mut Api, now: Moment) -> api::Result<()> {
        let history = runs::history(api, &self.id, METRIC).await?;
        is_history(&self.points, &history)?;
        let call = api.target.get(&format!("runs/get?run_id={}", self.id));
        let answer = api.ask(call).await?;
        let metrics = list(&answer, "/run/data/metrics");
        let shown = metrics
            .iter()
            .find(|metric| text(metric, "/key").is_ok_and(|key| key == METRIC));
        let shown = shown.map(point).transpose()?;
        same("the shared run", METRIC, &shown, &latest(&history))?;
        let params = pairs(&answer, "/run/data/params")?;
        for (number, param) in self.params.iter().enumerate() {
            is_param(param, params.get(&key(number))).with_context(|| key(number))?;
        }
        let tag = pairs(&answer, "/run/data/tags")?.remove(TAG);
        if !self.tag.may_be(&tag, now, now) {
            return Err(anyhow::anyhow!("the tag {TAG} cannot be {tag:?} any more").into());
        }
        Ok(())
    }
}

fn key(number: usize) -> String {
    format!("r{number}")
}

fn is_param(param: &Events<String>, found: Option<&String>) -> Result<()> {
    let was_refused = param.0.iter().any(|event| event.fate == Fate::Refused);
    match found {
        None => {
            ensure!(param.done().next().is_none(), "a param is lost: {param:?}");
            ensure!(!was_refused, "a param was refused, and there is none: {param:?}");
        }
        Some(found) => {
            ensure!(
                param.possible().any(|event| event.what == *found),
                "{found} was refused: {param:?}"
            );
            ensure!(
                param.done().all(|event| event.what == *found),
                "it is {found} now: {param:?}"
            );
        }
    }
    Ok(())
}
