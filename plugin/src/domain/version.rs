//! Model versions.

use std::rc::Rc;

use super::actor::Actor;
use super::experiment::Pair;
use super::id::{ExperimentId, ModelId, RunId};
use super::prompt::is_prompt;
use super::semver::SemVer;
use super::stage::ModelStage;
use crate::error::{Error, Result};

/// A model version without its tags and aliases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The model that it belongs to.
    pub model: ModelId,
    /// 1, 2, 3… in the model, never used twice. MLflow calls it the version.
    pub number: u64,
    /// The semantic version, by which users name it. Unique in the model while the version exists.
    pub semver: SemVer,
    /// True if the caller chose the semantic version. Otherwise it was the next free one, or was copied with
    /// the version.
    pub is_semver_chosen: bool,
    /// The run that holds its files, tags and metrics.
    pub run: RunId,
    /// The experiment of that run.
    pub experiment: ExperimentId,
    /// The stage to which it was promoted.
    pub stage: ModelStage,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// Milliseconds since the Unix epoch; description and stage refresh it, tags and aliases do not.
    pub last_update_time_ms: i64,
    /// `None`: an update removed it. Empty: it never had one.
    pub description: Option<String>,
    /// The source as the caller named it, or the location of its own files.
    pub source: String,
    /// The URI from which its files are downloaded.
    pub location: String,
    /// The link to the run, as the caller sent it.
    pub run_link: String,
    /// The user who created it, as the forge knew them. `None`: the version is older than this field.
    pub author: Option<Actor>,
}

/// A model version with everything that is read with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullVersion {
    /// The version itself.
    pub version: Version,
    /// The name of its model.
    pub model_name: Rc<str>,
    /// The tags by key, without the one that shows the semantic version.
    pub tags: Vec<Pair>,
    /// The aliases that users set, in order.
    pub aliases: Vec<String>,
}

impl FullVersion {
    /// True if it is a version of a prompt.
    pub fn is_prompt(&self) -> bool {
        is_prompt(&self.tags)
    }
}

/// The name of a version in its model, as a caller gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionName {
    /// The text as it was sent, for messages.
    pub text: String,
    /// The parsed name.
    pub kind: VersionKind,
}

/// The two ways to name a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionKind {
    /// By its number.
    Number(u64),
    /// By its semantic version.
    SemVer(SemVer),
}

impl VersionName {
    /// Reads a semantic version, or a number as leniently as MLflow's server does.
    pub fn parse(text: &str) -> Result<Self> {
        let kind = match SemVer::read(text) {
            Some(semver) => VersionKind::SemVer(semver),
            None => VersionKind::Number(number(text.trim()).ok_or_else(|| {
                Error::Invalid(format!(
                    "Parameter 'version' must be an integer, got '{text}'. A version is named by its number or by its \
                     semantic version, such as 1.0.0."
                ))
            })?),
        };
        Ok(VersionName {
            text: text.to_owned(),
            kind,
        })
    }

    /// The name of the version with this number.
    pub fn of_number(number: u64) -> Self {
        VersionName {
            text: number.to_string(),
            kind: VersionKind::Number(number),
        }
    }

    /// The error when the model has no such version.
    pub fn not_found(&self, model: &str) -> Error {
        Error::NotFound(format!("Model Version (name={model}, version={}) not found", self.text))
    }
}

/// Reads an integer. One that no version can have becomes 0, which no version has.
fn number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let integer = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let negative = text.starts_with('-');
    integer.then(|| if negative { 0 } else { digits.parse().unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(text: &str) -> Option<VersionKind> {
        VersionName::parse(text).ok().map(|name| name.kind)
    }

    #[test]
    fn a_version_is_named_by_number_or_semantic_version() {
        for text in ["7", " 7 ", "+7", "007"] {
            assert_eq!(kind(text), Some(VersionKind::Number(7)), "{text}");
        }
        for text in ["-1", "0", "99999999999999999999999"] {
            assert_eq!(kind(text), Some(VersionKind::Number(0)), "{text}");
        }
        assert_eq!(kind("1.0.0-a"), SemVer::read("1.0.0-a").map(VersionKind::SemVer));
        for text in ["", "1.0", "v1.0.0", "x", "1e3", "--1", "1 2"] {
            assert_eq!(kind(text), None, "{text}");
        }
    }
}
