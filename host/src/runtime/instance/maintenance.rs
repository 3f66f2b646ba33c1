//! Calls of the component's export `maintenance`, with the rights of the host itself.

use tokio::time::Instant;
use wasmtime::component::Accessor;

use super::error::InstanceError;
use super::{Instance, TimeLimit};
use crate::limits::idle_timeout::IdleTimeout;
use crate::runtime::bindings::{AuditPass, CompactionPass, ForgePass, MaintenanceService, PurgePass, UploadPass};
use crate::runtime::store_data::{RequestContext, StoreData};

impl Instance {
    /// Makes one pass of compaction.
    pub(crate) async fn compact(
        &mut self,
        after: Option<Vec<u8>>,
        quiet_ms: Option<u64>,
        deadline: Instant,
    ) -> Result<CompactionPass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_compact(accessor, after, quiet_ms).await
        })
        .await
    }

    /// Makes one pass over uploads in parts.
    pub(crate) async fn sweep_uploads(
        &mut self,
        after: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<UploadPass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_sweep_uploads(accessor, after).await
        })
        .await
    }

    /// Makes the look-ups of CI jobs that are due.
    pub(crate) async fn link_jobs(
        &mut self,
        after: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<ForgePass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_link_jobs(accessor, after).await
        })
        .await
    }

    /// Sets the commit statuses that are due.
    pub(crate) async fn set_commit_statuses(
        &mut self,
        after: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<ForgePass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_set_commit_statuses(accessor, after).await
        })
        .await
    }

    /// Makes one pass of a purge of what was deleted until a time, in milliseconds since the Unix epoch.
    pub(crate) async fn purge(
        &mut self,
        deleted_until_ms: u64,
        after: Option<Vec<u8>>,
        deadline: Instant,
    ) -> Result<PurgePass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_purge(accessor, deleted_until_ms, after).await
        })
        .await
    }

    /// Makes one pass over the audit log: removes records of changes before a time, in milliseconds since the Unix epoch.
    pub(crate) async fn sweep_audit(&mut self, before_ms: u64, deadline: Instant) -> Result<AuditPass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_sweep_audit(accessor, before_ms).await
        })
        .await
    }

    /// Makes one pass over old traces: removes some that began before a time, in milliseconds since the Unix epoch.
    pub(crate) async fn sweep_traces(&mut self, before_ms: u64, deadline: Instant) -> Result<AuditPass, InstanceError> {
        self.maintain(deadline, async |accessor, service| {
            let maintenance = service.mlforge_plugin_maintenance();
            maintenance.call_sweep_traces(accessor, before_ms).await
        })
        .await
    }

    /// Makes one call of the export. The inner error of `call` is the component's own text.
    async fn maintain<T>(
        &mut self,
        deadline: Instant,
        call: impl AsyncFnOnce(&Accessor<StoreData>, &MaintenanceService) -> wasmtime::Result<Result<T, String>>,
    ) -> Result<T, InstanceError> {
        let context = RequestContext {
            project: self.project,
            may_write: true,
            is_maintenance: true,
            credential: None,
            access: None,
            token_issuer: None,
            progress: IdleTimeout::new(),
            reservation: None,
            now: None,
        };
        let limit = TimeLimit::Deadline(deadline);
        self.run_bound(None, context, limit, async |accessor, exports| {
            let missing = || InstanceError::Maintenance("the component does not export `maintenance`".into());
            let service = exports.maintenance.as_ref().ok_or_else(missing)?;
            call(accessor, service).await?.map_err(InstanceError::Maintenance)
        })
        .await
    }
}
