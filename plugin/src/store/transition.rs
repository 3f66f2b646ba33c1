//! Moving model versions from stage to stage.

use super::records::{Change, transact};
use super::versions::{Stored, load, read};
use super::{latest, models};
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, VersionName};
use crate::error::{Error, Result};

/// Versions that are archived in one commit.
const ARCHIVED_AT_ONCE: usize = 1_000;

/// Where a version is to go.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// Where to.
    pub stage: ModelStage,
    /// Whether the versions that are there go to the archive.
    pub archive_others: bool,
}

/// Moves a version to a stage, and others out of its way in the same commit; if they are more than a commit takes, the
/// first ones in commits before.
pub async fn move_to(model: &str, name: &VersionName, to: Transition, now_ms: i64) -> Result<FullVersion> {
    loop {
        let moved = transact(async |change| {
            let mut owner = models::load(model).await.map_err(|error| match error {
                Error::NotFound(_) => name.not_found(model),
                other => other,
            })?;
            let stored = load(model, name).await?;
            let others = if to.archive_others {
                latest::of_stage(stored.version.model, to.stage, ARCHIVED_AT_ONCE).await?
            } else {
                Vec::new()
            };
            for number in others.iter().copied().filter(|number| *number != stored.version.number) {
                let other = load(model, &VersionName::of_number(number)).await?;
                replace_stage(change, &other, ModelStage::Archived, now_ms);
            }
            if others.len() == ARCHIVED_AT_ONCE {
                return Ok(false);
            }
            replace_stage(change, &stored, to.stage, now_ms);
            owner.model.last_update_time_ms = now_ms;
            owner.put(change);
            Ok(true)
        })
        .await?;
        if moved {
            return read(model, name).await;
        }
    }
}

fn replace_stage(change: &mut Change, stored: &Stored, stage: ModelStage, now_ms: i64) {
    let mut version = stored.version.clone();
    version.stage = stage;
    version.last_update_time_ms = now_ms;
    stored.replace(change, &version);
}
