//! What a deleted model leaves behind: records that nothing leads to any more. They are removed in pieces, since there can
//! be more than one commit takes; should that break off, they only take room, and searches pass over them.

use super::codec;
use super::keys::Span;
use super::keys::registry::{self as keys, VersionPart};
use super::records::{Change, scan, transact};
use crate::domain::model::ModelId;
use crate::domain::version::Version;
use crate::error::Result;

/// Records that are removed in one commit; a version has four more in other places.
const RECORDS_AT_ONCE: usize = 1_500;

/// Commits of one deletion.
const COMMITS_MAX: usize = 400;

/// Removes what a model that no longer exists had: versions, their places in the orders, tags and aliases.
pub async fn versions_of(model: ModelId) -> Result<()> {
    let mut spans = vec![
        keys::versions(model),
        keys::semvers(model),
        keys::all_ranked(model),
        keys::model_parts(model),
    ];
    for _ in 0..COMMITS_MAX {
        let Some(span) = spans.last() else { return Ok(()) };
        if remove_some(model, span).await? < RECORDS_AT_ONCE {
            spans.pop();
        }
    }
    Ok(())
}

/// Removes the first records of a span; answers how many.
async fn remove_some(model: ModelId, span: &Span) -> Result<usize> {
    transact(async |change| {
        scan(span.clone(), RECORDS_AT_ONCE, |key, value| {
            change.delete(key.to_vec());
            if keys::version_part(key) == Some(VersionPart::Version) {
                let number = keys::version_number(key).unwrap_or_default();
                remove_places(change, &codec::registry::read_version(model, number, value)?);
            }
            Ok(())
        })
        .await
    })
    .await
}

/// Removes what leads to a version by time and by run.
pub fn remove_places(change: &mut Change, version: &Version) {
    let Version { model, number, .. } = *version;
    change.delete(keys::updated_in_model(model, version.last_update_time_ms, number));
    change.delete(keys::updated(version.last_update_time_ms, model, number));
    change.delete(keys::version_of_run(version.experiment, version.run, model, number));
}
