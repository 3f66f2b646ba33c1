//! The host's side of `wit/`, generated: one trait an interface, implemented in `imports/`.

mod generated {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "mlforge:plugin/host",
        imports: {
            "mlforge:plugin/blobs": trappable,
            "wasi:random/random": trappable,
        },
        with: {
            "mlforge:plugin/blobs.staged": crate::runtime::resources::Received,
        },
        require_store_data_send: true,
    });
}

mod maintenance {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "mlforge:plugin/maintenance-service",
        require_store_data_send: true,
    });
}

mod direct {
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "mlforge:plugin/direct-service",
        require_store_data_send: true,
    });
}

pub(crate) use direct::exports::mlforge::plugin::direct::{Answer, Contents, FilePart, Request};
pub(crate) use direct::{DirectService, DirectServiceIndices};
pub(crate) use generated::Host_ as HostImports;
pub(crate) use generated::mlforge::plugin::{blobs, direct_transfers, forge, records, report, upload_tokens};
pub(crate) use generated::wasi::{clocks, random};
pub(crate) use maintenance::exports::mlforge::plugin::maintenance::{
    AuditPass, CompactionPass, ForgePass, PurgePass, SetAsideRun, UploadPass,
};
pub(crate) use maintenance::{MaintenanceService, MaintenanceServiceIndices};
