//! The parts of an incomplete multipart upload, as the store lists them.

use anyhow::Context as _;

use super::answer::element;

/// A part that the store has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredPart {
    /// From 1.
    pub(super) number: u32,
    /// The `ETag`, with the quotes that the store gives it.
    pub(super) etag: String,
    pub(super) size: u64,
}

/// Reads an answer to `ListParts`, and whether these are the last parts.
pub(super) fn read(answer: &str) -> anyhow::Result<(Vec<StoredPart>, bool)> {
    let parts = answer.split("<Part>").skip(1).map(|part| {
        let text = |name| element(part, name).with_context(|| format!("there is no {name} in {part}"));
        Ok(StoredPart {
            number: text("PartNumber")?.parse()?,
            etag: plain(text("ETag")?),
            size: text("Size")?.parse()?,
        })
    });
    let parts = parts.collect::<anyhow::Result<_>>()?;
    Ok((parts, element(answer, "IsTruncated") != Some("true")))
}

/// The bytes of an `ETag` without quotes around them.
pub(super) fn bare(etag: &str) -> &str {
    etag.trim().trim_matches('"')
}

/// The text that XML wrote with entities.
fn plain(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn parts_are_read_with_their_sizes_and_etags() {
        let answer = "<ListPartsResult><PartNumberMarker>0</PartNumberMarker><IsTruncated>true</IsTruncated>\
                      <Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag><Size>5</Size></Part>\
                      <Part><ETag>\"b\"</ETag><Size>0</Size><PartNumber>3</PartNumber></Part></ListPartsResult>";
        let part = |number, etag: &str, size| StoredPart {
            number,
            etag: etag.to_owned(),
            size,
        };
        let (parts, is_last) = read(answer).unwrap();
        assert_eq!(parts, [part(1, "\"a\"", 5), part(3, "\"b\"", 0)]);
        assert!(!is_last && read("<ListPartsResult></ListPartsResult>").unwrap().1);
        assert!(read("<Part><PartNumber>x</PartNumber></Part>").is_err());
        assert_eq!((bare("\"b\""), bare("b")), ("b", "b"));
    }
}
