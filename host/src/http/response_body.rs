//! The body of a response, from memory or from a stream of chunks.

use std::fmt::Debug;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::limits::admission::Permit;
use crate::limits::budget::Share;
use crate::storage::BlobStream;

/// The body of an answer: bytes in memory, or a stream, which may fail.
#[derive(Debug, Default)]
pub struct Body {
    rest: Rest,
    /// Shares and permits, dropped after the last byte is sent.
    held: Vec<Box<dyn Held>>,
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
enum Rest {
    Bytes(Option<Bytes>),
    Stream(Stream),
}

impl Default for Rest {
    fn default() -> Self {
        Self::Bytes(None)
    }
}

/// A chunk of a streamed answer.
#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Bytes),
    /// The end of a complete answer. Without it the stream broke off.
    End,
}

/// The source of a stream's chunks.
#[derive(Debug)]
enum Source {
    Component(mpsc::Receiver<Piece>),
    /// A file. It needs no end marker, because its length is known.
    File(BlobStream),
}

impl Source {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Piece>> {
        match self {
            Self::Component(pieces) => pieces.poll_recv(cx),
            Self::File(pieces) => pieces
                .poll_recv(cx)
                .map(|piece| piece.and_then(Result::ok).map(Piece::Bytes)),
        }
    }
}

#[derive(Debug)]
struct Stream {
    pieces: Source,
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

    /// True if the bytes come as a stream and are not all in memory.
    pub(crate) fn is_streamed(&self) -> bool {
        matches!(self.rest, Rest::Stream(_))
    }

    pub(crate) fn streamed(pieces: mpsc::Receiver<Piece>, length: Option<u64>) -> Self {
        Self::of(Source::Component(pieces), length)
    }

    /// The first `length` bytes of a stream from a file, which hold a permit until they are sent.
    pub(crate) fn file(pieces: BlobStream, length: u64, permit: Permit) -> Self {
        let mut body = Self::of(Source::File(pieces), Some(length));
        body.hold(permit);
        body
    }

    fn of(pieces: Source, length: Option<u64>) -> Self {
        let rest = Rest::Stream(Stream {
            pieces,
            left: length,
            ended: length == Some(0),
        });
        Self {
            rest,
            ..Self::default()
        }
    }

    /// Returns the contents of a body in memory; for a stream, no bytes.
    pub fn into_bytes(self) -> Bytes {
        match self.rest {
            Rest::Bytes(bytes) => bytes.unwrap_or_default(),
            Rest::Stream(_) => Bytes::new(),
        }
    }

    /// Number of bytes still to come. `None`: unknown.
    pub fn len(&self) -> Option<u64> {
        match &self.rest {
            Rest::Bytes(bytes) => bytes.as_ref().map_or(0, Bytes::len).try_into().ok(),
            Rest::Stream(stream) => stream.left,
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
            rest: Rest::Bytes(Some(bytes.into()).filter(|bytes| !bytes.is_empty())),
            ..Self::default()
        }
    }
}

impl Stream {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.pieces.poll(cx).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => {
                let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                self.left = self.left.map(|left| left.saturating_sub(count));
                self.ended = self.left == Some(0);
                Some(Ok(Frame::data(bytes)))
            }
            Some(Piece::End) if self.left.unwrap_or(0) == 0 => {
                self.ended = true;
                None
            }
            _ => {
                self.ended = true;
                Some(Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the answer broke off",
                )))
            }
        })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let next = match &mut self.rest {
            Rest::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Rest::Stream(stream) => stream.poll(cx),
        };
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
            Rest::Bytes(bytes) => bytes.is_none(),
            Rest::Stream(stream) => stream.ended,
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
        let (sender, pieces) = mpsc::channel(2);
        for piece in ["a", "b"] {
            sender.send(Piece::Bytes(piece.into())).await.unwrap();
        }
        for mut body in [Body::from("ab"), Body::streamed(pieces, Some(2))] {
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
