//! Moves model versions from stage to stage.

use super::model_name::Named;
use super::version_read::read_stored;
use super::versions::{StoredVersion, load, load_some};
use super::{latest, models};
use crate::domain::audit::AuditObject;
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, Version, VersionName};
use crate::error::{Error, Result};
use crate::host::records::{Change, transact};
use crate::store::audit;

/// Number of versions that are archived in one commit.
const ARCHIVED_AT_ONCE: usize = 1_000;
/// Bytes of archived versions after which a commit takes no more; the last version may exceed them.
const ARCHIVED_BYTES_MAX: usize = 16 << 20;
/// Number of versions that are read together: each may have a long description.
const READ_AT_ONCE: usize = 50;
/// Largest number of commits of one transition: enough for 400,000 versions, or 6 GiB of them.
const COMMITS_MAX: usize = 400;

/// A move of a version to a stage.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// The new stage.
    pub stage: ModelStage,
    /// True if the versions that have the stage now are archived.
    pub archive_others: bool,
}

/// Moves a version to a stage, and archives others in the same commit. If those are more than a commit takes,
/// the first ones are archived in commits before.
pub async fn move_to(model: &str, name: &VersionName, to: Transition, now_ms: i64) -> Result<FullVersion> {
    for _ in 0..COMMITS_MAX {
        let moved = transact(async |change| {
            let mut owner = models::load(model).await.map_err(|error| match error {
                Error::NotFound(_) => name.not_found(model),
                other => other,
            })?;
            let stored = load(model, name).await?;
            let object = AuditObject::Version(model, stored.version.number);
            audit::note(change, object, to.stage.name());
            if to.archive_others && !archive_others(change, &owner.named, &stored, to.stage, now_ms).await? {
                return Ok(None);
            }
            let version = replace_stage(change, &stored, to.stage, now_ms);
            owner.model.last_update_time_ms = now_ms;
            owner.put(change);
            Ok(Some(version))
        })
        .await?;
        if let Some(version) = moved {
            return read_stored(model, version).await;
        }
    }
    Err(Error::TooLarge(
        "a stage with more versions than one request archives".to_owned(),
    ))
}

/// Archives a stage's versions except this one, as many as a commit takes. True if these are all. The caller
/// must have read the model before: every change of the stages of its versions changes it.
async fn archive_others(
    change: &mut Change,
    model: &Named,
    kept: &StoredVersion,
    stage: ModelStage,
    now_ms: i64,
) -> Result<bool> {
    let numbers = latest::of_stage(model.id, stage, ARCHIVED_AT_ONCE).await?;
    let mut bytes = 0;
    for some in numbers.chunks(READ_AT_ONCE) {
        for other in load_some(model, some).await? {
            if other.version.number == kept.version.number {
                continue;
            }
            if bytes >= ARCHIVED_BYTES_MAX {
                return Ok(false);
            }
            let archived = replace_stage(change, &other, ModelStage::Archived, now_ms);
            bytes += archived.description.map_or(0, |description| description.len());
        }
    }
    Ok(numbers.len() < ARCHIVED_AT_ONCE)
}

/// Moves one version as a part of a change. Returns the version as it then is.
fn replace_stage(change: &mut Change, stored: &StoredVersion, stage: ModelStage, now_ms: i64) -> Version {
    let mut version = stored.version.clone();
    version.stage = stage;
    version.last_update_time_ms = now_ms;
    stored.replace(change, &version);
    version
}
