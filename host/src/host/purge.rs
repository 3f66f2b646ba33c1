//! Purges: permanent deletion of runs and experiments that were soft-deleted long ago.

use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::host::Host;
use crate::storage::ProjectId;

impl Host {
    /// Permanently removes the runs and experiments of a project that were deleted at least this long ago, with their metrics,
    /// params, tags and files. Returns their number. Runs of model versions stay.
    ///
    /// The project can be used meanwhile. A purge that breaks off is continued by the next one. One item that cannot be removed
    /// does not stop the others: the error comes after all of them, and the log has the reasons.
    pub async fn purge(&self, project: ProjectId, deleted_for: Duration) -> anyhow::Result<u64> {
        let deleted_for_ms = u64::try_from(deleted_for.as_millis()).unwrap_or(u64::MAX);
        let deleted_until_ms = self.state().services.now_ms().saturating_sub(deleted_for_ms);
        let (mut removed, mut failed, mut after) = (0, 0, None);
        loop {
            let pass = self
                .state()
                .run_maintenance_pass(project, "purge", move |instance, deadline| {
                    Box::pin(instance.purge(deleted_until_ms, after, deadline))
                });
            let pass = pass.await.with_context(|| {
                format!(
                    "project {} is not purged whole: the component gave no answer; the log says why",
                    project.0
                )
            })?;
            removed += pass.removed;
            failed += pass.failed;
            after = pass.next;
            if after.is_none() {
                break;
            }
        }
        if failed > 0 {
            bail!(
                "project {}: {removed} deleted runs and experiments were removed, {failed} could not be; the log says why",
                project.0
            );
        }
        Ok(removed)
    }
}
