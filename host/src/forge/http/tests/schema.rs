//! The JSON Schema of the protocol, and a check of documents with the keywords that it uses.

use serde_json::Value;

const SCHEMA: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../docs/forge-protocol.schema.json"
));

/// True if a document fits a definition of the schema.
pub(super) fn fits(definition: &str, document: &Value) -> bool {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    Schema(&schema).is_valid(&schema["$defs"][definition], document)
}

/// The whole schema, to which `$ref` points.
struct Schema<'a>(&'a Value);

impl Schema<'_> {
    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        let keywords = schema.as_object().expect("a schema is an object");
        keywords
            .iter()
            .all(|(keyword, rule)| self.holds(schema, keyword, rule, value))
    }

    /// True if a keyword holds. A keyword for values of another type always does.
    fn holds(&self, schema: &Value, keyword: &str, rule: &Value, value: &Value) -> bool {
        let chars = value.as_str().map(|text| text.chars().count() as u64);
        let fields = value.as_object();
        match keyword {
            "title" => true,
            "$ref" => {
                let pointer = rule.as_str().unwrap().trim_start_matches('#');
                self.is_valid(self.0.pointer(pointer).expect("a definition"), value)
            }
            "anyOf" => rule
                .as_array()
                .unwrap()
                .iter()
                .any(|schema| self.is_valid(schema, value)),
            "type" => match rule.as_array() {
                Some(names) => names.iter().any(|name| is_of_type(name, value)),
                None => is_of_type(rule, value),
            },
            "enum" => rule.as_array().unwrap().contains(value),
            "const" => rule == value,
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "minLength" => chars.is_none_or(|count| count >= rule.as_u64().unwrap()),
            "maxLength" => chars.is_none_or(|count| count <= rule.as_u64().unwrap()),
            "pattern" => value.as_str().is_none_or(|text| matches_pattern(rule, text)),
            "required" => fields.is_none_or(|fields| {
                let mut names = rule.as_array().unwrap().iter();
                names.all(|name| fields.contains_key(name.as_str().unwrap()))
            }),
            "properties" => fields.is_none_or(|fields| {
                let mut rules = rule.as_object().unwrap().iter();
                rules.all(|(name, schema)| fields.get(name).is_none_or(|value| self.is_valid(schema, value)))
            }),
            "additionalProperties" => fields.is_none_or(|fields| {
                assert_eq!(rule, false);
                fields.keys().all(|name| schema["properties"].get(name).is_some())
            }),
            "minProperties" => fields.is_none_or(|fields| fields.len() as u64 >= rule.as_u64().unwrap()),
            "maxProperties" => fields.is_none_or(|fields| fields.len() as u64 <= rule.as_u64().unwrap()),
            "items" => value
                .as_array()
                .is_none_or(|items| items.iter().all(|item| self.is_valid(rule, item))),
            other => panic!("the check lacks the keyword {other}"),
        }
    }
}

fn is_of_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the check lacks the type {other}"),
    }
}

/// The patterns of the schema. There are too few for a library of regular expressions.
fn matches_pattern(pattern: &Value, text: &str) -> bool {
    match pattern.as_str().unwrap() {
        r"^[^\x00-\x1f\x7f]*$" => !text.contains(|c: char| c.is_ascii_control()),
        "^https?://[^/]" => {
            let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
        }
        other => panic!("the check lacks the pattern {other}"),
    }
}
