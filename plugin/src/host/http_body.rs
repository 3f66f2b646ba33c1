//! Bodies of `wasi:http`: a stream of bytes, and what follows the last of them.

use wit_bindgen::{FutureReader, StreamReader};

use crate::bindings::wasi::http::types::{ErrorCode, Trailers};
use crate::bindings::wit_stream;
use crate::error::{Error, Result};

/// What `wasi:http` says after the last byte of a body.
pub type EndOfBody = std::result::Result<Option<Trailers>, ErrorCode>;

/// What follows the last byte of a body.
pub struct End(pub Option<FutureReader<EndOfBody>>);

impl End {
    /// Refuses a body that was cut: it ends its stream like a whole one, and only here does it show.
    pub async fn whole(self) -> Result<()> {
        match self.0 {
            Some(end) => end.await.map(drop).map_err(|_| Error::BrokenOff),
            None => Ok(()),
        }
    }
}

/// A stream of bytes that are here already.
pub fn stream_of(bytes: Vec<u8>) -> StreamReader<u8> {
    let (mut sender, contents) = wit_stream::new();
    wit_bindgen::spawn_local(async move {
        // What the reader does not take is not missed: it is the one who counts bytes.
        let _ = sender.write_all(bytes).await;
    });
    contents
}
