//! Columns of data, as MLflow writes them in JSON: the schema of a dataset, and the signature of a model. Clients write the JSON,
//! so it may hold anything. What cannot be read is left out.

use maud::{Markup, html};
use mlforge_ui::Words;
use mlforge_ui::words::fill;
use serde_json::{Map, Value};

/// Number of columns of one schema that are shown.
const COLUMNS_MAX: usize = 100;
/// Depth to which the type of a column is followed.
const DEPTH_MAX: usize = 4;
/// Number of properties of an object in a type.
const PROPERTIES_MAX: usize = 12;
/// Number of characters of a name or a type.
const TEXT_CHARS_MAX: usize = 100;
/// Number of bytes of a table in HTML. A page may have several.
const TABLE_BYTES_MAX: usize = 12_000;
/// Number of bytes of a row without its texts.
const ROW_BYTES: usize = 120;

/// A column of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name. Empty: it has none.
    pub name: String,
    /// Its type, as `double` or `tensor float64 [-1, 28]`.
    pub kind: String,
    /// True if it may be left out.
    pub is_optional: bool,
    /// The value that counts if it is left out. `None`: there is none.
    pub default: Option<String>,
}

/// Columns, as far as they are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// The first columns.
    pub shown: Vec<Column>,
    /// Number of columns that are not shown.
    pub rest: usize,
}

impl Columns {
    /// Reads a list of columns, or a text that holds one.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Array(items) => Columns {
                shown: items.iter().take(COLUMNS_MAX).filter_map(column).collect(),
                rest: items.len().saturating_sub(COLUMNS_MAX),
            },
            Value::String(text) => Self::parse(text),
            _ => Columns::default(),
        }
    }

    /// Reads a text that holds a list of columns.
    pub fn parse(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(Value::Array(items)) => Self::of(&Value::Array(items)),
            _ => Columns::default(),
        }
    }
}

fn column(item: &Value) -> Option<Column> {
    let item = item.as_object()?;
    let is_set = |value: &&Value| !value.is_null();
    Some(Column {
        name: item.get("name").filter(is_set).map(shown).unwrap_or_default(),
        kind: cut(&kind(item, 0)),
        is_optional: item.get("required") == Some(&Value::Bool(false)) || item.contains_key("optional"),
        default: item.get("default").filter(is_set).map(shown),
    })
}

/// The type that an object describes.
fn kind(item: &Map<String, Value>, depth: usize) -> String {
    let word = item.get("type").and_then(Value::as_str).unwrap_or_default();
    let object = |name: &str| item.get(name).and_then(Value::as_object);
    let inner = |name: &str| object(name).map(|inner| kind(inner, depth + 1));
    if depth == DEPTH_MAX {
        return "…".to_owned();
    }
    match word {
        "tensor" => {
            let spec = object("tensor-spec");
            let of = |name: &str| spec.and_then(|spec| spec.get(name)).map(shown).unwrap_or_default();
            format!("tensor {} {}", of("dtype"), of("shape").replace(',', ", "))
        }
        "array" => format!("array of {}", inner("items").unwrap_or_default()),
        "map" => format!("map of {}", inner("values").unwrap_or_default()),
        "object" => {
            let properties = object("properties").into_iter().flatten().take(PROPERTIES_MAX);
            let property = |(name, value): (&String, &Value)| {
                let inner = value.as_object().map(|value| kind(value, depth + 1));
                format!("{}: {}", cut(name), inner.unwrap_or_default())
            };
            format!("{{{}}}", properties.map(property).collect::<Vec<_>>().join(", "))
        }
        other => other.to_owned(),
    }
}

/// A value as a text: a text as it is, anything else as JSON.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => cut(text),
        other => cut(&other.to_string()),
    }
}

