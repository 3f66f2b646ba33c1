//! Multipart uploads: a file that is sent in several requests and exists once they are complete.

use std::fmt;

use super::artifact::ArtifactPath;
use super::id::RunId;
use super::limits::{CLOCK_SLACK_MS, UPLOAD_LIFE_MS, UPLOAD_PARTS_MAX};
use crate::error::{Error, Result};

/// An upload's id: 16 random bytes, written as 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadId(pub [u8; 16]);

impl UploadId {
    /// Reads an id as `Display` writes it. Any other text is not found.
    pub fn parse(text: &str) -> Result<Self> {
        let id = RunId::parse(text).map_err(|_| not_found(text))?;
        Ok(UploadId(id.0))
    }

    /// The error for an id that names no current upload of this project.
    pub fn not_found(self) -> Error {
        not_found(&self.to_string())
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound(format!(
        "No upload in parts has the ID '{}': it never began, or was given up.",
        id.chars().take(100).collect::<String>()
    ))
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        RunId(self.0).fmt(f)
    }
}

/// The number of a part: 1, 2, 3…
pub type PartNumber = u32;

/// A multipart upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The path of the completed file.
    pub path: ArtifactPath,
    /// Number of parts.
    pub parts: PartNumber,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// True if the upload was completed. It is remembered for a client that missed the answer and asks again.
    pub is_done: bool,
    /// The host's name of a direct upload, whose parts go to the store. `None`: the parts come to the host.
    pub direct: Option<String>,
}

impl Upload {
    /// Checks the number of parts that a caller asks for.
    pub fn part_count(count: i64) -> Result<PartNumber> {
        let fits = PartNumber::try_from(count).ok();
        fits.filter(|count| (1..=UPLOAD_PARTS_MAX).contains(count)).ok_or_else(|| {
            Error::Invalid(format!(
                "Invalid value {count} for parameter 'num_parts' supplied: a file has 1 to {UPLOAD_PARTS_MAX} parts."
            ))
        })
    }

    /// The time at which the upload expires, in milliseconds since the Unix epoch.
    pub fn expires_ms(&self) -> i64 {
        self.creation_time_ms.saturating_add(UPLOAD_LIFE_MS)
    }

    /// True if the upload still accepts requests. If the clock was set back, an upload may begin in the
    /// future. It ends at once when that is more than `CLOCK_SLACK_MS`, since it would live too long.
    pub fn is_alive(&self, now_ms: i64) -> bool {
        self.creation_time_ms <= now_ms.saturating_add(CLOCK_SLACK_MS) && now_ms < self.expires_ms()
    }

    /// Fails for a number that is not one of its parts.
    pub fn must_have_part(&self, number: PartNumber) -> Result<()> {
        if (1..=self.parts).contains(&number) {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "Part {number} is none of this upload, which has {} parts.",
            self.parts
        )))
    }

    /// Fails unless `sent` are all of its parts, in their order.
    pub fn must_be_all(&self, sent: &[SentPart]) -> Result<()> {
        if sent.iter().map(|part| part.number).eq(1..=self.parts) {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "'parts' must name the parts 1 to {} of the upload, each once and in this order.",
            self.parts
        )))
    }
}

/// A part as a client names it when it completes an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentPart {
    /// From 1.
    pub number: PartNumber,
    /// The `ETag` that the client got for it, without quotes.
    pub etag: String,
}

impl SentPart {
    /// Reads the number and `ETag` of a part.
    pub fn parse(number: i64, etag: &str) -> Result<Self> {
        let etag = etag.trim_matches('"');
        match PartNumber::try_from(number) {
            Ok(number) if (1..=ETAG_BYTES_MAX).contains(&etag.len()) => Ok(Self {
                number,
                etag: etag.to_owned(),
            }),
            _ => Err(invalid_part()),
        }
    }

    /// The part as this server stored it. An ETag that this server cannot have issued is invalid.
    pub fn named(&self) -> Result<NamedPart> {
        NamedPart::parse(self.number.into(), &self.etag)
    }
}

fn invalid_part() -> Error {
    Error::Invalid("Each of 'parts' has the 'part_number' and the 'etag' that were given for it.".to_owned())
}

/// A stored part, by its number and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPart {
    /// From 1.
    pub number: PartNumber,
    /// SHA-256 of its bytes, as 64 lower-case hex digits. It differs from that of any other bytes.
    pub digest: String,
}

/// Maximum length of an `ETag`. Stores use up to 40 characters.
const ETAG_BYTES_MAX: usize = 200;
/// Length of a SHA-256 in hex digits.
const DIGEST_CHARS: usize = 64;

impl NamedPart {
    /// Reads the ETag that a client got for a part. An ETag that this server cannot have issued is invalid.
    pub fn parse(number: i64, tag: &str) -> Result<Self> {
        let digest = tag.trim_matches('"');
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let number = PartNumber::try_from(number).ok();
        match number {
            Some(number) if digest.len() == DIGEST_CHARS && digest.bytes().all(is_hex) => Ok(NamedPart {
                number,
                digest: digest.to_owned(),
            }),
            _ => Err(invalid_part()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_upload_id_reads_back() {
        let id = UploadId([171; 16]);
        assert_eq!(UploadId::parse(&id.to_string()), Ok(id));
        for bad in ["", "../x", &"é".repeat(500)] {
            assert!(matches!(UploadId::parse(bad), Err(Error::NotFound(_))));
        }
    }

    #[test]
    fn all_parts_are_named_once_and_in_order() {
        let upload = Upload {
            path: ArtifactPath::kept("a".to_owned()),
            parts: 3,
            creation_time_ms: 0,
            is_done: false,
            direct: None,
        };
        let named = |numbers: &[i64]| {
            let parts = numbers.iter().map(|number| SentPart::parse(*number, &"a".repeat(64)));
            upload.must_be_all(&parts.collect::<Result<Vec<_>>>().unwrap()).is_ok()
        };
        assert!(named(&[1, 2, 3]));
        for other in [
            &[][..],
            &[1, 2],
            &[1, 3, 2],
            &[1, 2, 2],
            &[1, 2, 3, 4],
            &[0, 1, 2, 3],
            &[2, 3],
        ] {
            assert!(!named(other), "{other:?}");
        }
    }

    #[test]
    fn a_tag_is_a_digest_and_never_a_path() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(NamedPart::parse(1, &format!("\"{digest}\"")).unwrap().digest, digest);
        for tag in [
            "",
            "\"\"",
            "../../x",
            &digest[1..],
            &digest.to_uppercase(),
            &format!("{digest}0"),
        ] {
            assert!(NamedPart::parse(1, tag).is_err(), "{tag}");
        }
        assert!(NamedPart::parse(-1, &digest).is_err());
    }
}
