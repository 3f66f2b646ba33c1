//! Lists of JSON objects that are kept in tags.

use serde_json::Value;

use crate::domain::limits::LOGGED_MODEL_VALUE_CHARS_MAX;
use crate::error::{Error, Result};

/// Appends an item to a JSON list in a tag, unless `is_same` is true for an item of the list. If the tag
/// holds no list, because a user wrote it, a new list is begun.
pub fn appended(list: Option<&str>, item: &Value, is_same: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut items: Vec<Value> = list
        .and_then(|list| serde_json::from_str(list).ok())
        .unwrap_or_default();
    if !items.iter().any(is_same) {
        items.push(item.clone());
    }
    items
}

/// The JSON text of a list in a tag.
pub fn written(items: &[Value]) -> Result<String> {
    serde_json::to_string(items).map_err(|error| Error::Corrupt(format!("a tag cannot be written: {error}")))
}

/// The tag of a logged model that lists its versions, with one more version. Its number is written as a
/// number, as MLflow's server does. Clients add the same version again, with its number as a text. When the
/// tag would exceed the limit of a tag, the oldest versions are dropped.
pub fn with_version(versions: Option<&str>, name: &str, number: u64) -> Result<String> {
    let made = |version: Value| serde_json::json!({"name": name, "version": version});
    let forms = [made(number.into()), made(number.to_string().into())];
    let [as_number, _] = &forms;
    let mut versions = appended(versions, as_number, |known| forms.contains(known));
    loop {
        let tag = written(&versions)?;
        if versions.len() == 1 || tag.chars().count() <= LOGGED_MODEL_VALUE_CHARS_MAX {
            return Ok(tag);
        }
        versions.remove(0);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_grows_only_by_new_items() {
        let one = Value::from(1);
        let grown = |list| written(&appended(list, &one, |known| *known == one)).unwrap();
        assert_eq!(grown(None), "[1]");
        assert_eq!(grown(Some("[2]")), "[2,1]");
        assert_eq!(grown(Some("[1,2]")), "[1,2]");
        assert_eq!(grown(Some("nonsense")), "[1]");
    }

    #[test]
    fn a_version_is_noted_as_a_number_and_recognised_as_a_text() {
        let noted = |versions| with_version(versions, "m", 2).unwrap();
        assert_eq!(noted(None), r#"[{"name":"m","version":2}]"#);
        for known in [r#"[{"name":"m","version":2}]"#, r#"[{"name":"m","version":"2"}]"#] {
            assert_eq!(noted(Some(known)), known);
        }
        assert_eq!(
            noted(Some(r#"[{"name":"m","version":"1"}]"#)),
            r#"[{"name":"m","version":"1"},{"name":"m","version":2}]"#
        );
    }

    #[test]
    fn the_oldest_of_too_many_versions_are_dropped() {
        let long = "x".repeat(LOGGED_MODEL_VALUE_CHARS_MAX - 35);
        let full = format!(r#"[{{"name":"a","version":1}},{{"name":"{long}","version":1}}]"#);
        let noted = with_version(Some(&full), "m", 2).unwrap();
        assert_eq!(noted, r#"[{"name":"m","version":2}]"#);
        assert!(with_version(None, &long, 2).unwrap().contains(&long));
    }
}
