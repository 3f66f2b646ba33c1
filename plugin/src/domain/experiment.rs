//! Experiments.

use super::artifact::{ArtifactPath, Purpose};
use super::id::ExperimentId;
use super::lifecycle::{Lifecycle, Stage};
use super::limits::{ARTIFACT_LOCATION_CHARS_MAX, OWN_LOCATION_BYTES_MAX};
use super::name::validate_length;
use crate::error::{Error, Result};

/// The default artifact location of an experiment, before the experiment's number.
const STORE: &str = "mlflow-artifacts:/";

/// A key and a value, of a tag or a param.
pub type Pair = (String, String);

/// An experiment without its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Experiment {
    /// Its number.
    pub id: ExperimentId,
    /// Unique in the project, soft-deleted ones included.
    pub name: String,
    /// The URI below which the artifacts of its runs are stored.
    pub artifact_location: String,
    /// Its stage, and the number of times it was deleted or restored.
    pub lifecycle: Lifecycle,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// Milliseconds since the Unix epoch; renaming, deleting and restoring refresh it, tags do not.
    pub last_update_time_ms: i64,
}

/// An experiment with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullExperiment {
    /// The experiment itself.
    pub experiment: Experiment,
    /// The tags, by key.
    pub tags: Vec<Pair>,
}

impl Experiment {
    /// A new experiment. Without an artifact location of its own it gets one in the project's store. A
    /// location that this function made for another experiment is ignored. Tools that copy experiments send
    /// it, and two experiments would share a directory.
    pub fn new(id: ExperimentId, name: String, artifact_location: Option<String>, now_ms: i64) -> Self {
        let own = artifact_location.filter(|location| !is_made_up(location));
        Experiment {
            id,
            name,
            // The path is never empty: clients would drop the mount's prefix.
            artifact_location: own.unwrap_or_else(|| format!("{STORE}{id}")),
            lifecycle: Lifecycle {
                stage: Stage::Active,
                epoch: 0,
            },
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
        }
    }

    /// The experiment that every project has from the start. It is created when it is first needed, one
    /// millisecond before `now_ms`. So an experiment that is created in the same moment is newer.
    pub fn default_of_project(now_ms: i64) -> Self {
        let made_ms = now_ms.saturating_sub(1);
        Experiment::new(ExperimentId::DEFAULT, "Default".to_owned(), None, made_ms)
    }

    /// The default experiment before it is created: its times are 0.
    pub fn default_not_made() -> Self {
        Experiment::new(ExperimentId::DEFAULT, "Default".to_owned(), None, 0)
    }

    /// Fails unless the experiment is active.
    pub fn ensure_active(&self) -> Result<()> {
        match self.lifecycle.stage {
            Stage::Active => Ok(()),
            Stage::Deleted => Err(Error::Invalid(format!(
                "The experiment {} must be in the 'active' state. Current state is deleted.",
                self.id
            ))),
        }
    }

    /// Deletes or restores the experiment, and with it every run in it.
    pub fn set_stage(&mut self, stage: Stage, now_ms: i64) {
        self.lifecycle = Lifecycle {
            stage,
            epoch: self.lifecycle.epoch + 1,
        };
        self.last_update_time_ms = now_ms;
    }
}

/// True if a location is a default one as `Experiment::new` makes it: the store and a number.
fn is_made_up(location: &str) -> bool {
    let number = location.strip_prefix(STORE).unwrap_or_default().trim_end_matches('/');
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Checks an artifact location that a caller gave: a URI or path without query, fragment, parameters and
/// control characters. A location in the project's own store is a checked path, short enough for the paths of
/// runs below it.
pub fn validate_artifact_location(location: &str) -> Result<()> {
    validate_length("artifact_location", location, ARTIFACT_LOCATION_CHARS_MAX)?;
    let refused = |why: &str| {
        Err(Error::Invalid(format!(
            "Invalid value {location:?} for parameter 'artifact_location' supplied: {why}"
        )))
    };
    let path = location.split_once("://").map_or(location, |(_, rest)| rest);
    if location.chars().any(|c| c.is_control() || matches!(c, '#' | '?' | ';')) || path.split('/').any(|s| s == "..") {
        return refused("a location has no fragment, query, parameters, control characters and no '..' segments.");
    }
    match ArtifactPath::in_own_store(location).filter(|path| !path.is_empty()) {
        None => Ok(()),
        Some(path) => match ArtifactPath::parse_encoded(path, Purpose::Read) {
            Ok(path) if path.as_str().len() <= OWN_LOCATION_BYTES_MAX => Ok(()),
            Ok(_) => refused(&format!("its path has more than {OWN_LOCATION_BYTES_MAX} bytes.")),
            Err(Error::Invalid(why) | Error::NotFound(why)) => refused(&why),
            Err(other) => Err(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_location_of_another_experiment_is_ignored() {
        let location = |given: &str| {
            let given = Some(given.to_owned());
            Experiment::new(ExperimentId(7), "e".to_owned(), given, 0).artifact_location
        };
        for made_up in ["mlflow-artifacts:/5", "mlflow-artifacts:/7", "mlflow-artifacts:/0/"] {
            assert_eq!(location(made_up), "mlflow-artifacts:/7", "{made_up}");
        }
        for own in [
            "mlflow-artifacts:/",
            "mlflow-artifacts:/5/x",
            "mlflow-artifacts:/a5",
            "mlflow-artifacts://5",
            "s3://b/5",
            "5",
        ] {
            assert_eq!(location(own), own);
        }
    }
}
