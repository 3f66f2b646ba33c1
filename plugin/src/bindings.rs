//! Glue made from `wit/`, and nothing else. The feature `wasi-0-2` picks that of WASI 0.2, whose imports have the names and
//! types of WASI 0.3: `host` calls either. The exports and `wasi:http` differ, and so do the modules that use them.

#[cfg(feature = "wasi-0-2")]
mod wasi_0_2;
#[cfg(not(feature = "wasi-0-2"))]
mod wasi_0_3;

#[cfg(feature = "wasi-0-2")]
pub(crate) use wasi_0_2::*;
#[cfg(not(feature = "wasi-0-2"))]
pub(crate) use wasi_0_3::*;
