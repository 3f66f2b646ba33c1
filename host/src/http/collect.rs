//! Collects a whole body, within bounds. It comes from a client, which may be slow or endless, or from the
//! component.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout};

use crate::convert::to_u64;
use crate::limits::budget::{Exhausted, Share};
use crate::limits::pace::{Pace, TimeBudget};

/// The reason why a body was not collected.
#[derive(Debug)]
pub(crate) enum CollectError {
    /// The body has more bytes than allowed.
    TooLarge,
    /// The share of the memory for bodies is used up.
    NoRoom(Exhausted),
    /// The sender stopped, or sends too slowly.
    Stalled,
    /// The body broke off.
    Broken(String),
}

/// Bounds on a collected body.
pub(crate) struct CollectLimits<'a> {
    pub(crate) bytes_max: usize,
    pub(crate) pace: Pace,
    pub(crate) share: &'a mut Share,
}

/// Reads a body to its end.
pub(crate) async fn collect<B>(body: B, limits: CollectLimits<'_>) -> Result<Bytes, CollectError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    let mut body = body;
    let mut whole = Whole::Nothing;
    let mut left = limits.bytes_max;
    if body.size_hint().lower() > to_u64(left) {
        return Err(CollectError::TooLarge);
    }
    let mut time = TimeBudget::new(limits.pace);
    loop {
        let waiting = Instant::now();
        let next = timeout(time.left(), body.frame()).await;
        let Some(frame) = next.map_err(|_| CollectError::Stalled)? else {
            return Ok(whole.into_bytes());
        };
        let Ok(chunk) = frame
            .map_err(|error| CollectError::Broken(error.to_string()))?
            .into_data()
        else {
            continue;
        };
        left = left.checked_sub(chunk.len()).ok_or(CollectError::TooLarge)?;
        time.moved(chunk.len(), waiting.elapsed());
        // The announced length is reserved at once, because growing step by step takes up to twice the
        // memory.
        let rest = usize::try_from(body.size_hint().lower())
            .unwrap_or(usize::MAX)
            .min(left);
        whole = whole.with(chunk, rest);
        let taken = whole.capacity().min(limits.bytes_max);
        let missing = taken.saturating_sub(limits.share.taken());
        limits.share.grow(missing).map_err(CollectError::NoRoom)?;
    }
}

/// Drains the body of a rejected request, up to `bytes_max` bytes and for at most `time`. Otherwise the
/// connection would be closed on unread bytes and reset, and the client would not see the answer.
pub(crate) async fn drain<B: Body<Data = Bytes> + Unpin>(body: B, bytes_max: usize, time: Duration) {
    let mut body = body;
    let mut left = bytes_max;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            let Some(rest) = left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else {
                return;
            };
            left = rest;
        }
    };
    _ = timeout(time, read).await;
}

/// A body that is being collected. Most bodies come in one chunk, which is not copied.
enum Whole {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Whole {
    /// Appends a chunk. `rest` bytes of the body are still to come.
    fn with(self, chunk: Bytes, rest: usize) -> Self {
        match self {
            Whole::Nothing => Whole::One(chunk),
            Whole::One(first) => {
                let bytes = first.len().saturating_add(chunk.len()).saturating_add(rest);
                let mut joined = BytesMut::with_capacity(bytes);
                joined.extend_from_slice(&first);
                joined.extend_from_slice(&chunk);
                Whole::Many(joined)
            }
            Whole::Many(mut joined) => {
                joined.extend_from_slice(&chunk);
                Whole::Many(joined)
            }
        }
    }

    /// Number of bytes of memory that it takes.
    fn capacity(&self) -> usize {
        match self {
            Whole::Nothing => 0,
            Whole::One(chunk) => chunk.len(),
            Whole::Many(joined) => joined.capacity(),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Whole::Nothing => Bytes::new(),
            Whole::One(chunk) => chunk,
            Whole::Many(joined) => joined.freeze(),
        }
    }
}
