//! The stored form of uploads in parts.

use super::{Reader, Writer};
use crate::domain::artifact::ArtifactPath;
use crate::domain::upload::Upload;
use crate::error::Result;

/// The bit of the first byte of a direct upload, which also has the host's name of it.
const DIRECT: u8 = 2;

/// Writes an upload; its id is in the key.
pub fn write_upload(upload: &Upload) -> Vec<u8> {
    let direct = if upload.direct.is_some() { DIRECT } else { 0 };
    let writer = Writer::new()
        .byte(u8::from(upload.is_done) | direct)
        .number(upload.parts.into())
        .signed(upload.creation_time_ms)
        .text(upload.path.as_str());
    match &upload.direct {
        Some(id) => writer.text(id).0,
        None => writer.0,
    }
}

/// Reads an upload.
pub fn read_upload(bytes: &[u8]) -> Result<Upload> {
    let mut reader = Reader::new("upload", bytes)?;
    let state = reader.byte()?;
    let is_done = match state & !DIRECT {
        0 => false,
        1 => true,
        _ => return Err(reader.corrupt()),
    };
    let upload = Upload {
        is_done,
        parts: reader.number()?.try_into().map_err(|_| reader.corrupt())?,
        creation_time_ms: reader.signed()?,
        path: ArtifactPath::kept(reader.text()?),
        direct: match state & DIRECT {
            0 => None,
            _ => Some(reader.text()?),
        },
    };
    reader.end(upload)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_upload_reads_back(
            is_done in any::<bool>(), parts in any::<u32>(), creation_time_ms in any::<i64>(), direct in any::<Option<String>>(),
        ) {
            let path = ArtifactPath::kept("a/b".to_owned());
            let upload = Upload { path, parts, creation_time_ms, is_done, direct };
            prop_assert_eq!(read_upload(&write_upload(&upload)), Ok(upload));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = super::super::VERSION;
            }
            let _ = read_upload(&bytes);
        }
    }
}
