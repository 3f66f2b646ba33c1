//! The component's imports: one thin file an interface. Each asks the `StoreData` what the running request may touch,
//! translates, and delegates to the storage or the forge, which check sizes and names.

mod blobs;
mod forge;
mod leave;
mod records;
mod report;
mod wasi;

/// What the component is told when the storage failed; the reason is for the log alone.
fn storage_unavailable(reason: &str) -> String {
    tracing::error!(target: "mlforge::storage", reason, "storage unavailable");
    "the storage cannot answer now".into()
}
