//! Registered models.

use super::actor::Actor;
use super::experiment::Pair;
use super::id::{ExperimentId, ModelId};
use super::limits::{MODEL_NAME_BYTES_MAX, MODEL_NAME_CHARS_MAX};
use super::name::{missing, validate_length, validate_normal_path};
use super::version::FullVersion;
use crate::error::{Error, Result};

/// A registered model without its tags, aliases and versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its number.
    pub id: ModelId,
    /// The experiment that belongs to it. Its name is `[model]` and the model's name.
    pub experiment: ExperimentId,
    /// Unique among the models of the project.
    pub name: String,
    /// Empty when the model has none.
    pub description: String,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// Milliseconds since the Unix epoch; tags and aliases do not refresh it.
    pub last_update_time_ms: i64,
    /// The highest version number used so far; 0 before the first version.
    pub last_version: u64,
    /// Number of versions marked as prompts, deleted ones included.
    pub prompt_versions: u64,
    /// The user who created it, as the forge knew them. `None`: the model is older than this field.
    pub author: Option<Actor>,
}

/// A registered model with everything that is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FullModel {
    /// The model itself.
    pub model: Model,
    /// The tags, by key.
    pub tags: Vec<Pair>,
    /// Aliases and the numbers of their versions, by alias.
    pub aliases: Vec<(String, u64)>,
    /// The latest version of each stage that has one, the newest first.
    pub latest: Vec<FullVersion>,
}

/// The name of the experiment that belongs to a model.
pub fn experiment_name(model: &str) -> String {
    format!("[model]{model}")
}

/// Checks a model's name: not blank, valid as a file name, and without the `/` and `:` of models:/ URIs.
pub fn validate_model_name(parameter: &str, name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(missing(parameter));
    }
    if name.contains(['/', ':']) {
        return Err(Error::Invalid(format!(
            "Invalid model name '{name}' for parameter '{parameter}' supplied. Names cannot contain '/' or ':'."
        )));
    }
    validate_normal_path(parameter, name)
}

/// Checks the name of a new model. It also has no control characters, no `?` and a limited length.
pub fn validate_new_model_name(parameter: &str, name: &str) -> Result<()> {
    validate_model_name(parameter, name)?;
    // A name stands in page URLs and in the name of an experiment.
    if name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!(
            "Invalid value {name:?} for parameter '{parameter}' supplied: it has control characters."
        )));
    }
    if name.contains('?') {
        return Err(Error::Invalid(format!(
            "Invalid model name '{name}'. Names cannot contain '?', which would end them in a models:/ address."
        )));
    }
    if name.len() > MODEL_NAME_BYTES_MAX {
        return Err(Error::Invalid(format!(
            "'{parameter}' exceeds the maximum length of {MODEL_NAME_BYTES_MAX} bytes"
        )));
    }
    validate_length(parameter, name, MODEL_NAME_CHARS_MAX)
}

/// The error for a name that no model has.
pub fn not_found(name: &str) -> Error {
    Error::NotFound(format!("Registered Model with name={name} not found"))
}

/// The error for a name that a model or prompt already has.
pub fn already_exists(name: &str, taken_by_prompt: bool, wanted_for_prompt: bool) -> Error {
    let word = |prompt| if prompt { "Prompt" } else { "Registered Model" };
    let (old, new) = (word(taken_by_prompt), word(wanted_for_prompt));
    if old == new {
        return Error::AlreadyExists(format!("{new} (name={name}) already exists."));
    }
    Error::AlreadyExists(format!(
        "Tried to create a {} with name '{name}', but the name is already taken by a {}. MLflow does not allow creating \
         a model and a prompt with the same name.",
        new.to_lowercase(),
        old.to_lowercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_is_a_files_name_without_slash_and_colon() {
        for good in ["m", "größe 모델", "a@b", "a.b-c_d", ".a", "1", "a%b", "a#b", "a\\b"] {
            assert_eq!(validate_new_model_name("name", good), Ok(()), "{good}");
        }
        for bad in ["", " ", "\t", "a/b", "a:b", ".", "..", "a\nb", "a?b"] {
            assert!(
                matches!(validate_new_model_name("name", bad), Err(Error::Invalid(_))),
                "{bad:?}"
            );
        }
        let repeated = |letter: &str, count| validate_new_model_name("name", &letter.repeat(count));
        assert!(repeated("ü", MODEL_NAME_CHARS_MAX).is_ok() && repeated("ü", MODEL_NAME_CHARS_MAX + 1).is_err());
        assert!(
            repeated("모", MODEL_NAME_BYTES_MAX / 3).is_ok() && repeated("모", MODEL_NAME_BYTES_MAX / 3 + 1).is_err()
        );
    }
}
