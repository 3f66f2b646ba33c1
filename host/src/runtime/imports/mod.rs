//! The component's imports, one file an interface. Each asks the `StoreData` for the rights of the running
//! request, and converts arguments and results. The storage and the forge do the work and check sizes and
//! names.

mod blobs;
mod direct_transfers;
mod forge;
mod records;
mod report;
mod upload_tokens;
mod wasi;

/// Logs a failure of the storage. Returns the text for the component, without the reason.
fn storage_unavailable(reason: &str) -> String {
    tracing::error!(target: "mlforge::storage", reason, "storage unavailable");
    "the storage cannot answer now".into()
}
