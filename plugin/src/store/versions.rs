//! Model versions in the records.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use super::keys::registry::{self as keys, VersionPart};
use super::records::{Change, get, scan_all, transact};
use super::{codec, lineage, models, sweep};
use crate::domain::experiment::Pair;
use crate::domain::model::ModelId;
use crate::domain::prompt::{self, PROMPT_TAG};
use crate::domain::semver::SemVer;
use crate::domain::version::{FullVersion, Version, VersionKind, VersionName};
use crate::error::{Error, Result};

/// Stores a version and its places in the orders.
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

/// Takes a version out of the orders.
fn displace(change: &mut Change, version: &Version) {
    let Version { model, number, .. } = *version;
    change.delete(keys::ranked_version(model, version.stage, &version.semver, number));
    change.delete(keys::updated_in_model(model, version.last_update_time_ms, number));
    change.delete(keys::updated(version.last_update_time_ms, model, number));
}

/// A version as it was read.
pub struct Stored {
    /// What it says.
    pub version: Version,
    record: u64,
}

impl Stored {
    /// Makes a change depend on the version being as it was read.
    pub fn rely_on(&self, change: &mut Change) {
        change.expect(keys::version(self.version.model, self.version.number), self.record);
    }

    /// The same, and makes other such changes wait: a deletion must see what this one adds.
    pub fn touch(&self, change: &mut Change) {
        self.rely_on(change);
        let Version { model, number, .. } = self.version;
        change.put(
            keys::version(model, number),
            codec::registry::write_version(&self.version),
        );
    }

    /// Changes a version and its places in the orders.
    pub fn replace(&self, change: &mut Change, new: &Version) {
        self.rely_on(change);
        displace(change, &self.version);
        put(change, new);
    }
}

/// The number that a caller's name of a version stands for; the version need not exist.
pub async fn number(model: ModelId, model_name: &str, name: &VersionName) -> Result<u64> {
    match &name.kind {
        VersionKind::Number(number) => Ok(*number),
        VersionKind::SemVer(semver) => {
            let [named] = get([keys::semver(model, &semver.to_string())]).await?;
            codec::read_number(named.existing().ok_or_else(|| name.not_found(model_name))?)
        }
    }
}

/// Reads a version without tags and aliases. Without the model there is no version either.
pub async fn load(model_name: &str, name: &VersionName) -> Result<Stored> {
    let not_found = || name.not_found(model_name);
    let model = models::find(model_name).await?.ok_or_else(not_found)?;
    let number = number(model, model_name, name).await?;
    let [record] = get([keys::version(model, number)]).await?;
    Ok(Stored {
        version: codec::registry::read_version(model, number, record.existing().ok_or_else(not_found)?)?,
        record: record.version,
    })
}

/// Reads a version.
pub async fn read(model_name: &str, name: &VersionName) -> Result<FullVersion> {
    let not_found = || name.not_found(model_name);
    let model = models::find(model_name).await?.ok_or_else(not_found)?;
    let number = number(model, model_name, name).await?;
    read_number(model_name, model, number).await?.ok_or_else(not_found)
}

/// Whether a version has a semantic version, or is a copy of one that has it.
pub async fn is_known_as(version: &Version, semver: &SemVer) -> Result<bool> {
    if version.semver == *semver {
        return Ok(true);
    }
    lineage::is_of_original(semver, version.model, Some(version.run), Some(&version.location)).await
}

/// Reads a version by its number; none when there is no such version.
pub async fn read_number(model_name: &str, model: ModelId, number: u64) -> Result<Option<FullVersion>> {
    Ok(read_all(&[(model_name.into(), model, number)]).await?.pop().flatten())
}

