//! The parameters of a request, from a JSON body or a query. They are parsed as leniently as MLflow's server
//! parses protobuf JSON.
//!
//! Names may be in snake_case or camelCase, and unknown names are ignored. `null` means absent. Numbers may
//! be texts, and integers may be whole floats. An enum is given by name or number. A body may be a JSON text
//! that contains JSON. A value of a wrong type is refused; MLflow's server would silently keep a part of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use super::json::{Json, Object};
use crate::domain::name::missing;
use crate::error::{Error, Result};

/// The named values of an object. Their names include the path in the request, for messages.
#[derive(Clone, Copy)]
pub struct Params<'a> {
    fields: &'a Object<'a>,
    path: ParamPath<'a>,
}

/// The path of an object in a request. Two steps suffice for every request.
#[derive(Clone, Copy, Default)]
struct ParamPath<'a> {
    outer: Option<PathStep<'a>>,
    inner: Option<PathStep<'a>>,
}

/// A step of a path, from an object to one inside it.
#[derive(Clone, Copy)]
enum PathStep<'a> {
    Item(&'a str, usize),
    Field(&'a str),
}

impl<'a> ParamPath<'a> {
    fn then(self, step: PathStep<'a>) -> Self {
        ParamPath {
            outer: self.inner,
            inner: Some(step),
        }
    }
}

impl fmt::Display for PathStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathStep::Item(list, index) => write!(f, "{list}[{index}]."),
            PathStep::Field(field) => write!(f, "{field}."),
        }
    }
}

/// The byte order mark, which scripts on Windows write before UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Parses a JSON body. An empty one has no parameters. A byte order mark before it is skipped, as MLflow's
/// server does.
pub fn from_body(body: &[u8]) -> Result<Object<'_>> {
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    if body.trim_ascii().is_empty() {
        return Ok(Object::default());
    }
    let invalid = |what: String| Error::Invalid(format!("The body of the request must be a JSON object: {what}."));
    // UTF-8 is checked once for the whole body. If it is invalid, the parser reports the position.
    let parsed = match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(body),
    };
    let value = match parsed.map_err(|error| invalid(error.to_string()))? {
        Json::Text(inner) => serde_json::from_str(&inner)
            .map(Json::into_owned)
            .map_err(|error| invalid(error.to_string()))?,
        other => other,
    };
    match value {
        Json::Object(fields) => Ok(fields),
        other => Err(invalid(format!("this is {}", kind(&other)))),
    }
}

/// Parses a query. Repeated names make a list.
pub fn from_query(query: &str) -> Result<Object<'static>> {
    let mut named: BTreeMap<String, Vec<Json<'static>>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Json::Text(Cow::Owned(percent_decoded(value)?));
        named.entry(percent_decoded(name)?).or_default().push(value);
    }
    let mut fields = Object::default();
    for (name, mut values) in named {
        match values.pop() {
            Some(single) if values.is_empty() => fields.push(name, single),
            last => {
                values.extend(last);
                fields.push(name, Json::List(values));
            }
        }
    }
    Ok(fields)
}

/// Parses the body of a form, which is written as a query is.
pub fn from_form(body: &[u8]) -> Result<Object<'static>> {
    let form = std::str::from_utf8(body).map_err(|_| Error::Invalid("The form is not UTF-8.".to_owned()))?;
    from_query(form)
}

/// Decodes a percent-encoded text of a query, in which a plus stands for a space.
pub(crate) fn percent_decoded(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => match after
                .split_at_checked(2)
                .and_then(|(digits, after)| Some((hex_byte(digits)?, after)))
            {
                Some((decoded, after)) => {
                    bytes.push(decoded);
                    rest = after;
                }
                None => bytes.push(b'%'),
            },
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).map_err(|_| Error::Invalid(format!("The address holds '{text}', which is not UTF-8.")))
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits)
        .ok()
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

impl<'a> Params<'a> {
    /// The parameters of a request.
    pub fn new(fields: &'a Object<'a>) -> Self {
        Params {
            fields,
            path: ParamPath::default(),
        }
    }

    /// True if no parameter is given.
    pub fn is_empty(&self) -> bool {
        self.fields.names().next().is_none()
    }

    /// The value of a parameter. `None`: it is absent or `null`.
    fn get(&self, name: &str) -> Option<&'a Json<'a>> {
        let exact = self.fields.find(|given| given == name);
        let value = exact.or_else(|| self.fields.find(|given| is_camel_case(given, name)));
        value.filter(|value| !matches!(value, Json::Null))
    }

    /// The name of a parameter for messages: `metrics[0].key`, `datasets[1].tags[0].key`.
    pub fn name(&self, name: &str) -> String {
        let steps = [self.path.outer, self.path.inner].into_iter().flatten();
        steps.map(|step| step.to_string()).chain([name.to_owned()]).collect()
    }

    fn wrong_type(&self, name: &str, value: &Json<'_>) -> Error {
        Error::Invalid(format!(
            "Invalid value {} for parameter '{}' supplied:  Hint: Value was of type '{}'. See the API docs for more \
             information about request parameters.",
            shown(value),
            self.name(name),
            kind(value)
        ))
    }

