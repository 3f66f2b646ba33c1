//! The values of attributes of spans, with their JSON text. Searches match that text, as MLflow's do.

/// The value of an attribute.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Integer(i64),
    /// A number, possibly NaN or infinite.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Named values in the order in which they were sent.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The text, if the value is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, if the value is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Float(number) => number.is_finite().then(|| format!("{number:.0}").parse().ok())?,
            Value::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value of a name in a map.
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Map(fields) => fields.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The items, if the value is a list.
    pub fn items(&self) -> &[Value] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The value as JSON text. NaN and infinite numbers are written as Python writes them.
    pub fn json(&self) -> String {
        let mut text = String::new();
        self.write_json(&mut text);
        text
    }

    /// The value as people read it: a text as it is, and all else as JSON with a line for each item. The end is
    /// left out after about this many bytes.
    pub fn pretty(&self, bytes_max: usize) -> String {
        if let Value::Text(text) = self {
            return text.clone();
        }
        let mut text = String::new();
        self.write_pretty(&mut text, 0, bytes_max);
        text
    }

    fn write_pretty(&self, to: &mut String, depth: usize, bytes_max: usize) {
        let line = |to: &mut String, index: usize, depth: usize| {
            to.push_str(if index > 0 { ",\n" } else { "\n" });
            to.push_str(&"  ".repeat(depth));
        };
        match self {
            _ if to.len() > bytes_max => {}
            Value::List(items) if !items.is_empty() => {
                to.push('[');
                for (index, item) in items.iter().enumerate() {
                    line(to, index, depth + 1);
                    item.write_pretty(to, depth + 1, bytes_max);
                    if to.len() > bytes_max {
                        return;
                    }
                }
                to.push('\n');
                to.push_str(&"  ".repeat(depth));
                to.push(']');
            }
            Value::Map(fields) if !fields.is_empty() => {
                to.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    line(to, index, depth + 1);
                    write_text(to, name);
                    to.push_str(": ");
                    value.write_pretty(to, depth + 1, bytes_max);
                    if to.len() > bytes_max {
                        return;
                    }
                }
                to.push('\n');
                to.push_str(&"  ".repeat(depth));
                to.push('}');
            }
            value => value.write_json(to),
        }
    }

    /// Appends the value as JSON text.
    pub fn write_json(&self, to: &mut String) {
        match self {
            Value::Null => to.push_str("null"),
            Value::Bool(value) => to.push_str(if *value { "true" } else { "false" }),
            Value::Integer(number) => to.push_str(&number.to_string()),
            Value::Float(number) => to.push_str(&float_text(*number)),
            Value::Text(text) => write_text(to, text),
            Value::List(items) => {
                to.push('[');
                for (index, item) in items.iter().enumerate() {
                    to.push_str(if index > 0 { ", " } else { "" });
                    item.write_json(to);
                }
                to.push(']');
            }
            Value::Map(fields) => write_map(to, fields),
        }
    }
}

/// Appends named values as a JSON object.
pub fn write_map(to: &mut String, fields: &[(String, Value)]) {
    to.push('{');
    for (index, (name, value)) in fields.iter().enumerate() {
        to.push_str(if index > 0 { ", " } else { "" });
        write_text(to, name);
        to.push_str(": ");
        value.write_json(to);
    }
    to.push('}');
}

/// A number as Python writes it in JSON.
pub fn float_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{number:?}")
    }
}

/// Appends a text as JSON writes it, in quotes. Characters outside ASCII stay as they are.
pub fn write_text(to: &mut String, text: &str) {
    to.push('"');
    for c in text.chars() {
        match c {
            '"' => to.push_str("\\\""),
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '\r' => to.push_str("\\r"),
            '\t' => to.push_str("\\t"),
            '\u{8}' => to.push_str("\\b"),
            '\u{c}' => to.push_str("\\f"),
            c if c < ' ' => to.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => to.push(c),
        }
    }
    to.push('"');
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Values of every kind.
    pub(crate) fn a_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_map(Value::Float),
            any::<String>().prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::vec(("[a-c]{0,2}", inner), 0..4).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_finite_value_is_valid_json(value in a_value()) {
            let text = value.json();
            if !text.contains("NaN") && !text.contains("Infinity") {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            }
        }
    }

    #[test]
    fn texts_keep_their_characters() {
        assert_eq!(
            Value::Text("hé \"☃\"\n\u{1}".to_owned()).json(),
            r#""hé \"☃\"\n\u0001""#
        );
        assert_eq!(Value::Float(5.0).json(), "5.0");
        assert_eq!(Value::Text("a\nb".to_owned()).pretty(99), "a\nb");
        let map = Value::Map(vec![(
            "a".to_owned(),
            Value::List(vec![Value::Null, Value::Integer(1)]),
        )]);
        assert_eq!(map.json(), r#"{"a": [null, 1]}"#);
        assert_eq!(map.pretty(99), "{\n  \"a\": [\n    null,\n    1\n  ]\n}");
        assert!(Value::List(vec![Value::Bool(true); 1_000]).pretty(50).len() < 80);
        assert_eq!(map.get("a").unwrap().items().len(), 2);
    }
}
