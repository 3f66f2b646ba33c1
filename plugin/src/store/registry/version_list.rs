//! Lists of a model's versions for people. By number a page reads no more than it shows, as long as few numbers
//! are missing. By semantic version it reads the names of the versions that match, up to a limit.

use crate::domain::id::ModelId;
use crate::domain::name::cut;
use crate::domain::semver::SemVer;
use crate::domain::version::Version;
use crate::error::{Error, Result};
use crate::host::records::{Span, scan, scan_all};
use crate::store::codec;
use crate::store::keys::registry as keys;

/// Largest number of times that a page reads as many numbers as it has versions: numbers of deleted versions are
/// passed over.
const LOOKS_MAX: usize = 20;
/// Largest number of semantic versions that are sorted for a list.
pub const SORTED_MAX: usize = 10_000;
/// Number of characters of a description that lists show.
const DESCRIPTION_CHARS: usize = 200;

/// The direction of a list by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The highest number first.
    Newest,
    /// The lowest number first.
    Oldest,
}

/// A page of versions, whose descriptions are cut.
pub struct VersionPage {
    /// The versions, in order.
    pub versions: Vec<Version>,
    /// The number after which the next page begins. `None`: this is the last page.
    pub next: Option<u64>,
}

/// Reads versions by number, after a number. `None`: from the first. `last` is the highest number that the model
/// has used.
pub async fn by_number(
    model: ModelId,
    last: u64,
    direction: Direction,
    after: Option<u64>,
    count: usize,
) -> Result<VersionPage> {
    let step = u64::try_from(count).unwrap_or(u64::MAX).saturating_add(1);
    let mut versions: Vec<Version> = Vec::new();
    let mut seen = after;
    for _ in 0..LOOKS_MAX {
        let numbers: Vec<u64> = match direction {
            Direction::Newest => {
                let high = seen.map_or(last, |seen| seen.saturating_sub(1).min(last));
                (high.saturating_sub(step).saturating_add(1).max(1)..=high)
                    .rev()
                    .collect()
            }
            Direction::Oldest => {
                let low = seen.unwrap_or(0).saturating_add(1);
                (low..=low.saturating_add(step - 1).min(last)).collect()
            }
        };
        let Some(end) = numbers.last().copied() else {
            return Ok(VersionPage { versions, next: None });
        };
        for version in read(model, &numbers).await?.into_iter().flatten() {
            if versions.len() == count {
                let next = versions.last().map(|last| last.number);
                return Ok(VersionPage { versions, next });
            }
            versions.push(version);
        }
        seen = Some(end);
    }
    Ok(VersionPage { versions, next: seen })
}

/// Reads versions by number, without tags and aliases, and with the beginning of each description. `None`: there
/// is no such version.
pub async fn read(model: ModelId, numbers: &[u64]) -> Result<Vec<Option<Version>>> {
    let wanted: Vec<(ModelId, u64)> = numbers.iter().map(|number| (model, *number)).collect();
    read_of_models(&wanted).await
}

/// Reads versions of several models as `read` does.
pub async fn read_of_models(wanted: &[(ModelId, u64)]) -> Result<Vec<Option<Version>>> {
    let mut versions = vec![None; wanted.len()];
    let spans = wanted
        .iter()
        .map(|(model, number)| Span::of_key(keys::version(*model, *number)));
    scan_all(spans.collect(), 1, |index, _, value| {
        if let (Some((model, number)), Some(found)) = (wanted.get(index), versions.get_mut(index)) {
            let mut version = codec::registry::read_version(*model, *number, value)?;
            version.description = version.description.map(|text| cut(text, DESCRIPTION_CHARS));
            *found = Some(version);
        }
        Ok(())
    })
    .await?;
    Ok(versions)
}

/// Returns the versions whose semantic version begins with a text, the highest first. The second is true if there
/// are more than `SORTED_MAX`: those that come first as texts are then sorted alone.
pub async fn by_semver(model: ModelId, beginning: &str) -> Result<(Vec<(SemVer, u64)>, bool)> {
    let mut found = Vec::new();
    let seen = scan(keys::semvers_from(model, beginning), SORTED_MAX + 1, |key, value| {
        let semver = keys::semver_of(key).and_then(SemVer::read);
        let semver = semver.ok_or_else(|| Error::Corrupt("key of a semantic version".to_owned()))?;
        found.push((semver, codec::read_number(value)?));
        Ok(())
    })
    .await?;
    found.truncate(SORTED_MAX);
    found.sort_by(|(one, first), (other, second)| other.precedence(one).then(second.cmp(first)));
    Ok((found, seen > SORTED_MAX))
}
