//! Calls of the component's export `maintenance`, with the rights of the host itself.

use tokio::time::Instant;

use super::error::InstanceError;
use super::{Instance, TimeLimit};
use crate::limits::idle_timeout::IdleTimeout;
use crate::runtime::bindings::{CompactionPass, MaintenanceService, PurgePass, UploadPass};
use crate::runtime::component::Exports;
use crate::runtime::store_data::RequestContext;

impl Instance {
    /// Makes one pass of compaction.
    pub(crate) async fn compact(
        &mut self,
        after: Option<Vec<u8>>,
        quiet_ms: Option<u64>,
        deadline: Instant,
    ) -> Result<CompactionPass, InstanceError> {
        let context = self.maintenance_context();
        self.run_bound(
            None,
            context,
            TimeLimit::Deadline(deadline),
            async |accessor, exports| {
                let maintenance = service(exports)?.mlforge_plugin_maintenance();
                let pass = maintenance.call_compact(accessor, after, quiet_ms).await?;
                pass.map_err(InstanceError::Maintenance)
            },
        )
        .await
    }

    /// Makes one pass over uploads in parts.
    pub(crate) async fn sweep_uploads(
        &mut self,
        after: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<UploadPass, InstanceError> {
        let context = self.maintenance_context();
        self.run_bound(
            None,
            context,
            TimeLimit::Deadline(deadline),
            async |accessor, exports| {
                let maintenance = service(exports)?.mlforge_plugin_maintenance();
                let pass = maintenance.call_sweep_uploads(accessor, after).await?;
                pass.map_err(InstanceError::Maintenance)
            },
        )
        .await
    }

    /// Makes one pass of a purge of what was deleted until a time, in milliseconds since the Unix epoch.
    pub(crate) async fn purge(
        &mut self,
        deleted_until_ms: u64,
        after: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<PurgePass, InstanceError> {
        let context = self.maintenance_context();
        self.run_bound(
            None,
            context,
            TimeLimit::Deadline(deadline),
            async |accessor, exports| {
                let maintenance = service(exports)?.mlforge_plugin_maintenance();
                let pass = maintenance.call_purge(accessor, deleted_until_ms, after).await?;
                pass.map_err(InstanceError::Maintenance)
            },
        )
        .await
    }

    fn maintenance_context(&self) -> RequestContext {
        RequestContext {
            project: self.project,
            may_write: true,
            token_issuer: None,
            progress: IdleTimeout::new(),
            reservation: None,
        }
    }
}

fn service(exports: &Exports) -> Result<&MaintenanceService, InstanceError> {
    let missing = || InstanceError::Maintenance("the component does not export `maintenance`".into());
    exports.maintenance.as_ref().ok_or_else(missing)
}
