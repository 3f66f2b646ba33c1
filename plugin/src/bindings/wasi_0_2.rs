//! The glue of WASI 0.2, with the names of WASI 0.3. A function that is asynchronous there is so here too, and ready at once.

pub(crate) mod blobs;
pub(crate) mod direct_transfers;
pub(crate) mod forge;
mod generated;
pub(crate) mod records;
pub(crate) mod system_clock;

pub(crate) mod mlforge {
    pub(crate) mod plugin {
        pub(crate) use crate::bindings::wasi_0_2::generated::mlforge::plugin::{report, upload_tokens};
        pub(crate) use crate::bindings::wasi_0_2::{blobs, direct_transfers, forge, records};
    }
}

pub(crate) mod wasi {
    pub(crate) mod clocks {
        pub(crate) use crate::bindings::wasi_0_2::system_clock;
    }

    pub(crate) use crate::bindings::wasi_0_2::generated::wasi::{http0_2_0 as http, io, random0_2_0 as random};
}

pub(crate) mod exports {
    pub(crate) mod wasi {
        pub(crate) use crate::bindings::wasi_0_2::generated::exports::wasi::http0_2_0 as http;
    }
}
