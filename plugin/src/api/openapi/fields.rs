//! A short notation for the fields of objects: names with spaces between them.
//!
//! `!` after a name: the field is required. `:` and a type follow unless it is a text: `int`, `float`, `bool`, `map` (of texts),
//! `any`, the name of an object, or one of these in `[…]` for a list.

use serde_json::{Map, Value, json};

/// A field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// True if it is always there.
    pub(super) is_required: bool,
    kind: &'a str,
}

impl Field<'_> {
    /// Its type in JSON Schema.
    pub(super) fn schema(&self) -> Value {
        schema(self.kind)
    }

    /// The name of the object in its type. `None`: it has none.
    #[cfg(test)]
    pub(super) fn object(&self) -> Option<&str> {
        let name = self.kind.trim_matches(['[', ']']);
        name.starts_with(|first: char| first.is_ascii_uppercase())
            .then_some(name)
    }
}

/// Reads fields.
pub(super) fn read(text: &str) -> impl Iterator<Item = Field<'_>> {
    text.split_ascii_whitespace().map(|field| {
        let (name, kind) = field.split_once(':').unwrap_or((field, "text"));
        Field {
            name: name.trim_end_matches('!'),
            is_required: name.ends_with('!'),
            kind,
        }
    })
}

/// The object with these fields, in JSON Schema.
pub(super) fn object<'a>(fields: impl Iterator<Item = Field<'a>>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for field in fields {
        properties.insert(field.name.to_owned(), field.schema());
        if field.is_required {
            required.push(field.name);
        }
    }
    match required.is_empty() {
        true => json!({ "type": "object", "properties": properties }),
        false => json!({ "type": "object", "properties": properties, "required": required }),
    }
}

/// A reference to an object by its name.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schema(kind: &str) -> Value {
    if let Some(item) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return json!({ "type": "array", "items": schema(item) });
    }
    match kind {
        "text" => json!({ "type": "string" }),
        "int" => json!({ "type": "integer", "format": "int64" }),
        // JSON has no infinity and no NaN.
        "float" => json!({ "type": ["number", "string"] }),
        "bool" => json!({ "type": "boolean" }),
        "map" => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        "any" => json!({}),
        name => reference(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_json_schema() {
        let object = object(read("a! b:[Tag] c!:[int]"));
        let expected = json!({
            "type": "object",
            "properties": {
                "a": { "type": "string" },
                "b": { "type": "array", "items": { "$ref": "#/components/schemas/Tag" } },
                "c": { "type": "array", "items": { "type": "integer", "format": "int64" } },
            },
            "required": ["a", "c"],
        });
        assert_eq!(object, expected);
        let objects: Vec<_> = read("a b:[Tag] c:Run")
            .map(|field| field.object().map(str::to_owned))
            .collect();
        assert_eq!(objects, [None, Some("Tag".to_owned()), Some("Run".to_owned())]);
    }
}
