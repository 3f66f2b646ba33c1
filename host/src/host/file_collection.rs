//! The removal of bytes that no name leads to any more, where the storage of files keeps them for a while. A project is due with
//! its abandoned uploads.

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::host::HostState;
use crate::storage::ProjectId;

/// Maximum number of passes at a time. The next sweep goes on.
const PASSES_MAX: usize = 1_000;

impl HostState {
    /// Collects a project. Returns `true` when nothing is kept any more. Of several hosts one makes a pass, since two would do
    /// the same work.
    pub(crate) async fn collect_files(self: &Arc<Self>, project: ProjectId) -> bool {
        for _ in 0..PASSES_MAX {
            let began = Instant::now();
            let lease = match &self.services.shared {
                Some(shared) => match shared.lease(format!("files/{}", project.0)).await {
                    Some(lease) => Some(lease),
                    None => return false,
                },
                None => None,
            };
            let pass = self.services.blobs.collect(project).await;
            drop(lease);
            match pass {
                // Requests go first.
                Ok(pass) if pass.is_more => sleep(began.elapsed() / 2).await,
                Ok(pass) => return !pass.is_left,
                Err(error) => {
                    tracing::warn!(target: "mlforge::maintenance", project = project.0, %error, "files without a name are not removed");
                    return false;
                }
            }
        }
        false
    }
}
