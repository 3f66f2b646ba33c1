//! Deleting for good: the host says when, the component knows what.

use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::host::Host;
use crate::storage::ProjectId;

impl Host {
    /// Removes for good the runs and experiments of a project that have been deleted for so long, with their metrics, params,
    /// tags and files; answers how many. What belongs to a model version stays. Others may use the project meanwhile. Should
    /// it fail half-way, the next one goes on; nothing that was not deleted is ever lost. Something that cannot be removed, for
    /// a reason that the log tells, keeps nothing else from going; the error comes when all else is done.
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
