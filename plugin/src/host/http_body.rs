//! Bodies of `wasi:http`: a stream of bytes, and the result that follows the last of them.

use wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

use crate::bindings::wasi::http::types::{ErrorCode, Trailers};
use crate::bindings::{wit_future, wit_stream};
use crate::convert::to_u64;
use crate::error::{Error, Result};

/// The result that `wasi:http` gives after the last byte of a body.
pub type EndOfBody = std::result::Result<Option<Trailers>, ErrorCode>;

/// The end of a body. `None`: the body was complete from the start.
pub struct End(pub Option<FutureReader<EndOfBody>>);

impl End {
    /// Fails if the body was cut off. Its stream ends like that of a complete body, so only this result
    /// tells.
    pub async fn whole(self) -> Result<()> {
        match self.0 {
            Some(end) => end.await.map(drop).map_err(|_| Error::BrokenOff),
            None => Ok(()),
        }
    }
}

/// A stream of the given bytes.
pub fn stream_of(bytes: Vec<u8>) -> StreamReader<u8> {
    let (mut sender, contents) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        // A reader may stop early. That is no error here: the reader checks the number of bytes.
        let _ = sender.write_all(bytes).await;
    });
    contents
}

/// Number of bytes that are copied from one stream to another at once.
const COPIED_BYTES: usize = 64 << 10;

/// Writes a body piece by piece. The reader sets the pace.
pub struct BodyWriter(StreamWriter<u8>);

impl BodyWriter {
    /// Sends bytes. Fails if the reader has left.
    pub async fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        if bytes.is_empty() || self.0.write_all(bytes).await.is_empty() {
            Ok(())
        } else {
            Err(Error::BrokenOff)
        }
    }

    /// Sends exactly `length` bytes of a stream. Fails if it has fewer, or if the reader has left.
    pub async fn copy(&mut self, mut contents: StreamReader<u8>, length: u64) -> Result<()> {
        let mut left = length;
        while left > 0 {
            let (result, bytes) = contents.read(Vec::with_capacity(COPIED_BYTES)).await;
            if !matches!(result, StreamResult::Complete(_)) {
                return Err(Error::BrokenOff);
            }
            left = left.checked_sub(to_u64(bytes.len())).ok_or(Error::BrokenOff)?;
            self.send(bytes).await?;
        }
        Ok(())
    }
}

/// A body that a task fills while it is read, and its end. If the task fails, the body ends like one that was cut off.
pub fn filled_by<F>(fill: impl FnOnce(BodyWriter) -> F) -> (StreamReader<u8>, FutureReader<EndOfBody>)
where
    F: Future<Output = Result<()>> + 'static,
{
    let (writer, contents) = wit_stream::new();
    let (end_writer, end) = wit_future::new(|| Err(ErrorCode::InternalError(None)));
    let filling = fill(BodyWriter(writer));
    wit_bindgen::spawn_local(async move {
        if filling.await.is_ok() {
            // The reader may have left.
            _ = end_writer.write(Ok(None)).await;
        }
    });
    (contents, end)
}
