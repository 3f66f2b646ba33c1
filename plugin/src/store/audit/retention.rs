//! Removal of audit records that have been kept long enough.

use crate::domain::audit::LOGGING_PERIOD_MS;
use crate::error::Result;
use crate::host::records::{scan_page, transact_background};
use crate::store::keys;

/// Number of records that one pass removes.
const REMOVED_MAX: usize = 5_000;

/// The result of a pass.
#[derive(Debug, PartialEq, Eq)]
pub struct RetentionPass {
    /// Number of records that were removed.
    pub removed: usize,
    /// True if others are still to be removed.
    pub is_cut: bool,
}

/// Removes some of the records that are a logging period older than a time, in milliseconds since the Unix
/// epoch. So all that such a record may cover lies before that time.
pub async fn pass(before_ms: i64) -> Result<RetentionPass> {
    let until_ms = before_ms.saturating_sub(LOGGING_PERIOD_MS);
    let span = keys::audit_records(i64::MIN, until_ms.saturating_sub(1));
    transact_background(async |change| {
        let mut removed = 0;
        let rest = scan_page(&span, REMOVED_MAX, |key, _| {
            change.delete(key.to_vec());
            removed += 1;
            Ok(())
        });
        let is_cut = rest.await?.is_some();
        Ok(RetentionPass { removed, is_cut })
    })
    .await
}
