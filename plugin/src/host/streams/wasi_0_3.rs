//! The streams of WASI 0.3. In a body of `wasi:http`, a result follows the last byte.

use wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

use crate::bindings::mlforge::plugin::blobs as host;
use crate::bindings::wasi::http::types::{ErrorCode, Trailers};
use crate::bindings::{wit_future, wit_stream};
use crate::error::{Error, Result};

/// Number of bytes that are read at once.
const READ_BYTES_MAX: usize = 64 << 10;

/// The result that `wasi:http` gives after the last byte of a body.
pub type EndOfBody = std::result::Result<Option<Trailers>, ErrorCode>;

/// A stream of bytes.
pub struct ByteStream(pub(crate) StreamReader<u8>);

impl ByteStream {
    /// Returns the next bytes, at least one. `None`: the stream ended.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let (result, bytes) = self.0.read(Vec::with_capacity(READ_BYTES_MAX)).await;
        Ok(matches!(result, StreamResult::Complete(_)).then_some(bytes))
    }

    /// Reads the stream to its end.
    pub async fn collect(self) -> Result<Vec<u8>> {
        Ok(self.0.collect().await)
    }
}

/// A stream of the given bytes.
pub fn stream_of(bytes: Vec<u8>) -> ByteStream {
    let (mut sender, contents) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        // A reader may stop early. That is no error here: the reader checks the number of bytes.
        let _ = sender.write_all(bytes).await;
    });
    ByteStream(contents)
}

/// The end of a body. `None`: the body was complete from the start.
pub struct End(pub(crate) Option<FutureReader<EndOfBody>>);

impl End {
    /// The end of a body that is complete from the start.
    pub fn of_whole() -> Self {
        Self(None)
    }

    /// Fails if the body was cut off. Its stream ends like that of a complete body, so only this result
    /// tells.
    pub async fn whole(self) -> Result<()> {
        match self.0 {
            Some(end) => end.await.map(drop).map_err(|_| Error::BrokenOff),
            None => Ok(()),
        }
    }
}

/// Lets the host receive a stream to its end.
pub(crate) async fn stage(contents: ByteStream, bytes_max: u64) -> std::result::Result<host::Staged, host::Error> {
    host::stage(contents.0, bytes_max).await
}

/// Opens a part of a blob. `None`: there is no such blob.
pub(crate) async fn read(
    name: String,
    offset: u64,
    length: u64,
) -> std::result::Result<Option<ByteStream>, host::Error> {
    Ok(host::read(name, offset, length).await?.map(ByteStream))
}

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
}

/// A body that a task fills while it is read, and its end. If the task fails, the body ends like one that was cut off.
pub struct FilledBody {
    pub(crate) contents: ByteStream,
    pub(crate) end: FutureReader<EndOfBody>,
}

impl FilledBody {
    /// Reads all of it. Fails if it broke off.
    pub async fn collect(self) -> Result<Vec<u8>> {
        let bytes = self.contents.collect().await?;
        End(Some(self.end)).whole().await?;
        Ok(bytes)
    }
}

/// A body that `fill` writes while it is read.
pub fn filled_by<F>(fill: impl FnOnce(BodyWriter) -> F) -> FilledBody
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
    FilledBody {
        contents: ByteStream(contents),
        end,
    }
}
