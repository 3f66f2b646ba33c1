//! Runs.

use std::borrow::Cow;

use super::actor::Actor;
use super::commit_status::RunEnd;
use super::experiment::{Experiment, Pair};
use super::id::{ExperimentId, RunId};
use super::job::Job;
use super::lifecycle::{Lifecycle, Stage};
use super::limits::{RUN_NAME_CHARS_MAX, USER_ID_CHARS_MAX};
use super::metric::Metric;
use super::name::{cut, validate_length};
use crate::error::{Error, Result};

/// The tag that holds a run's name.
pub const NAME_TAG: &str = "mlflow.runName";

/// The status of a run. Every change is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has started.
    Running,
    /// It will start.
    Scheduled,
    /// It ended successfully.
    Finished,
    /// It ended with an error.
    Failed,
    /// It was stopped.
    Killed,
}

impl Status {
    /// All statuses, with the numbers and names of MLflow's protocol.
    pub const ALL: [(i64, &'static str, Status); 5] = [
        (1, "RUNNING", Status::Running),
        (2, "SCHEDULED", Status::Scheduled),
        (3, "FINISHED", Status::Finished),
        (4, "FAILED", Status::Failed),
        (5, "KILLED", Status::Killed),
    ];

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, _, status)| *status == self)
            .map_or("RUNNING", |(_, name, _)| name)
    }

    /// The way in which the run ended. `None`: it has not ended.
    pub fn end(self) -> Option<RunEnd> {
        match self {
            Status::Running | Status::Scheduled => None,
            Status::Finished => Some(RunEnd::Finished),
            Status::Failed => Some(RunEnd::Failed),
            Status::Killed => Some(RunEnd::Killed),
        }
    }
}

/// A run without its metrics, params, tags and inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// Its experiment, which never changes.
    pub experiment: ExperimentId,
    /// Its name, equal to its tag `mlflow.runName`.
    pub name: String,
    /// The user id, as the client sent it.
    pub user_id: String,
    /// Its status.
    pub status: Status,
    /// Milliseconds since the Unix epoch, as the client sent it.
    pub start_time_ms: i64,
    /// Milliseconds since the Unix epoch. `None`: the client has not sent it yet.
    pub end_time_ms: Option<i64>,
    /// Its own stage. The experiment may overrule it.
    pub lifecycle: Lifecycle,
    /// The URI of its artifacts.
    pub artifact_uri: String,
    /// The user who created it, as the forge knew them. `None`: the run is older than this field.
    pub author: Option<Actor>,
}

/// The fields of a run to be created.
#[derive(Clone, Debug, Default)]
pub struct NewRun {
    /// The user id, as the client sent it.
    pub user_id: String,
    /// Its name. Absent or empty: that of the tag, or a nickname.
    pub name: String,
    /// Milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// The tags as they are stored. The last of equal keys counts.
    pub tags: Vec<Pair>,
    /// The user who creates it.
    pub author: Option<Actor>,
    /// The CI job that creates it. `None`: none does, or the forge does not tell.
    pub job: Option<Job>,
    /// The id that it had on another server. `None`: it gets a new one.
    pub chosen_id: Option<RunId>,
}

impl Run {
    /// A new run and its tags, its name among them. Fails unless the experiment is active.
    pub fn new(
        id: RunId,
        experiment: &Experiment,
        new: NewRun,
        nickname: impl FnOnce() -> String,
    ) -> Result<(Run, Vec<Pair>)> {
        experiment.ensure_active()?;
        validate_length("user_id", &new.user_id, USER_ID_CHARS_MAX)?;
        let mut tags = new.tags;
        let tagged = tags.iter().rev().find(|(key, _)| key == NAME_TAG);
        let tagged = tagged.map(|(_, value)| run_name(value)).unwrap_or_default();
        let named = run_name(&new.name);
        if !named.is_empty() && !tagged.is_empty() && named != tagged {
            return Err(Error::Invalid(format!(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values \
                 (run_name='{named}', mlflow.runName='{tagged}')."
            )));
        }
        let name = [named, tagged].into_iter().find(|name| !name.is_empty());
        let name = name.unwrap_or_else(nickname);
        tags.retain(|(key, _)| key != NAME_TAG);
        tags.push((NAME_TAG.to_owned(), name.clone()));
        let run = Run {
            id,
            experiment: experiment.id,
            name,
            user_id: new.user_id,
            status: Status::Running,
            start_time_ms: new.start_time_ms,
            end_time_ms: None,
            lifecycle: Lifecycle {
                stage: Stage::Active,
                epoch: experiment.lifecycle.epoch,
            },
            artifact_uri: format!("{}/{id}/artifacts", experiment.artifact_location.trim_end_matches('/')),
            author: new.author,
        };
        Ok((run, tags))
    }

    /// Fails unless the run is active.
    pub fn ensure_active(&self, experiment: &Experiment) -> Result<()> {
        match self.lifecycle.of_run(experiment.lifecycle) {
            Stage::Active => Ok(()),
            Stage::Deleted => Err(Error::Invalid(format!(
                "The run {} must be in the 'active' state. Current state is deleted.",
                self.id
            ))),
        }
    }
}

/// A run's name as it is stored, from its field or its tag. It is cut to a limit, since each write to a run
/// reads it.
pub fn run_name(name: &str) -> String {
    cut(name.to_owned(), RUN_NAME_CHARS_MAX)
}

/// A param or tag of a run. Its texts may be borrowed from the record that was read.
pub type TextPair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A run with everything that is read with it. Its texts may be borrowed from the record that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct FullRun<'a> {
    /// The run itself.
    pub run: Cow<'a, Run>,
    /// The effective stage, with the events of its experiment applied.
    pub stage: Stage,
    /// The newest point of each metric, by key.
    pub metrics: Vec<Metric<'a>>,
    /// The params, by key.
    pub params: Vec<TextPair<'a>>,
    /// The tags, by key.
    pub tags: Vec<TextPair<'a>>,
    /// The datasets that it used.
    pub inputs: Cow<'a, [RunInput]>,
    /// The ids of the logged models that it used.
    pub model_inputs: Cow<'a, [String]>,
    /// The logged models that it produced.
    pub model_outputs: Cow<'a, [ModelOutput]>,
}

/// A dataset input as stored with the run. The dataset itself may be large and is read only when it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunInput {
    /// The dataset's name.
    pub name: String,
    /// The dataset's digest.
    pub digest: String,
    /// The tags of the input, not of the dataset.
    pub tags: Vec<Pair>,
}

/// A logged model that a run produced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOutput {
    /// Its id, as the caller sent it.
    pub model: String,
    /// The step at which it was produced.
    pub step: i64,
}
