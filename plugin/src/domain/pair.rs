//! Rules of tags and params: keys with values, as callers send them. Each kind of pair has its rules, which
//! hold for every endpoint. An endpoint that creates an item accepts no key that a later change would refuse.

use super::limits::{
    EXPERIMENT_TAG_VALUE_CHARS_MAX, INPUT_TAG_KEY_CHARS_MAX, INPUT_TAG_VALUE_CHARS_MAX, LOGGED_MODEL_KEY_CHARS_MAX,
    LOGGED_MODEL_VALUE_CHARS_MAX, PARAM_VALUE_CHARS_MAX, REGISTRY_TAG_VALUE_CHARS_MAX, RESERVED_TAG_VALUE_CHARS_MAX,
    RUN_TAG_VALUE_CHARS_MAX,
};
use super::name::{cut, validate_key, validate_length};
use super::run::{NAME_TAG, run_name};
use crate::error::{Error, Result};

/// The prefix of tags that MLflow's clients write. They read many of them as JSON.
const RESERVED_PREFIX: &str = "mlflow.";

/// The prefix of tags that only the server writes.
const SERVER_PREFIX: &str = "mlforge.";

/// The rules of one kind of pairs.
#[derive(Clone, Copy, Debug)]
pub struct PairRules {
    key: KeyRule,
    value: ValueRule,
    /// True if the server writes some pairs of the kind itself.
    has_server_pairs: bool,
}

#[derive(Clone, Copy, Debug)]
enum KeyRule {
    /// MLflow's rule of names that may become files, see `validate_key`.
    NormalPath,
    /// Any text of at most this many characters. It never becomes a file.
    Text(usize),
}

#[derive(Clone, Copy, Debug)]
enum ValueRule {
    /// Values of more characters are refused.
    Refused(usize),
    /// Values of more characters are cut, as MLflow does.
    Cut(usize),
    /// The rule depends on the key, see `run_tag`.
    RunTag,
}

const fn rules(key: KeyRule, value: ValueRule) -> PairRules {
    PairRules {
        key,
        value,
        has_server_pairs: false,
    }
}

/// The rules of a kind of which the server writes some pairs itself.
const fn with_server_pairs(rules: PairRules) -> PairRules {
    PairRules {
        has_server_pairs: true,
        ..rules
    }
}

/// Tags of runs: set on creation, alone, or in a batch.
pub const RUN_TAG: PairRules = with_server_pairs(rules(KeyRule::NormalPath, ValueRule::RunTag));
/// Params of runs: logged alone, or in a batch.
pub const RUN_PARAM: PairRules = rules(KeyRule::NormalPath, ValueRule::Cut(PARAM_VALUE_CHARS_MAX));
/// Tags of experiments: set on creation or alone.
pub const EXPERIMENT_TAG: PairRules = rules(KeyRule::NormalPath, ValueRule::Refused(EXPERIMENT_TAG_VALUE_CHARS_MAX));
/// Tags of registered models and of their versions: set on creation or alone.
pub const REGISTRY_TAG: PairRules = with_server_pairs(rules(
    KeyRule::NormalPath,
    ValueRule::Refused(REGISTRY_TAG_VALUE_CHARS_MAX),
));
/// Tags and params of logged models: set on creation or later.
pub const LOGGED_MODEL_PAIR: PairRules = rules(
    KeyRule::Text(LOGGED_MODEL_KEY_CHARS_MAX),
    ValueRule::Refused(LOGGED_MODEL_VALUE_CHARS_MAX),
);
/// Tags of a run's dataset inputs.
pub const INPUT_TAG: PairRules = rules(
    KeyRule::Text(INPUT_TAG_KEY_CHARS_MAX),
    ValueRule::Refused(INPUT_TAG_VALUE_CHARS_MAX),
);

impl PairRules {
    /// Checks a key of this kind. `parameter` is the caller's name of the field, for the message.
    pub fn validate_key(&self, parameter: &str, key: &str) -> Result<()> {
        match self.key {
            KeyRule::NormalPath => validate_key(parameter, key),
            KeyRule::Text(chars_max) => validate_length(parameter, key, chars_max),
        }
    }

    /// True if only the server writes pairs of this key. Clients that copy an item send them along, so such a pair is
    /// checked like any other, and then ignored.
    pub fn is_of_server(&self, key: &str) -> bool {
        self.has_server_pairs && key.starts_with(SERVER_PREFIX)
    }

