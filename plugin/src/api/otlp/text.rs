//! Texts of attributes that are JSON. MLflow's clients send all values so, and its server decodes them.

use serde_json::Value as Json;

use crate::domain::trace::value::Value;

/// The value of a text that holds a JSON object, list or text. `None`: the text stands for itself.
pub(super) fn decoded(text: &str) -> Option<Value> {
    let begins = text.trim_start().starts_with(['{', '[', '"']);
    let json: Json = begins.then(|| serde_json::from_str(text).ok())??;
    Some(value(json))
}

fn value(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match number.as_i64() {
            Some(number) => Value::Integer(number),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::List(items.into_iter().map(value).collect()),
        Json::Object(fields) => Value::Map(fields.into_iter().map(|(name, json)| (name, value(json))).collect()),
    }
}

/// Bytes as MLflow's server shows them: as Python's literal.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b'\\' => "\\\\".to_owned(),
        b'\'' => "\\'".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0x20..0x7f => char::from(*byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    format!("b'{}'", bytes.iter().map(shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_lists_and_quoted_texts_are_decoded() {
        assert_eq!(
            decoded("{\"a\": 1}"),
            Some(Value::Map(vec![("a".to_owned(), Value::Integer(1))]))
        );
        assert_eq!(decoded("\"x\""), Some(Value::Text("x".to_owned())));
        for text in ["5", "true", "null", "x", "{broken", ""] {
            assert_eq!(decoded(text), None, "{text}");
        }
        assert_eq!(of_bytes(b"\x00a'"), "b'\\x00a\\''");
    }
}
