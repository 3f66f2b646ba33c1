//! Addresses by name, as MLflow has them. They lead to the addresses by number, which a rename keeps.

use super::super::{registry, see_other};
use crate::domain::version::VersionName;
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::registry::{aliases, model_name, version_read};

/// Leads to the model with a name.
pub async fn by_name(call: Call<'_>) -> Result<Answer> {
    let id = model_name::id(call.params.required_text("name")?).await?;
    Ok(see_other(registry::model_page(call.site, id, "")))
}

/// Leads to a version, by its number, its semantic version or an alias.
pub async fn version_by_name(call: Call<'_>) -> Result<Answer> {
    let name = call.params.required_text("name")?;
    let text = call.params.required_text("version")?;
    let id = model_name::id(name).await?;
    let number = match VersionName::parse(text) {
        Ok(version) => version_read::number(id, name, &version).await?,
        Err(Error::Invalid(_)) => aliases::resolve(name, text).await.map_err(missing)?.version.number,
        Err(error) => return Err(error),
    };
    Ok(see_other(registry::version_page(call.site, id, number, "")))
}

/// An alias in an address that names nothing is an address of nothing.
fn missing(error: Error) -> Error {
    match error {
        Error::Invalid(text) => Error::NotFound(text),
        other => other,
    }
}
