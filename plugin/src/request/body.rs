//! The body of a request.

use wit_bindgen::{FutureReader, StreamReader};

use crate::error::Result;
use crate::host::http_body::{End, EndOfBody, stream_of};

/// The bytes of a request's body.
pub enum Body {
    /// The complete body. The host limits its size.
    Whole(Vec<u8>),
    /// A stream from a client, and the result at its end. The client may break off.
    Received(StreamReader<u8>, FutureReader<EndOfBody>),
}

impl Body {
    /// The body as a stream, and its end, which tells if the body was complete.
    pub fn into_stream(self) -> (StreamReader<u8>, End) {
        match self {
            Body::Received(contents, end) => (contents, End(Some(end))),
            Body::Whole(bytes) => (stream_of(bytes), End(None)),
        }
    }

    /// Reads the whole body. Fails if it was cut off.
    pub async fn into_whole(self) -> Result<Vec<u8>> {
        match self {
            Body::Whole(bytes) => Ok(bytes),
            Body::Received(contents, end) => {
                let bytes = contents.collect().await;
                End(Some(end)).whole().await?;
                Ok(bytes)
            }
        }
    }
}
