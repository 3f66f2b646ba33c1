//! Prompts: models and versions with a reserved tag.

use super::experiment::Pair;

/// The tag of a registered model, and of its versions, that makes it a prompt.
pub const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";

/// The tag of a prompt's version that holds its text. A chat is a list of messages in JSON.
pub const TEXT_TAG: &str = "mlflow.prompt.text";

/// The tag of a prompt's version that tells a `chat` from a text.
pub const TYPE_TAG: &str = "_mlflow_prompt_type";

/// True if these tags make their owner a prompt. The last of equal keys counts.
pub fn is_prompt(tags: &[Pair]) -> bool {
    let marked = tags.iter().rev().find(|(key, _)| key == PROMPT_TAG);
    marked.is_some_and(|(_, value)| value.eq_ignore_ascii_case("true"))
}

/// True if a tag hides its owner from searches for models. Unlike in `is_prompt`, the value is
/// case-sensitive.
pub fn hides(key: &str, value: &str) -> bool {
    key == PROMPT_TAG && value == "true"
}
