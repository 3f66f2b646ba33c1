//! The body of a request.

use wit_bindgen::{FutureReader, StreamReader};

use crate::error::Result;
use crate::host::http_body::{End, EndOfBody, stream_of};

/// Bytes on their way in.
pub enum Body {
    /// All of them: the host bounds their number.
    Whole(Vec<u8>),
    /// As they come from a client, which may break off.
    Received(StreamReader<u8>, FutureReader<EndOfBody>),
}

impl Body {
    /// The bytes as a stream, and what tells whether it came to its end.
    pub fn into_stream(self) -> (StreamReader<u8>, End) {
        match self {
            Body::Received(contents, end) => (contents, End(Some(end))),
            Body::Whole(bytes) => (stream_of(bytes), End(None)),
        }
    }

    /// All bytes.
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
