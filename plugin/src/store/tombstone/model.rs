//! Removes the records that a deleted model leaves, which are unreachable. One commit may not take all, so
//! they are removed in pieces. Until then they only take space, and searches skip them.

use super::CommitBudget;
use crate::domain::id::ModelId;
use crate::domain::version::Version;
use crate::error::Result;
use crate::host::records::{Change, Span, scan_page, transact_background};
use crate::store::codec;
use crate::store::keys::registry as keys;
use crate::store::keys::registry::VersionPart;

/// Number of records that are removed in one commit. A version has three more under other keys.
const RECORDS_AT_ONCE: usize = 1_500;

/// Removes the records of a model that no longer exists: versions, their entries in the orders, tags and
/// aliases. True if the budget sufficed for all of them.
pub async fn clear_model(model: ModelId, budget: &mut CommitBudget) -> Result<bool> {
    for span in [
        keys::versions(model),
        keys::semvers(model),
        keys::all_ranked(model),
        keys::model_parts(model),
    ] {
        let mut more = true;
        while more {
            if !budget.take() {
                return Ok(false);
            }
            more = remove_some(model, &span).await?;
        }
    }
    Ok(true)
}

/// Removes the first records of a span. True if there are more.
async fn remove_some(model: ModelId, span: &Span) -> Result<bool> {
    transact_background(async |change| {
        let left = scan_page(span, RECORDS_AT_ONCE, |key, value| {
            change.delete(key.to_vec());
            if keys::version_part(key) == Some(VersionPart::Version) {
                let number = keys::version_number(key).unwrap_or_default();
                remove_sort_keys(change, &codec::registry::read_version(model, number, value)?);
            }
            Ok(())
        });
        Ok(left.await?.is_some())
    })
    .await
}

/// Removes a version's entries by update time and by run.
pub fn remove_sort_keys(change: &mut Change, version: &Version) {
    let Version { model, number, .. } = *version;
    change.delete(keys::updated_in_model(model, version.last_update_time_ms, number));
    change.delete(keys::updated(version.last_update_time_ms, model, number));
    change.delete(keys::version_of_run(version.experiment, version.run, model, number));
}
