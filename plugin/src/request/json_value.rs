//! Values of traces as JSON, which clients send as texts.

use serde_json::Value as Json;

use crate::domain::trace::value::Value;

/// The value of a text that holds a JSON object, list or text. `None`: the text stands for itself.
pub fn decoded(text: &str) -> Option<Value> {
    let begins = text.trim_start().starts_with(['{', '[', '"']);
    let json: Json = begins.then(|| serde_json::from_str(text).ok())??;
    Some(value(json))
}

/// The value that JSON says.
pub fn value(json: Json) -> Value {
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

/// JSON in which every number is a double, as in protobuf.
pub fn doubled(json: Json) -> Json {
    match json {
        Json::Number(number) => number.as_f64().map_or(Json::Number(number), Json::from),
        Json::Array(items) => items.into_iter().map(doubled).collect(),
        Json::Object(fields) => fields.into_iter().map(|(name, json)| (name, doubled(json))).collect(),
        json => json,
    }
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
    }
}
