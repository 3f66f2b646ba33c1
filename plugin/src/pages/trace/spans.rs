//! The spans of a trace for its page: those that the server stores, or those in the file that a client uploaded.

use crate::domain::artifact::Purpose;
use crate::domain::trace::Trace;
use crate::domain::trace::span::Span;
use crate::error::{Error, Result};
use crate::request::trace_file;
use crate::store::artifacts;
use crate::store::traces::read;

/// Bytes of the largest file of spans that is read.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// The spans of a trace.
#[derive(Debug, Default)]
pub struct Spans {
    /// The spans, roots first.
    pub all: Vec<Span>,
    /// True if there are spans that are too large for a page.
    pub is_too_large: bool,
}

/// Reads the spans of a trace.
pub async fn read(trace: &Trace) -> Result<Spans> {
    if trace.batches == 0 {
        return of_file(trace).await;
    }
    match read::spans(&trace.id).await {
        Ok(all) => Ok(Spans {
            all,
            is_too_large: false,
        }),
        Err(Error::TooLarge(_)) => Ok(Spans {
            all: Vec::new(),
            is_too_large: true,
        }),
        Err(error) => Err(error),
    }
}

/// Reads the file of a client that did not send its spans. It may be absent, or kept elsewhere.
async fn of_file(trace: &Trace) -> Result<Spans> {
    let Ok(root) = artifacts::of_uri(&trace.artifact_uri) else {
        return Ok(Spans::default());
    };
    let path = root.below("traces.json", Purpose::Read)?;
    match artifacts::start_of(&path, FILE_BYTES_MAX).await {
        Ok((info, _)) if info.size > FILE_BYTES_MAX => Ok(Spans {
            all: Vec::new(),
            is_too_large: true,
        }),
        Ok((_, bytes)) => Ok(Spans {
            all: trace_file::spans(&bytes),
            is_too_large: false,
        }),
        Err(Error::NotFound(_)) => Ok(Spans::default()),
        Err(error) => Err(error),
    }
}
