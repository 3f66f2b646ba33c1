//! The body of a request.

use crate::error::Result;
use crate::host::streams::{ByteStream, End, stream_of};

/// The bytes of a request's body.
pub enum Body {
    /// The complete body. The host limits its size.
    Whole(Vec<u8>),
    /// A stream from a client, and the result at its end. The client may break off.
    Received(ByteStream, End),
}

impl Body {
    /// The body as a stream, and its end, which tells if the body was complete.
    pub fn into_stream(self) -> (ByteStream, End) {
        match self {
            Body::Received(contents, end) => (contents, end),
            Body::Whole(bytes) => (stream_of(bytes), End::of_whole()),
        }
    }

    /// Reads the whole body. Fails if it was cut off.
    pub async fn into_whole(self) -> Result<Vec<u8>> {
        match self {
            Body::Whole(bytes) => Ok(bytes),
            Body::Received(contents, end) => {
                let bytes = contents.collect().await?;
                end.whole().await?;
                Ok(bytes)
            }
        }
    }
}
