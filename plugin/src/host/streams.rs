//! Streams of bytes: the bodies of `wasi:http` and the contents of files. WASI 0.3 has streams; in WASI 0.2 they are resources of
//! several kinds. The two modules have the same names.

#[cfg(feature = "wasi-0-2")]
mod wasi_0_2;
#[cfg(not(feature = "wasi-0-2"))]
mod wasi_0_3;

#[cfg(feature = "wasi-0-2")]
pub use wasi_0_2::*;
#[cfg(not(feature = "wasi-0-2"))]
pub use wasi_0_3::*;

use crate::convert::to_u64;
use crate::error::{Error, Result};

impl BodyWriter {
    /// Sends exactly `length` bytes of a stream. Fails if it has fewer, or if the reader has left.
    pub async fn copy(&mut self, mut contents: ByteStream, length: u64) -> Result<()> {
        let mut left = length;
        while left > 0 {
            let bytes = contents.next().await?.ok_or(Error::BrokenOff)?;
            left = left.checked_sub(to_u64(bytes.len())).ok_or(Error::BrokenOff)?;
            self.send(bytes).await?;
        }
        Ok(())
    }
}
