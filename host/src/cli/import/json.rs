//! Values of MLflow's JSON, as lenient as its clients.

use serde_json::{Value, json};

use super::source::Pair;

/// A text, also of a number; empty when it is absent.
pub(in crate::cli) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A number, also of a text, as protobuf writes long numbers; 0 when it is absent.
pub(in crate::cli) fn number(value: &Value) -> i64 {
    let of_text = || value.as_str().and_then(|text| text.parse().ok());
    value.as_i64().or_else(of_text).unwrap_or(0)
}

/// A number. `None`: it is absent.
pub(in crate::cli) fn optional_number(value: &Value) -> Option<i64> {
    Some(value).filter(|value| !value.is_null()).map(number)
}

/// The value below some keys; null when one is absent.
pub(in crate::cli) fn at<'a>(value: &'a Value, keys: &[&str]) -> &'a Value {
    let below = |value: &'a Value, key: &&str| value.get(*key).unwrap_or(&Value::Null);
    keys.iter().fold(value, below)
}

/// Takes the value below some keys out; null when one is absent.
pub(super) fn take(value: &mut Value, keys: &[&str]) -> Value {
    let below = keys.iter().try_fold(value, |value, key| value.get_mut(*key));
    below.map(Value::take).unwrap_or_default()
}

/// Sets a field of an object.
pub(super) fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// A float, also of a text, as JSON writes `NaN` and infinities.
pub(in crate::cli) fn float(value: &Value) -> f64 {
    let of_text = || value.as_str().and_then(|text| text.to_lowercase().parse().ok());
    value.as_f64().or_else(of_text).unwrap_or(f64::NAN)
}

/// A float as MLflow's JSON has it.
pub(super) fn of_float(value: f64) -> Value {
    match value {
        value if value.is_nan() => json!("NaN"),
        f64::INFINITY => json!("Infinity"),
        f64::NEG_INFINITY => json!("-Infinity"),
        value => json!(value),
    }
}

/// The items of a list; none when it is absent.
pub(in crate::cli) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// The keys and values of a list.
pub(in crate::cli) fn pairs(value: &Value, name: &str) -> Vec<Pair> {
    let pair = |pair: &Value| (text(&pair["key"]), text(&pair["value"]));
    list(value, name).iter().map(pair).collect()
}

/// Keys and values as a list of JSON.
pub(super) fn of_pairs(pairs: &[Pair]) -> Value {
    pairs
        .iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// The token of the next page. `None`: this was the last one.
pub(in crate::cli) fn next(answer: &Value) -> Option<String> {
    Some(text(&answer["next_page_token"])).filter(|token| !token.is_empty())
}
