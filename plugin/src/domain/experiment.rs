//! Experiments.

use super::id::ExperimentId;
use super::lifecycle::{Lifecycle, Stage};
use super::limits::ARTIFACT_LOCATION_CHARS_MAX;
use super::name::validate_length;
use crate::error::{Error, Result};

/// A key and a value, of a tag or a param.
pub type Pair = (String, String);

/// An experiment without its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Its number.
    pub id: ExperimentId,
    /// Unique in the project, soft-deleted ones included.
    pub name: String,
    /// Where the artifacts of its runs lie.
    pub artifact_location: String,
    /// Its stage, and how often it was deleted or restored.
    pub lifecycle: Lifecycle,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// Milliseconds since the Unix epoch; renaming, deleting and restoring refresh it, tags do not.
    pub last_update_time_ms: i64,
}

impl Experiment {
    /// A new one. Without a location of its own it lies in the project's artifact store.
    pub fn new(id: ExperimentId, name: String, artifact_location: Option<String>, now_ms: i64) -> Self {
        Experiment {
            id,
            name,
            // Never an empty path: clients would drop the mount's prefix.
            artifact_location: artifact_location.unwrap_or_else(|| format!("mlflow-artifacts:/{id}")),
            lifecycle: Lifecycle {
                stage: Stage::Active,
                epoch: 0,
            },
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
        }
    }

    /// The one that every project has from the start.
    pub fn default_of_project(now_ms: i64) -> Self {
        Experiment::new(ExperimentId::DEFAULT, "Default".to_owned(), None, now_ms)
    }

    /// Refuses what needs an active experiment.
    pub fn must_be_active(&self) -> Result<()> {
        match self.lifecycle.stage {
            Stage::Active => Ok(()),
            Stage::Deleted => Err(Error::Invalid(format!(
                "The experiment {} must be in the 'active' state. Current state is deleted.",
                self.id
            ))),
        }
    }

    /// Deletes or restores it, and with it every run in it.
    pub fn set_stage(&mut self, stage: Stage, now_ms: i64) {
        self.lifecycle = Lifecycle {
            stage,
            epoch: self.lifecycle.epoch + 1,
        };
        self.last_update_time_ms = now_ms;
    }
}

/// Checks a location given by the caller: a URI or path without query, fragment, parameters and control characters.
pub fn validate_artifact_location(location: &str) -> Result<()> {
    validate_length("artifact_location", location, ARTIFACT_LOCATION_CHARS_MAX)?;
    let path = location.split_once("://").map_or(location, |(_, rest)| rest);
    if location.chars().any(|c| c.is_control() || matches!(c, '#' | '?' | ';')) || path.split('/').any(|s| s == "..") {
        return Err(Error::Invalid(format!(
            "Invalid value {location:?} for parameter 'artifact_location' supplied: a location has no fragment, query, \
             parameters, control characters and no '..' segments."
        )));
    }
    Ok(())
}
