//! The component's imports, one file an interface. Each asks the `StoreData` for the rights of the running
//! request, and converts arguments and results. The storage and the forge do the work and check sizes and
//! names. The functions of WASI 0.2 in `wasi_0_2` call those of WASI 0.3.

mod blobs;
mod direct_transfers;
mod forge;
mod records;
mod report;
mod upload_tokens;
mod wasi;
mod wasi_0_2;

use std::sync::Arc;

use super::services::HostServices;
use crate::storage::ProjectId;

/// The services for the running request, and its project. `None`: it has no right to the call.
type Granted = Option<(Arc<HostServices>, ProjectId)>;

/// Logs a failure of the storage. Returns the text for the component, without the reason.
fn storage_unavailable(reason: &str) -> String {
    tracing::error!(target: "mlforge::storage", reason, "storage unavailable");
    "the storage cannot answer now".into()
}
