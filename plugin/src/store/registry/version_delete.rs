//! Deletes model versions.

use super::versions::{displace, load};
use super::{aliases, models};
use crate::domain::audit::AuditObject;
use crate::domain::id::ModelId;
use crate::domain::version::{Version, VersionName};
use crate::error::{Error, Result};
use crate::host::records::{Change, scan, scan_page, transact};
use crate::store::keys::Tombstone;
use crate::store::keys::registry as keys;
use crate::store::keys::registry::VersionPart;
use crate::store::{audit, tombstone};

/// Number of aliases that are removed from a version in one commit.
const ALIASES_AT_ONCE: usize = 1_000;
/// Largest number of tags that are removed by the commit that deletes their version. With more, all are
/// removed afterwards.
const TAGS_AT_ONCE: usize = 1_000;
/// Largest number of commits of one deletion: enough for 400,000 aliases.
const COMMITS_MAX: usize = 400;
/// Deletes a version for good, with its tags and aliases. Its number is not used again. Its run stays, as any
/// other. If it has more aliases than a commit takes, the first are removed before. More tags than a commit
/// takes are removed afterwards, unreachable already.
pub async fn delete(model: &str, name: &VersionName, now_ms: i64) -> Result<()> {
    for _ in 0..COMMITS_MAX {
        match transact(async |change| delete_in(change, model, name, now_ms).await).await? {
            Deletion::Begun => {}
            Deletion::Done(None) => return Ok(()),
            Deletion::Done(Some(tombstone)) => {
                tombstone::clear_soon(&tombstone).await;
                return Ok(());
            }
        }
    }
    Err(Error::TooLarge(
        "a version with more aliases than one request removes".to_owned(),
    ))
}

/// The progress of a deletion.
enum Deletion {
    /// Some aliases are removed; the version still exists.
    Begun,
    /// The version is deleted. A tombstone is given if tags are still to be removed.
    Done(Option<Tombstone>),
}

async fn delete_in(change: &mut Change, model: &str, name: &VersionName, now_ms: i64) -> Result<Deletion> {
    let stored = load(model, name).await?;
    let Version { model: id, number, .. } = stored.version;
    audit::note(change, AuditObject::Version(model, number), "");
    // The aliases are read after the version, which every new tag or alias changes. So none is missed.
    let all = aliases_of(id, number).await?;
    let (some, more) = all.split_at(all.len().min(ALIASES_AT_ONCE));
    aliases::take_away(change, id, number, some).await?;
    if !more.is_empty() {
        stored.touch(change);
        return Ok(Deletion::Begun);
    }
    let mut owner = models::load(model).await?;
    stored.require_unchanged(change);
    displace(change, &stored.version);
    tombstone::model::remove_sort_keys(change, &stored.version);
    change.delete(keys::semver(id, &stored.version.semver.to_string()));
    change.delete(keys::version(id, number));
    owner.model.last_update_time_ms = now_ms;
    owner.put(change);
    Ok(Deletion::Done(take_tags_away(change, id, number).await?))
}

/// Returns the first aliases of a version, at most one more than a commit takes.
async fn aliases_of(model: ModelId, number: u64) -> Result<Vec<String>> {
    let mut aliases = Vec::new();
    scan(keys::version_aliases(model, number), ALIASES_AT_ONCE + 1, |key, _| {
        if let Some(VersionPart::Alias(alias)) = keys::version_part(key) {
            aliases.push(alias.to_owned());
        }
        Ok(())
    })
    .await?;
    Ok(aliases)
}

/// Removes the tags of a version that a change deletes. If they are too many, a tombstone is written instead
/// and returned.
async fn take_tags_away(change: &mut Change, model: ModelId, number: u64) -> Result<Option<Tombstone>> {
    let mut tags = Vec::new();
    let more = scan_page(&keys::version_tags(model, number), TAGS_AT_ONCE, |key, _| {
        tags.push(key.to_vec());
        Ok(())
    })
    .await?;
    if more.is_some() {
        tombstone::put_version(change, model, number);
        return Ok(Some(Tombstone::Version(model, number)));
    }
    for tag in tags {
        change.delete(tag);
    }
    Ok(None)
}
