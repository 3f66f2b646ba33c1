//! A body that never ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

/// A body with one byte after every pause, without end.
pub struct Trickle {
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl Trickle {
    /// A body with pauses of this length.
    pub fn every(pause: Duration) -> Self {
        Self {
            pause,
            next: Box::pin(sleep(pause)),
        }
    }
}

impl Body for Trickle {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.next.as_mut().poll(cx).map(|()| {
            let next = Instant::now() + self.pause;
            self.next.as_mut().reset(next);
            Some(Ok(Frame::data(Bytes::from_static(b"x"))))
        })
    }
}
