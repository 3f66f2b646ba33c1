//! Prompts: models and versions with a reserved tag.

use super::experiment::Pair;

/// The tag of a registered model, and of its versions, that makes it a prompt.
pub const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";

/// True if tags make a prompt of what has them: of equal keys the last counts.
pub fn is_prompt(tags: &[Pair]) -> bool {
    let marked = tags.iter().rev().find(|(key, _)| key == PROMPT_TAG);
    marked.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
}

/// True if a tag hides what has it from searches for models. Unlike above, the word is taken as it is written.
pub fn hides(key: &str, value: &str) -> bool {
    key == PROMPT_TAG && value == "true"
}
