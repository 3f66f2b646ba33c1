//! Experiments.

use super::artifact::{ArtifactPath, Purpose};
use super::id::ExperimentId;
use super::lifecycle::{Lifecycle, Stage};
use super::limits::{ARTIFACT_LOCATION_CHARS_MAX, OWN_LOCATION_BYTES_MAX};
use super::name::validate_length;
use crate::error::{Error, Result};

/// Before the number of an experiment: where it lies that has no location of its own.
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
    /// A new one. Without a location of its own it lies in the project's artifact store. The location that another one got so
    /// comes with what copies experiments, and is none of its own: two would share a directory.
    pub fn new(id: ExperimentId, name: String, artifact_location: Option<String>, now_ms: i64) -> Self {
        let own = artifact_location.filter(|location| !is_made_up(location));
        Experiment {
            id,
            name,
            // Never an empty path: clients would drop the mount's prefix.
            artifact_location: own.unwrap_or_else(|| format!("{STORE}{id}")),
            lifecycle: Lifecycle {
                stage: Stage::Active,
                epoch: 0,
            },
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
        }
    }

    /// The one that every project has from the start. It is made when it is first needed, and is a moment older than what
    /// needs it: an experiment that is made at the same time is newer.
    pub fn default_of_project(now_ms: i64) -> Self {
        let made_ms = now_ms.saturating_sub(1);
        Experiment::new(ExperimentId::DEFAULT, "Default".to_owned(), None, made_ms)
    }

    /// The same before it is needed: no time is known of it.
    pub fn default_not_made() -> Self {
        Experiment::new(ExperimentId::DEFAULT, "Default".to_owned(), None, 0)
    }

    /// Refuses what needs an active experiment.
    pub fn ensure_active(&self) -> Result<()> {
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

/// True if a location is one that `Experiment::new` gives: the store and a number.
fn is_made_up(location: &str) -> bool {
    let number = location.strip_prefix(STORE).unwrap_or_default().trim_end_matches('/');
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Checks a location given by the caller: a URI or path without query, fragment, parameters and control characters. One in the
/// project's own store is a path of artifacts that leaves room for those of runs.
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
    fn a_location_that_was_made_up_for_another_is_none() {
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
