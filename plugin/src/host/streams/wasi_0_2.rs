//! The streams of WASI 0.2: resources, each of which passes its bytes in pieces. Every call waits for its result, so the futures
//! here are ready at once.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;

use crate::bindings::mlforge::plugin::blobs as host;
use crate::bindings::wasi::http::types::{FutureTrailers, IncomingBody};
use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};
use crate::convert::to_usize;
use crate::error::{Error, Result};

/// Number of bytes that are read or written at once.
const PIECE_BYTES_MAX: u32 = 64 << 10;

/// A stream of bytes.
pub struct ByteStream(Source);

/// The origin of a stream.
enum Source {
    /// These bytes; empty after they were read.
    Memory(Vec<u8>),
    Blob(host::Contents),
    Body(ReceivedBody),
}

impl ByteStream {
    /// Returns the next bytes, at least one. `None`: the stream ended.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match &mut self.0 {
            Source::Memory(bytes) => Ok(Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty())),
            Source::Blob(contents) => contents
                .read(PIECE_BYTES_MAX)
                .map_err(|error| Error::Unavailable(format!("a file broke off: {error:?}"))),
            Source::Body(body) => body.next(),
        }
    }

    /// Reads the stream to its end.
    pub async fn collect(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next().await? {
            all.extend(bytes);
        }
        Ok(all)
    }
}

/// A stream of the given bytes.
pub fn stream_of(bytes: Vec<u8>) -> ByteStream {
    ByteStream(Source::Memory(bytes))
}

/// The body of a request.
struct ReceivedBody {
    /// `None`: it was read to its end, or broke off. A stream must be dropped before its body.
    stream: Option<InputStream>,
    body: Option<IncomingBody>,
    is_whole: Rc<Cell<bool>>,
}

impl ReceivedBody {
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Some(stream) = &self.stream else {
            return Ok(None);
        };
        match stream.blocking_read(u64::from(PIECE_BYTES_MAX)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StreamError::Closed) => {
                self.stream = None;
                let trailers = self.body.take().map(IncomingBody::finish);
                self.is_whole.set(trailers.is_some_and(|trailers| came(&trailers)));
                Ok(None)
            }
            Err(StreamError::LastOperationFailed(_)) => {
                self.stream = None;
                Err(Error::BrokenOff)
            }
        }
    }
}

/// True if a body came with all its trailers, of which there may be none.
fn came(trailers: &FutureTrailers) -> bool {
    trailers.subscribe().block();
    matches!(trailers.get(), Some(Ok(Ok(_))))
}

/// The body of a request as a stream, and its end.
pub(crate) fn received(body: IncomingBody) -> (ByteStream, End) {
    let is_whole = Rc::new(Cell::new(false));
    let end = End(Some(Rc::clone(&is_whole)));
    let stream = body.stream().ok();
    let received = ReceivedBody {
        stream,
        body: Some(body),
        is_whole,
    };
    (ByteStream(Source::Body(received)), end)
}

/// The end of a body. `None`: the body was complete from the start.
pub struct End(Option<Rc<Cell<bool>>>);

impl End {
    /// The end of a body that is complete from the start.
    pub fn of_whole() -> Self {
        Self(None)
    }

    /// Fails if the body was cut off, or was not read to its end.
    pub async fn whole(self) -> Result<()> {
        match self.0 {
            Some(is_whole) if !is_whole.get() => Err(Error::BrokenOff),
            _ => Ok(()),
        }
    }
}

/// Lets the host receive a stream to its end. As in WASI 0.3, one that broke off ends here: its `End` tells.
pub(crate) async fn stage(mut contents: ByteStream, bytes_max: u64) -> std::result::Result<host::Staged, host::Error> {
    let staging = host::stage(bytes_max)?;
    while let Ok(Some(bytes)) = contents.next().await {
        for piece in bytes.chunks(to_usize(PIECE_BYTES_MAX)) {
            staging.write(piece)?;
        }
    }
    host::Staging::finish(staging)
}

/// Opens a part of a blob. `None`: there is no such blob.
pub(crate) async fn read(
    name: String,
    offset: u64,
    length: u64,
) -> std::result::Result<Option<ByteStream>, host::Error> {
    let contents = host::read(&name, offset, length)?;
    Ok(contents.map(|contents| ByteStream(Source::Blob(contents))))
}

/// Writes a body piece by piece. The reader sets the pace.
pub struct BodyWriter(pub(crate) OutputStream);

impl BodyWriter {
    /// Sends bytes. Fails if the reader has left.
    pub async fn send(&mut self, bytes: Vec<u8>) -> Result<()> {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let room = self.0.check_write().map_err(|_| Error::BrokenOff)?;
            if room == 0 {
                self.0.subscribe().block();
                continue;
            }
            let count = usize::try_from(room).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
            self.0.write(now).map_err(|_| Error::BrokenOff)?;
            rest = later;
        }
        Ok(())
    }
}

type Filling = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A body that is written once the head of its response was sent. If that fails, the body ends like one that was cut off.
pub struct FilledBody(Box<dyn FnOnce(BodyWriter) -> Filling>);

impl FilledBody {
    /// Writes all of it.
    pub(crate) async fn fill(self, writer: BodyWriter) -> Result<()> {
        (self.0)(writer).await
    }
}

/// A body that `fill` writes while it is read.
pub fn filled_by<F>(fill: impl FnOnce(BodyWriter) -> F + 'static) -> FilledBody
where
    F: Future<Output = Result<()>> + 'static,
{
    FilledBody(Box::new(|writer| Box::pin(fill(writer))))
}
