//! A run that some callers delete and restore while others log to it.

use anyhow::{anyhow, ensure};
use serde_json::json;

use super::run::{is_history, log_metric, new_point};
use super::{Draw, SharedStep};
use crate::api::{self, Api, text};
use crate::check::runs;
use crate::events::{Events, Fate, Moment, Register};
use crate::expected::Point;

/// The key of the metric.
const METRIC: &str = "m";

/// The shared run.
#[derive(Clone)]
pub(super) struct StagedRun {
    id: String,
    is_deleted: Register<bool>,
    points: Events<Point>,
}

impl StagedRun {
    pub(super) fn new(id: String) -> Self {
        Self {
            id,
            is_deleted: Register::new(false),
            points: Events::default(),
        }
    }

    pub(super) fn draw(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        match draw.dice.below(6) {
            0 => self.set_stage(draw, "runs/delete", true),
            1 => self.set_stage(draw, "runs/restore", false),
            _ => self.log_metric(draw),
        }
    }

    fn set_stage(&mut self, draw: &mut Draw<'_>, path: &str, is_deleted: bool) -> SharedStep {
        let index = self.is_deleted.writes.begin(is_deleted, draw.now);
        let call = draw.target.post(path, &json!({"run_id": self.id}));
        SharedStep::new(call, move |things, ended| {
            things.staged.is_deleted.writes.end(index, ended.fate, ended.now);
            ensure!(ended.fate != Fate::Refused, "{}", ended.said);
            Ok(())
        })
    }

    fn log_metric(&mut self, draw: &mut Draw<'_>) -> SharedStep {
        let (point, begin) = (new_point(draw.dice, draw.now), draw.now);
        let index = self.points.begin(point, begin);
        let call = draw
            .target
            .post("runs/log-metric", &log_metric(&self.id, METRIC, point));
        SharedStep::new(call, move |things, ended| {
            let run = &mut things.staged;
            run.points.end(index, ended.fate, ended.now);
            let may_be = |is_deleted| run.is_deleted.may_be(&is_deleted, begin, ended.now);
            match ended.fate {
                Fate::Done => ensure!(may_be(false), "a point was logged to run {}, which is deleted", run.id),
                Fate::Refused => ensure!(may_be(true), "run {} is active: {}", run.id, ended.said),
                Fate::Unknown => {}
            }
            Ok(())
        })
    }

    pub(super) fn settle(&mut self, now: Moment) {
        self.is_deleted.writes.settle(now);
        self.points.settle(now);
    }

    pub(super) async fn check(&self, api: &mut Api, now: Moment) -> api::Result<()> {
        is_history(&self.points, &runs::history(api, &self.id, METRIC).await?)?;
        let is_deleted = is_deleted(api, &self.id).await?;
        if !self.is_deleted.may_be(&is_deleted, now, now) {
            return Err(anyhow!("run {} cannot be so any more: deleted {is_deleted}", self.id).into());
        }
        Ok(())
    }
}

/// True if a run is deleted.
pub(super) async fn is_deleted(api: &mut Api, run: &str) -> api::Result<bool> {
    let call = api.target.get(&format!("runs/get?run_id={run}"));
    let answer = api.ask(call).await?;
    Ok(text(&answer, "/run/info/lifecycle_stage")? == "deleted")
}
