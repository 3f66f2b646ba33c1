//! The endpoints of `registered-models/alias`.

use super::EMPTY;
use super::models::name;
use super::versions::{answer, version};
use crate::domain::alias::{validate_alias, validate_new_alias};
use crate::domain::semver::SemVer;
use crate::domain::version::{VersionKind, VersionName};
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::store::registry::{aliases, model_name, version_read, versions};

/// Sets an alias of a version. An alias that is the semantic version of this one, or of its original, is
/// accepted and ignored. Answers show semantic versions among the aliases, so clients that copy a version
/// send them.
pub async fn set(call: Call<'_>) -> Result<Vec<u8>> {
    let alias = call.params.required_text("alias")?;
    let (name, version) = (name(&call.params)?, version(&call.params)?);
    if let Some(semver) = SemVer::read(alias)
        && versions::is_known_as(name, &version, &semver).await?
    {
        return Ok(EMPTY.to_vec());
    }
    validate_new_alias(alias)?;
    aliases::set(name, alias, &version).await?;
    Ok(EMPTY.to_vec())
}

/// Deletes an alias.
pub async fn delete(call: Call<'_>) -> Result<Vec<u8>> {
    let alias = call.params.required_text("alias")?;
    validate_alias(alias)?;
    aliases::delete(name(&call.params)?, alias).await?;
    Ok(EMPTY.to_vec())
}

/// Reads the version of an alias: one that a user set, a semantic version, or `latest`.
pub async fn get(call: Call<'_>) -> Result<Vec<u8>> {
    let name = name(&call.params)?;
    let alias = call.params.required_text("alias")?;
    let Some(semver) = SemVer::read(alias) else {
        validate_alias(alias)?;
        return answer(&aliases::resolve(name, alias).await?);
    };
    let named = VersionName {
        text: alias.to_owned(),
        kind: VersionKind::SemVer(semver),
    };
    // A missing model is reported first, as for other aliases.
    model_name::id(name).await?;
    match version_read::read(name, &named).await {
        Err(Error::NotFound(_)) => Err(Error::Invalid(format!("Registered model alias {alias} not found."))),
        found => answer(&found?),
    }
}
