//! Aliases and their stored records. An alias is stored with its model, for look-ups, and with its version,
//! for answers.

use super::{latest, model_name, version_read, versions};
use crate::domain::alias::is_latest;
use crate::domain::audit::AuditObject;
use crate::domain::id::ModelId;
use crate::domain::version::{FullVersion, VersionName};
use crate::error::{Error, Result};
use crate::host::records::{Change, Record, get, get_all, transact};
use crate::store::audit;
use crate::store::codec;
use crate::store::keys::registry as keys;

/// Largest number of look-ups of an alias whose version is deleted at the same time.
const LOOKS_MAX: usize = 10;

/// Sets an alias to a version, even if it named another one before.
pub async fn set(model: &str, alias: &str, version: &VersionName) -> Result<()> {
    transact(async |change| {
        let stored = versions::load(model, version).await?;
        let (id, number) = (stored.version.model, stored.version.number);
        let key = keys::model_alias(id, alias);
        let [record] = get([key.clone()]).await?;
        stored.touch(change);
        change.require_version(key.clone(), record.version);
        if let Some(former) = read(&record)? {
            change.delete(keys::version_alias(id, former, alias));
        }
        change.put(key, codec::write_number(number));
        change.put(keys::version_alias(id, number, alias), Vec::new());
        audit::note(change, AuditObject::Version(model, number), alias);
        Ok(())
    })
    .await
}

/// Removes an alias. A missing alias is no error.
pub async fn delete(model: &str, alias: &str) -> Result<()> {
    transact(async |change| {
        let named = model_name::named(model).await?;
        let key = keys::model_alias(named.id, alias);
        let [record] = get([key.clone()]).await?;
        if let Some(former) = read(&record)? {
            named.require_unchanged(change);
            change.require_version(key.clone(), record.version);
            change.delete(key);
            change.delete(keys::version_alias(named.id, former, alias));
            audit::note(change, AuditObject::Version(model, former), alias);
        }
        Ok(())
    })
    .await
}

/// Removes aliases from a version, as a part of a change. An alias that names another version by now stays
/// with that one.
pub async fn take_away(change: &mut Change, model: ModelId, number: u64, aliases: &[String]) -> Result<()> {
    let records = get_all(aliases.iter().map(|alias| keys::model_alias(model, alias)).collect()).await?;
    for (alias, record) in aliases.iter().zip(&records) {
        change.delete(keys::version_alias(model, number, alias));
        if read(record)? == Some(number) {
            let key = keys::model_alias(model, alias);
            change.require_version(key.clone(), record.version);
            change.delete(key);
        }
    }
    Ok(())
}

fn read(record: &Record) -> Result<Option<u64>> {
    record.decode(codec::read_number)
}

/// Returns the version that an alias names. The change then depends on that.
pub async fn find(change: &mut Change, model: ModelId, alias: &str) -> Result<u64> {
    let key = keys::model_alias(model, alias);
    let [record] = get([key.clone()]).await?;
    change.require_version(key, record.version);
    read(&record)?.ok_or_else(|| not_found(alias))
}

/// Reads the version that an alias names. The alias `latest` always names the latest version.
pub async fn resolve(model: &str, alias: &str) -> Result<FullVersion> {
    let id = model_name::id(model).await?;
    if is_latest(alias) {
        let found = latest::read(&(model.into(), id)).await?;
        return found.ok_or_else(|| Error::NotFound(format!("Latest version not found for model {model}.")));
    }
    let mut missed = None;
    for _ in 0..LOOKS_MAX {
        let [record] = get([keys::model_alias(id, alias)]).await?;
        let number = read(&record)?.filter(|_| missed != Some(record.version));
        let number = number.ok_or_else(|| not_found(alias))?;
        if let Some(found) = version_read::read_number(model, id, number).await? {
            return Ok(found);
        }
        // The version was deleted. Its alias was removed with it, or was set to another one before.
        missed = Some(record.version);
    }
    Err(Error::Contended)
}

/// Returns the error for an alias that names no version.
pub fn not_found(alias: &str) -> Error {
    Error::Invalid(format!("Registered model alias {alias} not found."))
}
