//! The rules of names: keys of metrics, params and tags, and names of experiments.

use super::limits::{EXPERIMENT_NAME_CHARS_MAX, KEY_CHARS_MAX};
use crate::error::{Error, Result};

/// Checks the key of a metric, param or tag. `parameter` is the caller's name of the field, for the message.
///
/// MLflow's rule: letters and digits of any script, `_ - . : /` and space. A key may become a file's name, so
/// it must be its own normal path. Unlike older servers, this one refuses a trailing line break.
pub fn validate_key(parameter: &str, key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(missing(parameter));
    }
    if !key
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ' | ':' | '/'))
    {
        return Err(Error::Invalid(format!(
            "Invalid value {key:?} for parameter '{parameter}' supplied: Names may only contain alphanumerics, \
             underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )));
    }
    validate_normal_path(parameter, key)?;
    validate_length(parameter, key, KEY_CHARS_MAX)
}

/// Checks that a name is its own normal path, because it may become a file's name.
pub fn validate_normal_path(parameter: &str, name: &str) -> Result<()> {
    let normal = normal_path(name);
    if normal != name || name == "." || name.starts_with("..") || name.starts_with('/') {
        return Err(Error::Invalid(format!(
            "Invalid value {name:?} for parameter '{parameter}' supplied: Names may be treated as files in certain cases, \
             and must not resolve to other names when treated as such. This name would resolve to {normal:?}"
        )));
    }
    Ok(())
}

/// Checks an experiment's name: not blank, at most 500 characters.
pub fn validate_experiment_name(parameter: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(missing(parameter));
    }
    if name.trim().is_empty() {
        return Err(Error::Invalid(format!(
            "Invalid value {name:?} for parameter '{parameter}' supplied: it must not be blank."
        )));
    }
    validate_length(parameter, name, EXPERIMENT_NAME_CHARS_MAX)
}

/// Checks that a text has at most `chars_max` characters.
pub fn validate_length(parameter: &str, text: &str, chars_max: usize) -> Result<()> {
    // Bytes are never fewer than characters, so most texts need no count.
    if text.len() > chars_max && text.chars().count() > chars_max {
        return Err(Error::Invalid(format!(
            "'{parameter}' exceeds the maximum length of {chars_max} characters"
        )));
    }
    Ok(())
}

/// The first `chars_max` characters of a text.
pub fn cut(text: String, chars_max: usize) -> String {
    if text.len() <= chars_max {
        return text;
    }
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => text.get(..end).map(str::to_owned).unwrap_or(text),
        None => text,
    }
}

/// The error for a required value that is missing, in MLflow's words.
pub fn missing(parameter: &str) -> Error {
    Error::Invalid(format!(
        "Missing value for required parameter '{parameter}'. See the API docs for more information about request parameters."
    ))
}

/// A key after POSIX path normalisation: without empty and `.` segments, `..` resolved where possible.
fn normal_path(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." if segments.last().is_some_and(|last| *last != "..") => {
                segments.pop();
            }
            ".." if rooted => {}
            _ => segments.push(segment),
        }
    }
    match (rooted, segments.is_empty()) {
        (true, _) => format!("/{}", segments.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => segments.join("/"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_a_normal_path_of_letters_digits_and_few_signs() {
        for good in ["a", "val/loss", "mlflow.user", "a b", "a:b", "ü-모델_1", "a..b", "a/.b"] {
            assert_eq!(validate_key("key", good), Ok(()), "{good}");
        }
        for bad in [
            "a@b", "a\n", "a//b", "./a", "a/", "/a", ".", "..", "../a", "a/../b", "a\u{0}", "a\\b",
        ] {
            assert!(
                matches!(validate_key("key", bad), Err(Error::Invalid(text)) if text.contains("'key'")),
                "{bad:?}"
            );
        }
        assert!(validate_key("key", &"ü".repeat(250)).is_ok());
        assert!(validate_key("key", &"ü".repeat(251)).is_err());
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("üüü".to_owned(), 2), "üü");
        assert_eq!(cut("üü".to_owned(), 2), "üü");
        assert_eq!(cut(String::new(), 2), "");
    }
}
