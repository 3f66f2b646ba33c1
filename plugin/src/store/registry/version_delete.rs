//! Deleting model versions.

use super::versions::{displace, load};
use super::{aliases, models};
use crate::domain::id::ModelId;
use crate::domain::version::{Version, VersionName};
use crate::error::{Error, Result};
use crate::host::records::{Change, scan, scan_page, transact};
use crate::store::keys::Tombstone;
use crate::store::keys::registry as keys;
use crate::store::keys::registry::VersionPart;
use crate::store::tombstone;

/// Aliases that a version loses in one commit.
const ALIASES_AT_ONCE: usize = 1_000;
/// Tags that go in the commit that deletes their version; of more, all go afterwards.
const TAGS_AT_ONCE: usize = 1_000;
/// Commits of one deletion: for 400,000 aliases.
const COMMITS_MAX: usize = 400;
/// Deletes a version for good, with its tags and aliases. Its number is not given again; its run stays, as any other. Of more
/// aliases than a commit takes the first go before; more tags than that go afterwards, out of reach already.
pub async fn delete(model: &str, name: &VersionName, now_ms: i64) -> Result<()> {
    for _ in 0..COMMITS_MAX {
        match transact(async |change| delete_in(change, model, name, now_ms).await).await? {
            Deletion::Begun => {}
            Deletion::Done(None) => return Ok(()),
            Deletion::Done(Some(ruin)) => {
                tombstone::clear_soon(&ruin).await;
                return Ok(());
            }
        }
    }
    Err(Error::TooLarge(
        "a version with more aliases than one request removes".to_owned(),
    ))
}

/// How far a deletion came.
enum Deletion {
    /// The version has fewer aliases.
    Begun,
    /// The version is gone; some tags may be left to clear away.
    Done(Option<Tombstone>),
}

async fn delete_in(change: &mut Change, model: &str, name: &VersionName, now_ms: i64) -> Result<Deletion> {
    let stored = load(model, name).await?;
    let Version { model: id, number, .. } = stored.version;
    // Read after the version, which every new tag and alias of it changes: none is missed.
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

/// The first aliases of a version, one more than a commit takes.
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

/// Removes the tags of a version that a change deletes. If they are many, they are left as a ruin.
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
