//! Aliases in the records: each is stored with its model, for looking it up, and with its version, for showing it.

use super::keys::registry as keys;
use super::records::{Record, get, transact};
use super::{codec, latest, models, versions};
use crate::domain::alias::is_latest;
use crate::domain::version::{FullVersion, VersionName};
use crate::error::{Error, Result};

/// Makes an alias name a version, whatever it named before.
pub async fn set(model: &str, alias: &str, version: &VersionName) -> Result<()> {
    transact(async |change| {
        let stored = versions::load(model, version).await?;
        let (id, number) = (stored.version.model, stored.version.number);
        let key = keys::model_alias(id, alias);
        let [record] = get([key.clone()]).await?;
        stored.touch(change);
        change.expect(key.clone(), record.version);
        if let Some(former) = read(&record)? {
            change.delete(keys::version_alias(id, former, alias));
        }
        change.put(key, codec::write_number(number));
        change.put(keys::version_alias(id, number, alias), Vec::new());
        Ok(())
    })
    .await
}

/// Removes an alias; one that is not there is no mistake.
pub async fn delete(model: &str, alias: &str) -> Result<()> {
    transact(async |change| {
        let id = models::id(model).await?;
        let key = keys::model_alias(id, alias);
        let [record] = get([key.clone()]).await?;
        if let Some(former) = read(&record)? {
            change.expect(key.clone(), record.version);
            change.delete(key);
            change.delete(keys::version_alias(id, former, alias));
        }
        Ok(())
    })
    .await
}

fn read(record: &Record) -> Result<Option<u64>> {
    record.existing().map(codec::read_number).transpose()
}

/// Reads the version that an alias names; `latest` is always the latest.
pub async fn resolve(model: &str, alias: &str) -> Result<FullVersion> {
    let id = models::id(model).await?;
    if is_latest(alias) {
        let number = latest::of_model(id).await?.number();
        let version = match number {
            Some(number) => versions::read_number(model, id, number).await?,
            None => None,
        };
        return version.ok_or_else(|| Error::NotFound(format!("Latest version not found for model {model}.")));
    }
    let not_found = || Error::Invalid(format!("Registered model alias {alias} not found."));
    let [record] = get([keys::model_alias(id, alias)]).await?;
    let number = read(&record)?.ok_or_else(not_found)?;
    versions::read_number(model, id, number).await?.ok_or_else(not_found)
}
