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

/// The imports of a component of WASI 0.2. Their types are those of `generated`.
mod synchronous {
    wasmtime::component::bindgen!({
        path: ["../wit", "../wit/sync"],
        world: "mlforge:plugin-sync/host",
        imports: {
            "mlforge:plugin-sync/records": async,
            "mlforge:plugin-sync/blobs": async | trappable,
            "mlforge:plugin-sync/forge": async,
            "mlforge:plugin-sync/direct-transfers": async,
            "wasi:random/random": trappable,
        },
        with: {
            "mlforge:plugin/records": crate::runtime::bindings::generated::mlforge::plugin::records,
            "mlforge:plugin/blobs": crate::runtime::bindings::generated::mlforge::plugin::blobs,
            "mlforge:plugin/forge": crate::runtime::bindings::generated::mlforge::plugin::forge,
            "mlforge:plugin/direct-transfers": crate::runtime::bindings::generated::mlforge::plugin::direct_transfers,
            "mlforge:plugin-sync/blobs.staging": crate::runtime::resources::Staging,
            "mlforge:plugin-sync/blobs.contents": crate::runtime::resources::Contents,
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

/// The imports of WASI 0.2 and `mlforge:plugin-sync`.
pub(crate) mod wasi_0_2 {
    pub(crate) use super::synchronous::mlforge::plugin_sync::{blobs, direct_transfers, forge, records};
    pub(crate) use super::synchronous::wasi::clocks0_2_0::wall_clock;
    pub(crate) use super::synchronous::wasi::random0_2_0::random;
}
