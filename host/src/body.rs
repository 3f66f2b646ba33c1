//! The body of an answer. It knows nothing of where the bytes come from.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::budget::Share;

/// The bytes of an answer: all at once now; later also a stream, which is why it may fail.
#[derive(Debug, Default)]
pub struct Body {
    rest: Option<Bytes>,
    /// Counts the bytes for as long as they are in memory.
    _share: Option<Share>,
}

impl Body {
    /// No bytes.
    pub fn empty() -> Self {
        Self::default()
    }

    pub(crate) fn counted(bytes: Bytes, share: Share) -> Self {
        Self {
            _share: Some(share),
            ..Self::from(bytes)
        }
    }

    /// The whole contents, when they are in memory.
    pub fn into_bytes(self) -> Bytes {
        self.rest.unwrap_or_default()
    }

    /// How many bytes are still to come.
    pub fn len(&self) -> usize {
        self.rest.as_ref().map_or(0, Bytes::len)
    }

    /// Nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self {
            rest: Some(bytes.into()).filter(|bytes| !bytes.is_empty()),
            _share: None,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.rest.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.len()).unwrap_or(u64::MAX))
    }
}