    /// An optional text.
    pub fn text(&self, name: &str) -> Result<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong_type(name, value)),
        }
    }

    /// A required text. An empty one counts as missing.
    pub fn required_text(&self, name: &str) -> Result<&'a str> {
        self.text(name)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| missing(&self.name(name)))
    }

    /// The first text given under two names, of which one is required. An empty one counts as missing.
    pub fn either_text(&self, first: &str, second: &str) -> Result<&'a str> {
        let given = |name| self.text(name).map(|text| text.filter(|text| !text.is_empty()));
        given(first)?
            .or(given(second)?)
            .ok_or_else(|| missing(&self.name(first)))
    }

    /// An optional integer.
    pub fn integer(&self, name: &str) -> Result<Option<i64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let number = match value {
            Json::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
            Json::Text(text) => text.parse().ok(),
            _ => None,
        };
        number.map(Some).ok_or_else(|| self.wrong_type(name, value))
    }

    /// A required integer.
    pub fn required_integer(&self, name: &str) -> Result<i64> {
        self.integer(name)?.ok_or_else(|| missing(&self.name(name)))
    }

    /// An optional boolean.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Bool(value)) => Ok(Some(*value)),
            Some(value) => Err(self.wrong_type(name, value)),
        }
    }

    /// A required float. `NaN`, `Infinity` and `-Infinity` are sent as texts.
    pub fn required_float(&self, name: &str) -> Result<f64> {
        let value = self.get(name).ok_or_else(|| missing(&self.name(name)))?;
        let number = match value {
            Json::Number(number) => number.as_f64(),
            Json::Text(text) => match text.as_ref() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                text => text.parse().ok().filter(|number: &f64| number.is_finite()),
            },
            _ => None,
        };
        number.ok_or_else(|| self.wrong_type(name, value))
    }

    /// An optional enum value, by name or number.
    pub fn choice<T: Copy>(&self, name: &str, words: &[(i64, &str, T)]) -> Result<Option<T>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let found = words.iter().find(|(number, word, _)| match value {
            Json::Text(text) => text == *word || text.parse() == Ok(*number),
            Json::Number(given) => given.as_i64() == Some(*number),
            _ => false,
        });
        found.map(|(_, _, meaning)| Some(*meaning)).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(_, word, _)| *word).collect();
            Error::Invalid(format!(
                "Invalid value {} for parameter '{}' supplied: it must be one of {}.",
                shown(value),
                self.name(name),
                words.join(", ")
            ))
        })
    }

    /// A list of texts. A single text, as in a query, is a list of one.
    pub fn texts(&self, name: &str) -> Result<Vec<&'a str>> {
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Json::Text(text)) => Ok(vec![text]),
            Some(Json::List(values)) => values
                .iter()
                .map(|value| match value {
                    Json::Text(text) => Ok(text.as_ref()),
                    value => Err(self.wrong_type(name, value)),
                })
                .collect(),
            Some(value) => Err(self.wrong_type(name, value)),
        }
    }

    /// A list of objects.
    pub fn objects(&self, name: &'a str) -> Result<Vec<Params<'a>>> {
        let values = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Json::List(values)) => values,
            Some(value) => return Err(self.wrong_type(name, value)),
        };
        let object = |(index, value): (usize, &'a Json<'a>)| match value {
            Json::Object(fields) => Ok(Params {
                fields,
                path: self.path.then(PathStep::Item(name, index)),
            }),
            value => Err(self.wrong_type(name, value)),
        };
        values.iter().enumerate().map(object).collect()
    }

    /// A required object.
    pub fn required_object(&self, name: &'a str) -> Result<Params<'a>> {
        match self.get(name) {
            None => Err(missing(&self.name(name))),
            Some(Json::Object(fields)) => Ok(Params {
                fields,
                path: self.path.then(PathStep::Field(name)),
            }),
            Some(value) => Err(self.wrong_type(name, value)),
        }
    }
}

/// A whole float as an integer. Beyond 2^53 a float is not exact, but the caller chose to send it.
fn whole(float: f64) -> Option<i64> {
    let inside = float.fract() == 0.0 && (-9.2e18..9.2e18).contains(&float);
    inside.then(|| format!("{float:.0}").parse().ok()).flatten()
}

/// True if the first name is the camelCase form of the second, which is in snake_case.
fn is_camel_case(camel: &str, snake: &str) -> bool {
    let mut given = camel.chars();
    let mut raise = false;
    for letter in snake.chars() {
        if letter == '_' {
            raise = true;
            continue;
        }
        let expected = if raise { letter.to_ascii_uppercase() } else { letter };
        if given.next() != Some(expected) {
            return false;
        }
        raise = false;
    }
    given.next().is_none()
}

/// The beginning of a value, for a message.
fn shown(value: &Json<'_>) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if text.chars().count() > 100 {
        text.chars().take(100).chain(['…']).collect()
    } else {
        text
    }
}

/// The type of a value, in the words of MLflow's messages.
fn kind(value: &Json<'_>) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::Text(_) => "str",
        Json::List(_) => "list",
        Json::Object(_) => "dict",
    }
}

mod maps;
#[cfg(test)]
mod tests;
