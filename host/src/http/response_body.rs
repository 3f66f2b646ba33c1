//! The body of a response, from memory or from a stream of chunks.

use std::fmt::Debug;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::convert::to_u64;
use crate::limits::admission::Permit;
use crate::limits::budget::Share;
use crate::storage::BlobStream;

/// The body of an answer: bytes in memory, or a stream, which may fail.
#[derive(Debug, Default)]
pub struct Body {
    rest: Contents,
    /// Shares and permits, dropped after the last byte is sent.
    held: Vec<Box<dyn Held>>,
    /// Ends early a stream whose caller lost the right to it.
    end: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

/// A share or permit that an answer holds until it is sent.
pub(crate) trait Held: Debug + Send + Sync {}

impl<T: Debug + Send + Sync> Held for T {}

/// The last bytes of an answer, with the shares and permits that it holds. An HTTP server drops a body as
/// soon as it has its last frame, long before a slow client has those bytes.
struct OnTheirWay {
    bytes: Bytes,
    _held: Vec<Box<dyn Held>>,
}

impl AsRef<[u8]> for OnTheirWay {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[derive(Debug)]
enum Contents {
    Bytes(Option<Bytes>),
    Stream(Stream),
}

impl Default for Contents {
    fn default() -> Self {
        Self::Bytes(None)
    }
}

/// A chunk of a streamed answer.
#[derive(Debug)]
pub(crate) enum Chunk {
    Bytes(Bytes),
    /// The end of a complete answer. Without it the stream broke off.
    End,
}

/// The source of a stream's chunks.
#[derive(Debug)]
enum Source {
    Component(mpsc::Receiver<Chunk>),
    /// A file. It needs no end marker, because its length is known.
    File(BlobStream),
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        match self {
            Self::Component(chunks) => chunks.poll_recv(cx),
            Self::File(chunks) => chunks
                .poll_recv(cx)
                .map(|chunk| chunk.and_then(Result::ok).map(Chunk::Bytes)),
        }
    }
}

#[derive(Debug)]
struct Stream {
    chunks: Source,
    /// Number of bytes still to come; `None`: unknown.
    left: Option<u64>,
    ended: bool,
}

impl Body {
    /// An empty body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Bytes in memory, with the share that counts them.
    pub(crate) fn counted(bytes: Bytes, share: Share) -> Self {
        let mut body = Self::from(bytes);
        body.hold(share);
        body
    }

    /// Holds a share or permit until the last byte is sent or the client has left.
    pub(crate) fn hold(&mut self, held: impl Held + 'static) {
        self.held.push(Box::new(held));
    }

    /// Breaks off a stream when this token is cancelled.
    pub(crate) fn break_off_on(&mut self, token: CancellationToken) {
        self.end = Some(Box::pin(token.cancelled_owned()));
    }

    /// True if the bytes come as a stream and are not all in memory.
    pub(crate) fn is_streamed(&self) -> bool {
        matches!(self.rest, Contents::Stream(_))
    }

    pub(crate) fn streamed(chunks: mpsc::Receiver<Chunk>, length: Option<u64>) -> Self {
        Self::of(Source::Component(chunks), length)
    }

    /// The first `length` bytes of a stream from a file, which hold a permit until they are sent.
    pub(crate) fn file(chunks: BlobStream, length: u64, permit: Permit) -> Self {
        let mut body = Self::of(Source::File(chunks), Some(length));
        body.hold(permit);
        body
    }

    fn of(chunks: Source, length: Option<u64>) -> Self {
        let rest = Contents::Stream(Stream {
            chunks,
            left: length,
            ended: length == Some(0),
        });
        Self {
            rest,
            ..Self::default()
        }
    }

    /// Changes the bytes of a body in memory, not those of a stream.
    pub(crate) fn map_bytes(&mut self, change: impl FnOnce(Bytes) -> Bytes) {
        if let Contents::Bytes(bytes) = &mut self.rest {
            *bytes = bytes.take().map(change);
        }
    }

    /// Returns the contents of a body in memory; for a stream, no bytes.
    pub fn into_bytes(self) -> Bytes {
        match self.rest {
            Contents::Bytes(bytes) => bytes.unwrap_or_default(),
            Contents::Stream(_) => Bytes::new(),
        }
    }

    /// Number of bytes still to come. `None`: unknown.
    pub fn len(&self) -> Option<u64> {
        match &self.rest {
            Contents::Bytes(bytes) => bytes.as_ref().map_or(0, Bytes::len).try_into().ok(),
            Contents::Stream(stream) => stream.left,
        }
    }

    /// True if no bytes are still to come.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self {
            rest: Contents::Bytes(Some(bytes.into()).filter(|bytes| !bytes.is_empty())),
            ..Self::default()
        }
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.chunks.poll(cx).map(|chunk| match chunk {
            Some(Chunk::Bytes(bytes)) => {
                let count = to_u64(bytes.len());
                self.left = self.left.map(|left| left.saturating_sub(count));
                self.ended = self.left == Some(0);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Chunk::End) if self.left.unwrap_or(0) == 0 => {
                self.ended = true;
                None
            }
            _ => self.broken(),
        })
    }

    fn break_off(&mut self) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(if self.ended { None } else { self.broken() })
    }

    fn broken(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        self.ended = true;
        let error = io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off");
        Some(Err(error))
    }
}

fn is_over(end: &mut Option<Pin<Box<WaitForCancellationFutureOwned>>>, cx: &mut Context<'_>) -> bool {
    end.as_mut().is_some_and(|end| end.as_mut().poll(cx).is_ready())
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let mut end = self.end.take();
        let next = match &mut self.rest {
            Contents::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Contents::Stream(stream) if is_over(&mut end, cx) => stream.break_off(),
            Contents::Stream(stream) => stream.poll(cx),
        };
        self.end = end;
        if !self.is_end_stream() || self.held.is_empty() {
            return next;
        }
        next.map_ok(|last| {
            let _held = mem::take(&mut self.held);
            last.map_data(|bytes| Bytes::from_owner(OnTheirWay { bytes, _held }))
        })
    }

    fn is_end_stream(&self) -> bool {
        match &self.rest {
            Contents::Bytes(bytes) => bytes.is_none(),
            Contents::Stream(stream) => stream.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.len().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn permits_are_held_until_the_last_byte_is_dropped() {
        let (sender, chunks) = mpsc::channel(2);
        for chunk in ["a", "b"] {
            sender.send(Chunk::Bytes(chunk.into())).await.unwrap();
        }
        for mut body in [Body::from("ab"), Body::streamed(chunks, Some(2))] {
            let held = Arc::new(());
            body.hold(Arc::clone(&held));
            let mut last = None;
            while let Some(frame) = body.frame().await {
                last = frame.unwrap().into_data().ok();
            }
            drop(body);
            let half = last.take().unwrap().slice(1..);
            assert_eq!(Arc::strong_count(&held), if half.is_empty() { 1 } else { 2 });
            drop(half);
            assert_eq!(Arc::strong_count(&held), 1);
        }
    }
}