/// Reads versions by their numbers, with the names of their models; none for one that does not exist.
pub async fn read_all(wanted: &[(Rc<str>, ModelId, u64)]) -> Result<Vec<Option<FullVersion>>> {
    let mut parts: BTreeMap<(ModelId, u64), Parts> = wanted
        .iter()
        .map(|(_, model, number)| ((*model, *number), Parts::default()))
        .collect();
    let ranges = neighbours(parts.keys().copied());
    let spans = ranges
        .iter()
        .map(|(model, numbers)| keys::versions_between(*model, numbers));
    scan_all(spans.collect(), usize::MAX, |index, key, value| {
        let at = ranges
            .get(index)
            .map(|(model, _)| *model)
            .zip(keys::version_number(key));
        match at.and_then(|at| Some((at, parts.get_mut(&at)?))) {
            Some(((model, number), parts)) => parts.add(model, number, key, value),
            None => Ok(()),
        }
    })
    .await?;
    let assemble = |(name, model, number): &(Rc<str>, ModelId, u64)| {
        let parts = parts.remove(&(*model, *number))?;
        parts.assemble(Rc::clone(name))
    };
    Ok(wanted.iter().map(assemble).collect())
}

/// Ranges of numbers that follow each other: those of a page are mostly one, and one read is cheaper than many.
fn neighbours(sorted: impl Iterator<Item = (ModelId, u64)>) -> Vec<(ModelId, RangeInclusive<u64>)> {
    let mut ranges: Vec<(ModelId, RangeInclusive<u64>)> = Vec::new();
    for (model, number) in sorted {
        match ranges.last_mut() {
            Some((last, numbers)) if *last == model && numbers.end().checked_add(1) == Some(number) => {
                *numbers = *numbers.start()..=number;
            }
            _ => ranges.push((model, number..=number)),
        }
    }
    ranges
}

/// A version while its records are read.
#[derive(Default)]
struct Parts {
    version: Option<Version>,
    tags: Vec<Pair>,
    aliases: Vec<String>,
}

impl Parts {
    fn add(&mut self, model: ModelId, number: u64, key: &[u8], value: &[u8]) -> Result<()> {
        let corrupt = || Error::Corrupt(format!("a record of version {number} of model {model}"));
        match keys::version_part(key).ok_or_else(corrupt)? {
            VersionPart::Version => self.version = Some(codec::registry::read_version(model, number, value)?),
            VersionPart::Alias(alias) => self.aliases.push(alias.to_owned()),
            VersionPart::Tag(key) => self.tags.push((key.to_owned(), codec::read_text(value)?)),
        }
        Ok(())
    }

    fn assemble(self, model_name: Rc<str>) -> Option<FullVersion> {
        Some(FullVersion {
            version: self.version?,
            model_name,
            tags: self.tags,
            aliases: self.aliases,
        })
    }
}

/// Changes a version's description, or takes it away.
pub async fn describe(model: &str, name: &VersionName, description: Option<&str>, now_ms: i64) -> Result<FullVersion> {
    transact(async |change| {
        let stored = load(model, name).await?;
        let mut version = stored.version.clone();
        version.description = description.map(str::to_owned);
        version.last_update_time_ms = now_ms;
        stored.replace(change, &version);
        Ok(())
    })
    .await?;
    read(model, name).await
}

/// Deletes a version for good, with its tags and aliases. Its number is not given again; its run stays, as any other.
pub async fn delete(model: &str, name: &VersionName, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let stored = load(model, name).await?;
        let Version { model: id, number, .. } = stored.version;
        // Read after the version, which every new tag and alias of it changes: none is missed.
        let full = read(model, &VersionName::of_number(number)).await?;
        let mut owner = models::load(model).await?;
        stored.rely_on(change);
        displace(change, &stored.version);
        sweep::remove_places(change, &stored.version);
        change.delete(keys::semver(id, &stored.version.semver.to_string()));
        change.delete(keys::version(id, number));
        for (key, _) in &full.tags {
            change.delete(keys::version_tag(id, number, key));
        }
        for alias in &full.aliases {
            change.delete(keys::version_alias(id, number, alias));
            change.delete(keys::model_alias(id, alias));
        }
        owner.model.last_update_time_ms = now_ms;
        owner.put(change);
        Ok(())
    })
    .await
}

/// Sets a tag, or removes one; removing one that is not there is no mistake.
pub async fn change_tag(model: &str, name: &VersionName, key: &str, value: Option<&str>) -> Result<()> {
    transact(async |change| {
        let stored = load(model, name).await?;
        stored.rely_on(change);
        let Version { model: id, number, .. } = stored.version;
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
        Ok(())
    })
    .await
}

/// Keeps the number of a model's versions that are marked as prompts.
async fn count_prompt(change: &mut Change, model: &str, stored: &Stored, marked: bool) -> Result<()> {
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
