//! Errors of an instance that works on a request.

use std::fmt;

use wasmtime::PoolConcurrencyLimitError;

use crate::limits::budget::Exhausted;

/// Reason why an instance gave no response.
#[derive(Debug)]
pub(crate) enum InstanceError {
    /// The request took longer than it may.
    TimedOut,
    /// There is no room now for an instance, its memory or its answer.
    NoRoom(Exhausted),
    /// The instance needed more memory than one may have: this many bytes.
    MemoryBound(usize),
    /// The component stopped.
    Trapped(wasmtime::Error),
    /// The component gave up on the request; the text is its error code.
    Handler(String),
    /// The response is invalid; the text says why.
    InvalidResponse(String),
    /// A pass of maintenance failed; the text says why.
    Maintenance(String),
}

impl InstanceError {
    /// The component gave up on the request with this error code.
    pub(super) fn gave_up(code: impl fmt::Debug) -> Self {
        Self::Handler(format!("{code:?}"))
    }
}

impl From<wasmtime::Error> for InstanceError {
    fn from(error: wasmtime::Error) -> Self {
        if error.is::<PoolConcurrencyLimitError>() {
            Self::NoRoom(Exhausted::All)
        } else {
            Self::Trapped(error)
        }
    }
}
