//! Bodies of `wasi:http`: a stream of bytes, and the result that follows the last of them.

use wit_bindgen::{FutureReader, StreamReader};

use crate::bindings::wasi::http::types::{ErrorCode, Trailers};
use crate::bindings::wit_stream;
use crate::error::{Error, Result};

/// The result that `wasi:http` gives after the last byte of a body.
pub type EndOfBody = std::result::Result<Option<Trailers>, ErrorCode>;

/// The end of a body. `None`: the body was complete from the start.
pub struct End(pub Option<FutureReader<EndOfBody>>);

impl End {
    /// Fails if the body was cut off. Its stream ends like that of a complete body, so only this result
    /// tells.
    pub async fn whole(self) -> Result<()> {
        match self.0 {
            Some(end) => end.await.map(drop).map_err(|_| Error::BrokenOff),
            None => Ok(()),
        }
    }
}

/// A stream of the given bytes.
pub fn stream_of(bytes: Vec<u8>) -> StreamReader<u8> {
    let (mut sender, contents) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        // A reader may stop early. That is no error here: the reader checks the number of bytes.
        let _ = sender.write_all(bytes).await;
    });
    contents
}
