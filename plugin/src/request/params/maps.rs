//! Parameters that are maps, lists of names with their values, or any JSON.

use super::{Json, Params, PathStep};
use crate::error::{Error, Result};

impl<'a> Params<'a> {
    /// Any value. `None`: it is absent or `null`.
    pub fn any(&self, name: &str) -> Option<&'a Json<'a>> {
        self.get(name)
    }

    /// True if the parameter is given, even as `null`.
    pub fn is_given(&self, name: &str) -> bool {
        self.fields
            .names()
            .any(|given| given == name || super::is_camel_case(given, name))
    }

    /// An optional object.
    pub fn object(&self, name: &'a str) -> Result<Option<Params<'a>>> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::Object(fields)) => Ok(Some(Params {
                fields,
                path: self.path.then(PathStep::Field(name)),
            })),
            Some(value) => Err(self.wrong_type(name, value)),
        }
    }

    /// A map of texts. Other values are taken as their JSON text, and `null` as the empty text.
    pub fn map(&self, name: &str) -> Result<Vec<(String, String)>> {
        let fields = match self.get(name) {
            None => return Ok(Vec::new()),
            Some(Json::Object(fields)) => fields,
            Some(value) => return Err(self.wrong_type(name, value)),
        };
        let text = |value: &Json<'_>| match value {
            Json::Text(text) => Ok(text.to_string()),
            Json::Null => Ok(String::new()),
            value => serde_json::to_string(value).map_err(|error| Error::Invalid(error.to_string())),
        };
        let pair = |name: &str| {
            let value = fields.find(|given| given == name);
            Ok((name.to_owned(), value.map(text).transpose()?.unwrap_or_default()))
        };
        fields.names().map(pair).collect()
    }

    /// An optional boolean, which a query has as text in any of the forms of Python and JSON.
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(Json::Text(text)) if text == "true" || text == "True" => Ok(true),
            Some(Json::Text(text)) if text == "false" || text == "False" => Ok(false),
            Some(value) => Err(self.wrong_type(name, value)),
        }
    }
}
