//! A request body with a size limit and an idle timeout. When dropped, it returns the unread rest to the
//! host, which may drain it.

use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::oneshot;
use wasmtime_wasi_http::p3::bindings::http::types::ErrorCode;

use super::error::HttpError;
use crate::convert::to_u64;
use crate::limits::idle_timeout::IdleTimeout;
use crate::limits::pace::{Pace, PacedPolls};
use crate::storage::quota::Reservation;

/// The body of a client's request, from a socket or an embedder.
pub(crate) type Inbound = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// The host's handle on a body that the component reads: the unread rest, and the error of the body.
pub(crate) struct LimitedBodyHandle {
    rest: oneshot::Receiver<Inbound>,
    error: Arc<OnceLock<HttpError>>,
}

impl LimitedBodyHandle {
    /// The error of the body, if one is known by now.
    pub(crate) fn error(&self) -> Option<HttpError> {
        self.error.get().cloned()
    }

    /// Returns the part that the component did not read. `None`: the component read all, or still reads after
    /// `time`.
    pub(crate) async fn rest(self, time: Duration) -> Option<Inbound> {
        tokio::time::timeout(time, self.rest).await.ok()?.ok()
    }
}

/// The body that the component reads.
pub(crate) struct LimitedBody {
    body: Option<Inbound>,
    back: Option<oneshot::Sender<Inbound>>,
    error: Arc<OnceLock<HttpError>>,
    bytes_max: u64,
    bytes_left: u64,
    room: Option<Reservation>,
    polls: PacedPolls,
    progress: IdleTimeout,
}

impl LimitedBody {
    /// A body of at most `bytes_max` bytes, at this pace.
    pub(crate) fn new(body: Inbound, bytes_max: u64, pace: Pace, progress: IdleTimeout) -> (Self, LimitedBodyHandle) {
        let (back, rest) = oneshot::channel();
        let error = Arc::new(OnceLock::new());
        let limited = Self {
            body: Some(body),
            back: Some(back),
            error: Arc::clone(&error),
            bytes_max,
            bytes_left: bytes_max,
            room: None,
            polls: PacedPolls::new(pace),
            progress,
        };
        (limited, LimitedBodyHandle { rest, error })
    }

    /// Also bounds the body by the reserved room in the project.
    pub(crate) fn with_reservation(mut self, room: Option<Reservation>) -> Self {
        self.room = room;
        self
    }

    fn take(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, ErrorCode> {
        self.progress.touch();
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.polls.moved(bytes);
        let bytes = to_u64(bytes);
        match self.bytes_left.checked_sub(bytes) {
            Some(left) => self.bytes_left = left,
            None => return Err(self.fail(HttpError::BodyTooLarge(self.bytes_max))),
        }
        if let Some(room) = &self.room
            && !room.draw(bytes)
        {
            let bytes_max = room.bytes_max();
            return Err(self.fail(HttpError::ProjectFull(bytes_max)));
        }
        Ok(frame)
    }

    fn fail(&self, refusal: HttpError) -> ErrorCode {
        _ = self.error.set(refusal);
        ErrorCode::HttpProtocolError
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        match Pin::new(body).poll_frame(cx) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(self.take(frame))),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(self.fail(HttpError::BodyBroken)))),
            Poll::Pending if self.polls.poll_exhausted(cx).is_ready() => {
                Poll::Ready(Some(Err(self.fail(HttpError::BodyStalled))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(|body| body.is_end_stream())
    }
}

impl Drop for LimitedBody {
    fn drop(&mut self) {
        if let Some((body, back)) = self.body.take().zip(self.back.take()) {
            // The host may have stopped waiting.
            _ = back.send(body);
        }
    }
}
