//! Reads model versions with their tags and aliases.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::model_name;
use crate::domain::experiment::Pair;
use crate::domain::id::ModelId;
use crate::domain::version::{FullVersion, Version, VersionKind, VersionName};
use crate::error::{Error, Result};
use crate::host::records::{get, scan_until};
use crate::store::keys::registry as keys;
use crate::store::keys::registry::VersionPart;
use crate::store::portion::{ByteBudget, ITEM_BYTES_MAX, as_shown};
use crate::store::{codec, contiguous};

/// Divisor of the number of versions to read together, after too large a read.
const FEWER: usize = 8;

/// Largest number of bytes read of a version that is shown as one of its model's latest. There is one for
/// each stage.
pub const LATEST_BYTES_MAX: usize = 2 << 20;

/// Largest number of portions of latest versions. Those of all stages fit, and the answer fits into memory.
const LATEST_PORTIONS_MAX: usize = 3;

/// A version that is to be read.
#[derive(Clone, Debug)]
pub struct VersionRef {
    /// Its model's name, as the answer shows it.
    pub model_name: Rc<str>,
    /// Its model.
    pub model: ModelId,
    /// Its number.
    pub number: u64,
}

impl VersionRef {
    /// Refers to a version, which need not exist.
    pub fn new(model_name: Rc<str>, model: ModelId, number: u64) -> Self {
        VersionRef {
            model_name,
            model,
            number,
        }
    }
}

/// Returns the number of the version that a caller names. The version need not exist.
pub async fn number(model: ModelId, model_name: &str, name: &VersionName) -> Result<u64> {
    match &name.kind {
        VersionKind::Number(number) => Ok(*number),
        VersionKind::SemVer(semver) => {
            let [named] = get([keys::semver(model, &semver.to_string())]).await?;
            codec::read_number(named.existing().ok_or_else(|| name.not_found(model_name))?)
        }
    }
}

/// Reads a version.
pub async fn read(model_name: &str, name: &VersionName) -> Result<FullVersion> {
    let not_found = || name.not_found(model_name);
    let model = model_name::find(model_name).await?.ok_or_else(not_found)?;
    let number = number(model, model_name, name).await?;
    read_number(model_name, model, number).await?.ok_or_else(not_found)
}

/// Reads a version that was just stored. If it was deleted since, the answer is the version as stored,
/// without tags and aliases.
pub async fn read_stored(model_name: &str, version: Version) -> Result<FullVersion> {
    let found = read_number(model_name, version.model, version.number).await?;
    Ok(found.unwrap_or_else(|| FullVersion {
        version,
        model_name: model_name.into(),
        tags: Vec::new(),
        aliases: Vec::new(),
    }))
}

/// Reads a version by its number. `None`: there is no such version.
pub async fn read_number(model_name: &str, model: ModelId, number: u64) -> Result<Option<FullVersion>> {
    let wanted = [VersionRef::new(model_name.into(), model, number)];
    Ok(read_some(&wanted, ITEM_BYTES_MAX).await?.pop().flatten())
}

/// Reads the first of some versions by number, at least one if there are any. At most `bytes_max` bytes of
/// each are read. `None`: the version does not exist.
pub async fn read_some(wanted: &[VersionRef], bytes_max: usize) -> Result<Vec<Option<FullVersion>>> {
    let mut some = wanted;
    loop {
        if let Some(versions) = read_together(some, bytes_max).await? {
            return Ok(versions);
        }
        // Versions with consecutive numbers are read in one range, in another order than asked. So the
        // versions that were read need not be the first ones asked for.
        some = some.get(..(some.len() / FEWER).max(1)).unwrap_or(some);
    }
}

/// Reads the latest versions of a model, which are few enough to be shown without a page. `None`: the version
/// does not exist.
pub async fn read_latest(wanted: &[VersionRef]) -> Result<Vec<Option<FullVersion>>> {
    let (mut rest, mut found) = (wanted, Vec::new());
    for _ in 0..LATEST_PORTIONS_MAX {
        if rest.is_empty() {
            return Ok(found);
        }
        let some = read_some(rest, LATEST_BYTES_MAX).await?;
        rest = rest.get(some.len()..).unwrap_or_default();
        found.extend(some);
    }
    match rest {
        [] => Ok(found),
        _ => Err(Error::TooLarge(format!(
            "{} versions are larger than one answer can be; ask for fewer stages",
            wanted.len()
        ))),
    }
}

/// Reads versions together. `None`: they are more than a portion. One version is never more.
async fn read_together(wanted: &[VersionRef], bytes_max: usize) -> Result<Option<Vec<Option<FullVersion>>>> {
    let mut parts: BTreeMap<(ModelId, u64), VersionParts> = wanted
        .iter()
        .map(|version| ((version.model, version.number), VersionParts::default()))
        .collect();
    let ranges = contiguous::ranges(parts.keys().copied());
    let spans = ranges
        .iter()
        .map(|(model, numbers)| keys::versions_between(*model, numbers));
    let (mut room, mut of, mut is_whole) = (ByteBudget::new(bytes_max), None, true);
    scan_until(spans.collect(), usize::MAX, |index, key, value| {
        let at = ranges
            .get(index)
            .map(|(model, _)| *model)
            .zip(keys::version_number(key));
        let Some((at, parts)) = at.and_then(|at| Some((at, parts.get_mut(&at)?))) else {
            return Ok(ControlFlow::Continue(()));
        };
        if of.replace(at) != Some(at) {
            room.next_item();
            is_whole &= !room.is_full();
        }
        if is_whole && room.takes(as_shown(key, value)) {
            parts.add(at.0, at.1, key, value)?;
        }
        Ok(if is_whole {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        })
    })
    .await?;
    let assemble = |version: &VersionRef| {
        let parts = parts.remove(&(version.model, version.number))?;
        parts.assemble(Rc::clone(&version.model_name))
    };
    Ok(is_whole.then(|| wanted.iter().map(assemble).collect()))
}

/// Collects the records of a version.
#[derive(Default)]
struct VersionParts {
    version: Option<Version>,
    tags: Vec<Pair>,
    aliases: Vec<String>,
}

impl VersionParts {
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
