//! A JSON reader that does not copy. Texts without escapes are slices of the body, and an object is a list of
//! its fields. So a batch of 1,000 points costs one allocation for each point.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Number;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The fields of an object, in the order in which they were sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// Adds a field. It hides an earlier one of the same name.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: Json<'a>) {
        self.0.push((name.into(), value));
    }

    /// The value of the last field whose name fits.
    pub fn find(&self, fits: impl Fn(&str) -> bool) -> Option<&Json<'a>> {
        let field = self.0.iter().rev().find(|(name, _)| fits(name));
        field.map(|(_, value)| value)
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }

    /// A copy that does not borrow from the body.
    pub fn into_owned(self) -> Object<'static> {
        let owned = |(name, value): (Cow<'_, str>, Json<'_>)| (Cow::Owned(name.into_owned()), value.into_owned());
        Object(self.0.into_iter().map(owned).collect())
    }
}

impl Json<'_> {
    /// A copy that does not borrow from the body.
    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Number(number) => Json::Number(number),
            Json::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Json::List(values) => Json::List(values.into_iter().map(Json::into_owned).collect()),
            Json::Object(fields) => Json::Object(fields.into_owned()),
        }
    }
}

/// The maximum number of values in one text, names of fields included. The largest request of a client has
/// some 20,000. A value takes far more memory than its text, and a text may have 20 MB.
pub const VALUES_MAX: usize = 250_000;

/// The maximum number of nested lists and objects.
pub const DEPTH_MAX: usize = 100;

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let left = Cell::new(VALUES_MAX);
        let value = Within {
            left: &left,
            depth: DEPTH_MAX,
        };
        value.deserialize(deserializer)
    }
}

/// The limits that hold while a value is read.
#[derive(Clone, Copy)]
struct Within<'b> {
    /// Number of values that the whole text may still have.
    left: &'b Cell<usize>,
    /// Number of levels that may still be nested here.
    depth: usize,
}

impl Within<'_> {
    /// The limits for the items of a list or an object.
    fn inside<E: Error>(self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        let depth = depth.ok_or_else(|| {
            E::custom(format_args!(
                "more than {DEPTH_MAX} lists and objects lie one inside the other"
            ))
        })?;
        Ok(Within { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Within<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        let left = self.left.get().checked_sub(1);
        let left = left.ok_or_else(|| D::Error::custom(format_args!("it has more than {VALUES_MAX} values")))?;
        self.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Within<'_> {
    type Value = Json<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Json::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Number::from_f64(number).map_or(Json::Null, Json::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let inside = self.inside()?;
        let mut values = Vec::new();
        while let Some(value) = list.next_element_seed(inside)? {
            values.push(value);
        }
        Ok(Json::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let inside = self.inside()?;
        let mut fields = Object::default();
        // The name is read as a value, because serde never borrows a `Cow` from the body.
        while let Some(name) = object.next_key_seed(inside)? {
            let Json::Text(name) = name else {
                return Err(A::Error::custom("the name of a field must be a text"));
            };
            fields.push(name, object.next_value_seed(inside)?);
        }
        Ok(Json::Object(fields))
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Number(number) => number.serialize(serializer),
            Json::Text(text) => serializer.serialize_str(text),
            Json::List(values) => serializer.collect_seq(values),
            Json::Object(fields) => fields.serialize(serializer),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn a_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c\"\\\\ü]{0,3}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_written_value_reads_back(value in a_value()) {
            let written = value.to_string();
            let read: Json<'_> = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(&serde_json::to_string(&read).unwrap(), &written);
            prop_assert_eq!(read.clone().into_owned(), read);
        }
    }

    #[test]
    fn values_and_depth_have_limits() {
        let read = |text: String| {
            serde_json::from_str::<Json<'_>>(&text)
                .map(drop)
                .map_err(|error| error.to_string())
        };
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(read(nested(DEPTH_MAX)), Ok(()));
        assert!(read(nested(DEPTH_MAX + 1)).is_err_and(|text| text.contains("more than 100 lists and objects")));
        let listed = |count: usize| format!("[{}0]", "[],".repeat(count - 2));
        assert_eq!(read(listed(VALUES_MAX)), Ok(()));
        assert!(read(listed(VALUES_MAX + 1)).is_err_and(|text| text.contains("more than 250000 values")));
    }

    #[test]
    fn texts_without_escapes_are_slices_of_the_body() {
        let read: Json<'_> = serde_json::from_str(r#"{"name":"text","\n":"\n"}"#).unwrap();
        let Json::Object(fields) = read else {
            panic!("an object")
        };
        let is_borrowed = |text: &Cow<'_, str>| matches!(text, Cow::Borrowed(_));
        let borrowed: Vec<bool> = fields.0.iter().map(|(name, _)| is_borrowed(name)).collect();
        assert_eq!(borrowed, [true, false]);
        assert!(matches!(fields.find(|name| name == "name"), Some(Json::Text(text)) if is_borrowed(text)));
    }

    #[test]
    fn the_last_of_fields_with_equal_names_counts() {
        let fields: Json<'_> = serde_json::from_str(r#"{"a":1,"a":2}"#).unwrap();
        let Json::Object(mut fields) = fields else {
            panic!("an object")
        };
        assert_eq!(fields.find(|name| name == "a"), Some(&Json::Number(2.into())));
        fields.push("a", Json::Null);
        assert_eq!(fields.find(|name| name == "a"), Some(&Json::Null));
        assert_eq!(fields.find(|name| name == "b"), None);
    }
}