/// The beginning of a text that may be long.
pub fn cut(text: &str) -> String {
    let mut start: String = text.chars().take(TEXT_CHARS_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

/// The number of bytes of a text in HTML.
fn html_bytes(text: &str) -> usize {
    let bytes = |byte| match byte {
        b'"' => 6,
        b'&' => 5,
        b'<' | b'>' => 4,
        _ => 1,
    };
    text.bytes().map(bytes).sum()
}

/// The rows that fit into a table, and the number of columns that are not shown.
fn fitting<'a>(groups: &[(&'a str, &'a Columns)]) -> (Vec<(&'a str, &'a Column)>, usize) {
    let (mut rows, mut rest, mut bytes) = (Vec::new(), 0, 0);
    for (title, columns) in groups {
        rest += columns.rest;
        for column in &columns.shown {
            let default = column.default.as_deref().unwrap_or_default();
            bytes += ROW_BYTES + html_bytes(&column.name) + html_bytes(&column.kind) + html_bytes(default);
            if bytes <= TABLE_BYTES_MAX {
                rows.push((*title, column));
            } else {
                rest += 1;
            }
        }
    }
    (rows, rest)
}

/// A table of columns in groups, each with its title. Without columns there is none.
pub fn table(words: &Words, caption: &str, groups: &[(&str, &Columns)]) -> Markup {
    let own = &words.data;
    let (rows, rest) = fitting(groups);
    html! {
        @if !rows.is_empty() {
            div.scroll tabindex="0" role="region" aria-label=(caption) {
                table {
                    caption.vh { (caption) }
                    thead {
                        tr {
                            th scope="col" { (own.column) }
                            th scope="col" { (own.kind) }
                            th scope="col" { (own.role) }
                            th scope="col" { (own.remark) }
                        }
                    }
                    tbody { @for (title, column) in rows { (row(words, title, column)) } }
                }
            }
            @if rest > 0 { p.mut.small { (fill(words.logged_models.more, &[&rest.to_string()])) } }
        }
    }
}

fn row(words: &Words, title: &str, column: &Column) -> Markup {
    let own = &words.data;
    html! {
        tr {
            th scope="row" { @if column.name.is_empty() { "–" } @else { bdi { (column.name) } } }
            td { bdi { (column.kind) } }
            td { (title) }
            td.mut {
                @if let Some(default) = &column.default {
                    (own.default) " " code { bdi { (default) } }
                } @else if column.is_optional {
                    (own.optional)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn kinds(text: &str) -> Vec<(String, String)> {
        let columns = Columns::parse(text).shown.into_iter();
        columns.map(|column| (column.name, column.kind)).collect()
    }

    #[test]
    fn columns_have_the_types_that_mlflow_writes() {
        let text = r#"[{"type":"double","name":"a","required":true},
            {"type":"tensor","tensor-spec":{"dtype":"float64","shape":[-1,28]}},
            {"type":"array","items":{"type":"object","properties":{"x":{"type":"string"}}},"name":0},
            {"type":"map","values":{"type":"long"},"name":"m"}]"#;
        let expected = [
            ("a", "double"),
            ("", "tensor float64 [-1, 28]"),
            ("0", "array of {x: string}"),
            ("m", "map of long"),
        ];
        let expected = expected.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        assert_eq!(kinds(text), expected);
    }

    #[test]
    fn a_column_may_be_left_out_or_have_a_default() {
        let columns = Columns::parse(
            r#"[{"type":"double","name":"a","required":false},{"type":"float","name":"t","default":0.5,"shape":null}]"#,
        );
        assert!(columns.shown[0].is_optional && !columns.shown[1].is_optional);
        assert_eq!(columns.shown[1].default.as_deref(), Some("0.5"));
    }

    #[test]
    fn what_is_no_list_of_columns_has_none_and_much_is_cut() {
        for text in ["", "{}", "null", "[1,null,\"x\"]", "\"[]\"", "[[[["] {
            assert_eq!(Columns::parse(text), Columns::default(), "{text}");
        }
        let many = format!(
            "[{}{{\"type\":\"long\"}}]",
            "{\"type\":\"long\"},".repeat(COLUMNS_MAX + 4)
        );
        let columns = Columns::parse(&many);
        assert_eq!((columns.shown.len(), columns.rest), (COLUMNS_MAX, 5));
        let deep = format!("[{}1{}]", "{\"type\":\"array\",\"items\":".repeat(20), "}".repeat(20));
        assert_eq!(
            Columns::parse(&deep).shown[0].kind,
            "array of array of array of array of …"
        );
    }

    #[test]
    fn a_table_of_hostile_columns_is_small() {
        let name = "\"".repeat(500);
        let many: Vec<Value> = (0..300)
            .map(|_| serde_json::json!({"name": name, "type": name}))
            .collect();
        let columns = Columns::of(&Value::Array(many));
        let words = Words::of(mlforge_ui::Language::English);
        let table = table(words, "caption", &[("a", &columns), ("b", &columns)]).into_string();
        assert!(table.len() < 14_000, "{} bytes", table.len());
        assert!(table.contains("more are not shown"));
    }

    proptest! {
        #[test]
        fn no_json_is_too_strange(text in "[\\[\\]{}:,\"a-z0-9 ]{0,80}") {
            prop_assert!(Columns::parse(&text).shown.len() <= COLUMNS_MAX);
        }
    }
}
