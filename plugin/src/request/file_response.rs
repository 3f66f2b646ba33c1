//! Responses with files: whole, in part, or not at all if the caller has them already.

use crate::domain::artifact::ArtifactPath;
use crate::error::{Error, Result};
use crate::host::blobs::{self, FileInfo};
use crate::request::file_treatment::Treatment;
use crate::request::range::RangeRequest;
use crate::request::response::{Answer, Contents};
use crate::store::artifacts;

/// Number of bytes at the beginning of a file that tell its type.
const START_BYTES: u64 = 64;

/// Serves a file or the requested part of it as a download, or answers that the caller already has it.
pub async fn serve(path: &ArtifactPath, wanted: &RangeRequest) -> Result<Answer> {
    answer(path, wanted, Treatment::download(path)).await
}

/// Does the same for a page, which shows the file if its bytes are those of a picture, sound, film, document or text.
pub async fn show(path: &ArtifactPath, wanted: &RangeRequest) -> Result<Answer> {
    let (_, start) = artifacts::start_of(path, START_BYTES).await?;
    answer(path, wanted, Treatment::shown(path, &start)).await
}

/// Does the same for a frame of a page, in which HTML is shown as such, in a sandbox.
pub async fn show_framed(path: &ArtifactPath, wanted: &RangeRequest) -> Result<Answer> {
    let (info, start) = artifacts::start_of(path, START_BYTES).await?;
    answer(path, wanted, Treatment::framed(path, info, &start)).await
}

async fn answer(path: &ArtifactPath, wanted: &RangeRequest, treatment: Treatment) -> Result<Answer> {
    if wanted.head_only || !wanted.if_none_match.is_empty() {
        let (_, info) = artifacts::find(path).await?;
        if matches(&wanted.if_none_match, &tag(info)) {
            return Ok(Answer::not_modified(headers(path, info, treatment)));
        }
        if wanted.head_only {
            let mut answer = Answer::file(
                treatment.kind,
                headers(path, info, treatment),
                Contents::Whole(Vec::new()),
            );
            answer.headers.push(("content-length", info.size.to_string()));
            return Ok(answer);
        }
    }
    let (info, part, body) = contents(path, wanted).await?;
    let mut headers = headers(path, info, treatment);
    headers.push(("content-length", part.length.to_string()));
    if !part.is_range {
        return Ok(Answer::file(treatment.kind, headers, body));
    }
    let last = part.offset + part.length.saturating_sub(1);
    headers.push(("content-range", format!("bytes {}-{last}/{}", part.offset, info.size)));
    Ok(Answer::file_part(treatment.kind, headers, body))
}

/// The file's metadata, the requested part, and its bytes or the description from which the host sends them.
async fn contents(path: &ArtifactPath, wanted: &RangeRequest) -> Result<(FileInfo, Part, Contents)> {
    if wanted.by_host {
        let (place, info) = artifacts::find(path).await?;
        let part = part(wanted, info)?;
        let body = Contents::File(blobs::part(&place, info, part.offset, part.length));
        return Ok((info, part, body));
    }
    let opened = artifacts::open(path, |info| {
        let part = part(wanted, info)?;
        Ok((part.offset, part.length))
    })
    .await?;
    let part = part(wanted, opened.info)?;
    Ok((opened.info, part, Contents::Stream(opened.contents)))
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    offset: u64,
    length: u64,
    is_range: bool,
}

/// The requested part of a file. An invalid range is ignored, as HTTP demands.
fn part(wanted: &RangeRequest, info: FileInfo) -> Result<Part> {
    let whole = Part {
        offset: 0,
        length: info.size,
        is_range: false,
    };
    let is_same = wanted.if_range.is_empty() || wanted.if_range == tag(info);
    let range = wanted.range.strip_prefix("bytes=").filter(|_| is_same);
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else {
        return Ok(whole);
    };
    let (offset, end) = match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => (first, info.size),
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(info.size)),
        (None, Some(count)) if first.is_empty() => (info.size.saturating_sub(count), info.size),
        _ => return Ok(whole),
    };
    if offset >= end {
        return Err(Error::OutOfRange(info.size));
    }
    Ok(Part {
        offset,
        length: end - offset,
        is_range: true,
    })
}

fn number(digits: &str) -> Option<u64> {
    let digits =
        Some(digits).filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    // A number too large for 64 bits is after the end of every file.
    Some(digits.parse().unwrap_or(u64::MAX))
}

/// The ETag. It changes with the file, since a file is only ever replaced as a whole.
fn tag(info: FileInfo) -> String {
    format!("\"{:x}-{:x}\"", info.modified_ms, info.size)
}

