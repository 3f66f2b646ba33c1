//! The keys of uploads in parts.

use super::Key;
use crate::domain::upload::UploadId;
use crate::host::records::Span;

/// Key of an upload.
pub fn upload(id: UploadId) -> Vec<u8> {
    let mut key = Key::new(b'x').0;
    key.extend_from_slice(&id.0);
    key
}

/// Span of all uploads.
pub fn all_uploads() -> Span {
    Span::of_prefix(Key::new(b'x').0)
}

/// Returns the upload of a key.
pub fn upload_of(key: &[u8]) -> Option<UploadId> {
    let id = key.strip_prefix(b"x")?;
    id.try_into().ok().map(UploadId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_upload_reads_back() {
        let id = UploadId([255; 16]);
        assert_eq!(upload_of(&upload(id)), Some(id));
        let all = all_uploads();
        assert!(all.start <= upload(UploadId([0; 16])) && upload(id) < all.end);
        for other in [&b"x"[..], b"y0123456789abcdef", b"x0123456789abcdefg"] {
            assert_eq!(upload_of(other), None);
        }
    }
}
