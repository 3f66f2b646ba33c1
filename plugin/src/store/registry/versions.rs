//! Model versions and their stored records.

use super::model_name::Named;
use super::version_read::{number, read_stored};
use super::{jobs, model_name, models};
use crate::domain::audit::AuditObject;
use crate::domain::id::ModelId;
use crate::domain::job::names_job;
use crate::domain::prompt::{self, PROMPT_TAG};
use crate::domain::semver::{SEMVER_TAG, SemVer};
use crate::domain::version::{FullVersion, Version, VersionName};
use crate::error::{Error, Result};
use crate::host::records::{Change, get, get_all, transact};
use crate::store::keys::registry as keys;
use crate::store::{audit, codec, references};

/// Stores a version and its entries in the orders.
pub fn put(change: &mut Change, version: &Version) {
    let Version { model, number, .. } = *version;
    change.put(keys::version(model, number), codec::registry::write_version(version));
    change.put(
        keys::ranked_version(model, version.stage, &version.semver, number),
        Vec::new(),
    );
    change.put(
        keys::updated_in_model(model, version.last_update_time_ms, number),
        Vec::new(),
    );
    change.put(keys::updated(version.last_update_time_ms, model, number), Vec::new());
}

/// Removes a version's entries from the orders.
pub(super) fn displace(change: &mut Change, version: &Version) {
    let Version { model, number, .. } = *version;
    change.delete(keys::ranked_version(model, version.stage, &version.semver, number));
    change.delete(keys::updated_in_model(model, version.last_update_time_ms, number));
    change.delete(keys::updated(version.last_update_time_ms, model, number));
}

/// A version as it was read.
pub struct StoredVersion {
    /// The version.
    pub version: Version,
    model: Named,
    record: u64,
}

impl StoredVersion {
    /// Makes a change depend on the version being as it was read, and its model having the name by which it
    /// was found.
    pub fn require_unchanged(&self, change: &mut Change) {
        self.model.require_unchanged(change);
        change.require_version(keys::version(self.version.model, self.version.number), self.record);
    }

    /// Does the same, and rewrites the record. So a deletion, which lists the version's tags and aliases,
    /// conflicts with a change that adds one.
    pub fn touch(&self, change: &mut Change) {
        self.require_unchanged(change);
        let Version { model, number, .. } = self.version;
        change.put(
            keys::version(model, number),
            codec::registry::write_version(&self.version),
        );
    }

    /// Changes a version and its entries in the orders.
    pub fn replace(&self, change: &mut Change, new: &Version) {
        self.require_unchanged(change);
        displace(change, &self.version);
        put(change, new);
    }
}

/// Reads a version without tags and aliases. Without the model there is no version either.
pub async fn load(model_name: &str, name: &VersionName) -> Result<StoredVersion> {
    let not_found = || name.not_found(model_name);
    let model = model_name::look_up(model_name).await?.ok_or_else(not_found)?;
    let number = number(model.id, model_name, name).await?;
    load_some(&model, &[number]).await?.pop().ok_or_else(not_found)
}

/// Reads versions of a model by their numbers. Those that do not exist are left out.
pub async fn load_some(model: &Named, numbers: &[u64]) -> Result<Vec<StoredVersion>> {
    let records = get_all(numbers.iter().map(|number| keys::version(model.id, *number)).collect()).await?;
    let stored = numbers.iter().zip(&records).map(|(number, record)| {
        let version = record.decode(|bytes| codec::registry::read_version(model.id, *number, bytes))?;
        Ok(version.map(|version| StoredVersion {
            version,
            model: model.clone(),
            record: record.version,
        }))
    });
    stored.filter_map(Result::transpose).collect()
}

/// True if a version has a semantic version, or is a copy of one that has it.
pub async fn is_known_as(model: &str, name: &VersionName, semver: &SemVer) -> Result<bool> {
    transact(async |change| {
        let stored = load(model, name).await?;
        is_known_in(change, &stored.version, semver).await
    })
    .await
}

async fn is_known_in(change: &mut Change, version: &Version, semver: &SemVer) -> Result<bool> {
    if version.semver == *semver {
        return Ok(true);
    }
    let run = (version.experiment, version.run);
    references::is_of_original(change, semver, version.model, Some(run), Some(&version.location)).await
}

/// Refuses a semantic version other than the one that a user chose for a version, and refuses its removal.
/// Tools that copy tags send that of another version. It is refused only where it contradicts a choice, and
/// changes nothing otherwise.
pub async fn keep_semver(model: &str, name: &VersionName, semver: Option<&SemVer>) -> Result<()> {
    transact(async |change| {
        let version = load(model, name).await?.version;
        let contradicts = match semver {
            Some(semver) => version.is_semver_chosen && !is_known_in(change, &version, semver).await?,
            None => true,
        };
        if !contradicts {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "The tag '{SEMVER_TAG}' shows the semantic version {}, which a version has for good.",
            version.semver
        )))
    })
    .await
}

/// Changes a version's description, or removes it.
pub async fn describe(model: &str, name: &VersionName, description: Option<&str>, now_ms: i64) -> Result<FullVersion> {
    let version = transact(async |change| {
        let stored = load(model, name).await?;
        let mut version = stored.version.clone();
        version.description = description.map(str::to_owned);
        version.last_update_time_ms = now_ms;
        stored.replace(change, &version);
        audit::note(change, AuditObject::Version(model, version.number), "");
        Ok(version)
    })
    .await?;
    read_stored(model, version).await
}

/// Sets or removes a tag. Removing a missing tag is no error. Returns the version's model and number.
pub async fn change_tag(
    model: &str,
    name: &VersionName,
    key: &str,
    value: Option<&str>,
    now_ms: i64,
) -> Result<(ModelId, u64)> {
    transact(async |change| {
        let stored = load(model, name).await?;
        stored.touch(change);
        let Version { model: id, number, .. } = stored.version;
        audit::note(change, AuditObject::Version(model, number), key);
        if key == PROMPT_TAG {
            count_prompt(
                change,
                model,
                &stored,
                value.is_some_and(|value| prompt::hides(key, value)),
            )
            .await?;
        }
        match value {
            Some(value) => change.put(keys::version_tag(id, number, key), value.as_bytes().to_vec()),
            None => change.delete(keys::version_tag(id, number, key)),
        }
        if names_job(key) {
            jobs::follow(change, &stored, key, value, now_ms).await?;
        }
        Ok((id, number))
    })
    .await
}

/// Updates the count of a model's versions that are marked as prompts.
async fn count_prompt(change: &mut Change, model: &str, stored: &StoredVersion, marked: bool) -> Result<()> {
    let Version { model: id, number, .. } = stored.version;
    let [tag] = get([keys::version_tag(id, number, PROMPT_TAG)]).await?;
    let was_marked = tag.existing() == Some(b"true");
    if was_marked == marked {
        return Ok(());
    }
    let mut owner = models::load(model).await?;
    let count = owner.model.prompt_versions;
    owner.model.prompt_versions = if marked { count + 1 } else { count.saturating_sub(1) };
    owner.put(change);
    Ok(())
}