fn matches(if_none_match: &str, tag: &str) -> bool {
    let mut named = if_none_match.split(',').map(str::trim);
    named.any(|named| named == "*" || named.strip_prefix("W/").unwrap_or(named) == tag)
}

fn headers(path: &ArtifactPath, info: FileInfo, treatment: Treatment) -> Vec<(&'static str, String)> {
    vec![
        ("accept-ranges", "bytes".to_owned()),
        ("cache-control", "private, no-cache".to_owned()),
        ("content-disposition", disposition(path.name(), treatment.is_inline)),
        ("content-security-policy", treatment.policy.to_owned()),
        ("etag", tag(info)),
        ("x-content-type-options", "nosniff".to_owned()),
    ]
}

/// The header `content-disposition`. It has the name in ASCII and encoded by RFC 6266, since not every client knows the
/// second form.
pub fn disposition(name: &str, is_inline: bool) -> String {
    let mut text = if is_inline { "inline" } else { "attachment" }.to_owned();
    text.push_str("; filename=\"");
    // Some clients decode a percent sign. A quote ends the text, and a backslash may hide its end.
    let plain = |c: &char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    text.extend(name.chars().map(|c| if plain(&c) { c } else { '_' }));
    text.push_str("\"; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const INFO: FileInfo = FileInfo {
        size: 10,
        modified_ms: 255,
    };

    fn range(range: &str) -> Result<(u64, u64, bool)> {
        let wanted = RangeRequest {
            range: range.to_owned(),
            ..RangeRequest::default()
        };
        part(&wanted, INFO).map(|part| (part.offset, part.length, part.is_range))
    }

    #[test]
    fn one_range_is_served() {
        assert_eq!(range("bytes=0-0"), Ok((0, 1, true)));
        assert_eq!(range("bytes=2-"), Ok((2, 8, true)));
        assert_eq!(range("bytes=-3"), Ok((7, 3, true)));
        assert_eq!(range("bytes=-30"), Ok((0, 10, true)));
        assert_eq!(range("bytes=5-99999999999999999999999"), Ok((5, 5, true)));
    }

    #[test]
    fn an_invalid_range_means_the_whole_file() {
        for other in [
            "",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=4-3",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert_eq!(range(other), Ok((0, 10, false)), "{other}");
        }
    }

    #[test]
    fn a_range_after_the_end_is_refused_with_the_size() {
        for behind in ["bytes=10-", "bytes=10-11", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(range(behind), Err(Error::OutOfRange(10)), "{behind}");
        }
    }

    #[test]
    fn a_range_of_another_version_of_the_file_is_ignored() {
        let with = |if_range: &str| {
            let wanted = RangeRequest {
                range: "bytes=1-2".to_owned(),
                if_range: if_range.to_owned(),
                ..RangeRequest::default()
            };
            part(&wanted, INFO).unwrap().is_range
        };
        assert!(with("\"ff-a\"") && !with("\"fe-a\"") && !with("W/\"ff-a\""));
    }

    #[test]
    fn an_etag_is_found_in_a_list() {
        let tag = tag(INFO);
        assert_eq!(tag, "\"ff-a\"");
        assert!(matches("\"x\", W/\"ff-a\"", &tag) && matches("*", &tag));
        assert!(!matches("", &tag) && !matches("ff-a", &tag) && !matches("\"ff-ab\"", &tag));
    }

    #[test]
    fn a_download_has_its_name_in_two_forms() {
        for (name, plain, encoded) in [
            ("a b.txt", "a b.txt", "a%20b.txt"),
            ("größe.txt", "gr__e.txt", "gr%C3%B6%C3%9Fe.txt"),
            ("x\"; filename=y", "x_; filename=y", "x%22%3B%20filename%3Dy"),
            ("a\\b%41", "a_b_41", "a%5Cb%2541"),
        ] {
            let expected = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}");
            assert_eq!(disposition(name, false), expected);
        }
    }

    proptest! {
        #[test]
        fn no_name_escapes_its_quotes(name in "[^/]{0,20}") {
            let text = disposition(&name, false);
            let inner = text.strip_prefix("attachment; filename=\"").unwrap();
            let (plain, rest) = inner.split_once('"').unwrap();
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !plain.contains('\\'));
            prop_assert!(rest.starts_with("; filename*=UTF-8''") && !rest.contains(['"', '\\']));
        }

        #[test]
        fn any_range_lies_in_the_file(range in "bytes=[0-9,-]{0,6}") {
            let wanted = RangeRequest { range, ..RangeRequest::default() };
            if let Ok(part) = part(&wanted, INFO) {
                prop_assert!(part.offset + part.length <= INFO.size && part.length > 0);
            }
        }
    }
}