    /// Refuses to remove a pair that only the server writes.
    pub fn ensure_removable(&self, key: &str) -> Result<()> {
        if self.is_of_server(key) {
            return Err(Error::Invalid(format!(
                "The server writes the tag '{key}' itself. It goes with the tag that names the CI job, such as \
                 'gitlab.CI_JOB_ID'."
            )));
        }
        Ok(())
    }

    /// Returns the value as it is stored. `parameter` is as in `validate_key`.
    pub fn stored_value(&self, parameter: impl Fn() -> String, key: &str, value: &str) -> Result<String> {
        match self.value {
            ValueRule::Refused(chars_max) => whole(parameter, value, chars_max),
            ValueRule::Cut(chars_max) => Ok(cut(value.to_owned(), chars_max)),
            ValueRule::RunTag => run_tag(parameter, key, value),
        }
    }
}

/// The stored value of a run's tag. Programs parse reserved tags, so these are whole or refused. The name of
/// a run is only read by people, so it is cut.
fn run_tag(parameter: impl Fn() -> String, key: &str, value: &str) -> Result<String> {
    if key == NAME_TAG {
        Ok(run_name(value))
    } else if key.starts_with(RESERVED_PREFIX) {
        whole(parameter, value, RESERVED_TAG_VALUE_CHARS_MAX)
    } else {
        Ok(cut(value.to_owned(), RUN_TAG_VALUE_CHARS_MAX))
    }
}

fn whole(parameter: impl Fn() -> String, value: &str, chars_max: usize) -> Result<String> {
    // Bytes are never fewer than characters, so the parameter's name is rarely needed.
    if value.len() > chars_max {
        validate_length(&parameter(), value, chars_max)?;
    }
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(rules: PairRules, key: &str, length: usize) -> Option<usize> {
        match rules.stored_value(|| "tags[7].value".to_owned(), key, &"ü".repeat(length)) {
            Ok(value) => Some(value.chars().count()),
            Err(Error::Invalid(message)) if message.contains("'tags[7].value'") => None,
            Err(_) => Some(usize::MAX),
        }
    }

    #[test]
    fn long_reserved_run_tags_are_refused_and_other_run_tags_are_cut() {
        for key in ["mlflow.loggedArtifacts", "mlflow.note.content", "mlflow."] {
            assert_eq!(stored(RUN_TAG, key, 100_000), Some(100_000), "{key}");
            assert_eq!(stored(RUN_TAG, key, 100_001), None, "{key}");
        }
        for key in ["config", "mlflow", "MLFLOW.x", NAME_TAG] {
            assert_eq!(stored(RUN_TAG, key, 8_000), Some(8_000), "{key}");
            assert_eq!(stored(RUN_TAG, key, 100_001), Some(8_000), "{key}");
        }
    }

    #[test]
    fn other_kinds_of_pairs_cut_or_refuse_long_values_for_any_key() {
        for (rules, max, longer) in [
            (RUN_PARAM, 6_000, Some(6_000)),
            (EXPERIMENT_TAG, 20_000, None),
            (REGISTRY_TAG, 100_000, None),
            (LOGGED_MODEL_PAIR, 65_535, None),
            (INPUT_TAG, 500, None),
        ] {
            assert_eq!(stored(rules, "mlflow.x", max), Some(max), "{rules:?}");
            assert_eq!(stored(rules, "mlflow.x", max + 1), longer, "{rules:?}");
        }
    }

    #[test]
    fn a_key_is_a_normal_path_unless_it_never_becomes_a_file() {
        for rules in [RUN_TAG, RUN_PARAM, EXPERIMENT_TAG, REGISTRY_TAG] {
            assert_eq!(rules.validate_key("key", &"a".repeat(250)), Ok(()));
            for bad in ["a@b", "a/../b", "a\nb", &"a".repeat(251)] {
                assert!(
                    matches!(rules.validate_key("key", bad), Err(Error::Invalid(_))),
                    "{bad}"
                );
            }
        }
        for rules in [LOGGED_MODEL_PAIR, INPUT_TAG] {
            assert_eq!(rules.validate_key("key", &"@".repeat(255)), Ok(()));
            assert!(rules.validate_key("key", &"a".repeat(256)).is_err());
        }
    }
}
