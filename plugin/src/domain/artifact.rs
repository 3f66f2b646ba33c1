//! Paths of artifacts: the one place that says which are taken, wherever a caller names one.
//!
//! A path is read from the left, never normalised: what could mean another place somewhere is refused instead, also
//! below any number of percent encodings.

use std::fmt;

use super::limits::{ARTIFACT_DEPTH_MAX, ARTIFACT_NAME_BYTES_MAX, ARTIFACT_PATH_BYTES_MAX};
use crate::error::{Error, Result};

/// The scheme of places in a project's own artifact store.
const SCHEME: &str = "mlflow-artifacts";

/// A path in a project's artifact store: names joined by slashes, none of them empty, `.` or `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactPath(String);

impl ArtifactPath {
    /// Checks a path from which the caller's own encoding is removed.
    pub fn parse(path: &str) -> Result<Self> {
        let refused = |why: &str| Err(Error::Invalid(format!("Invalid path: '{}'. {why}", shown(path))));
        if path.len() > ARTIFACT_PATH_BYTES_MAX {
            return refused(&format!("A path has at most {ARTIFACT_PATH_BYTES_MAX} bytes."));
        }
        if leads_out(path) {
            return refused("A path is relative, without '.' and '..', backslashes and control characters.");
        }
        if path.contains(['#', '?']) {
            return refused("A path has no '#' and no '?', which would end it in an address.");
        }
        let names = || path.split('/');
        if names().any(|name| name.is_empty() || name.len() > ARTIFACT_NAME_BYTES_MAX) {
            return refused(&format!("Each of its names has 1 to {ARTIFACT_NAME_BYTES_MAX} bytes."));
        }
        if names().count() > ARTIFACT_DEPTH_MAX {
            return refused(&format!("It has at most {ARTIFACT_DEPTH_MAX} names."));
        }
        Ok(ArtifactPath(path.to_owned()))
    }

    /// Checks a path as it stands in an address.
    pub fn parse_encoded(path: &str) -> Result<Self> {
        let not_text = || Error::Invalid(format!("Invalid path: '{}'. It is not UTF-8.", shown(path)));
        Self::parse(&String::from_utf8(decoded_bytes(path)).map_err(|_| not_text())?)
    }

    /// The path of something that is only looked up, as it was read: one that is longer than any path is not found.
    pub fn to_look_up(parsed: Result<Self>, path: &str) -> Result<Self> {
        let is_too_long = path.len() > ARTIFACT_PATH_BYTES_MAX
            || path.split('/').any(|name| name.len() > ARTIFACT_NAME_BYTES_MAX)
            || path.split('/').count() > ARTIFACT_DEPTH_MAX;
        match parsed {
            Err(Error::Invalid(_)) if is_too_long => {
                Err(Error::NotFound(format!("No artifact has the path '{}'.", shown(path))))
            }
            parsed => parsed,
        }
    }

    /// The place that a URI names; none when it is not in the project's own artifact store.
    pub fn of_uri(uri: &str) -> Option<Self> {
        let (scheme, path) = uri.split_once(":/")?;
        let own = scheme.eq_ignore_ascii_case(SCHEME) && !path.starts_with('/');
        own.then(|| Self::parse_encoded(path.trim_end_matches('/')).ok())?
    }

    /// What a caller names below it; nothing, or a lone dot: itself. A slash at the end changes nothing.
    pub fn below(&self, path: &str) -> Result<Self> {
        match path {
            "" | "." | "./" => Ok(self.clone()),
            _ => Self::parse(&format!("{self}/{}", path.strip_suffix('/').unwrap_or(path))),
        }
    }

    /// Its last name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, or below it.
    pub fn is_within(&self, directory: &ArtifactPath) -> bool {
        is_within(&self.0, &directory.0)
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a place is a directory or lies below it.
pub fn is_within(place: &str, directory: &str) -> bool {
    let directory = directory.trim_end_matches('/');
    place
        .strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path could mean a place outside of where it seems to lie: it is absolute, has a drive or a scheme, or climbs.
///
/// Below its encodings a control character other than NUL does no harm, and MLflow 2.22 needs some: the time in its name of an
/// image, `k%step%1%timestamp%1795…`, reads as one.
fn leads_out(path: &str) -> bool {
    path.chars().any(char::is_control)
        || encodings(path).any(|text| {
            has_idle_segment(&text)
                || text.starts_with('/')
                || text.contains("//")
                || text.contains(['\\', '\0'])
                || has_scheme(&text)
        })
}

/// Whether a text has segments that lead up or nowhere, or control characters, also below any number of percent encodings.
pub fn climbs(text: &str) -> bool {
    encodings(text).any(|text| has_idle_segment(&text) || text.chars().any(char::is_control))
}

/// Whether a segment leads up or nowhere.
fn has_idle_segment(text: &str) -> bool {
    let mut segments = text.split(['/', '\\', ':', '?', '#', '&', '=']);
    segments.any(|segment| matches!(segment, "." | ".."))
}

/// A drive is a scheme of one letter.
fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// A text, and what is below each of its percent encodings. Every decoding makes it shorter, so this ends.
fn encodings(text: &str) -> impl Iterator<Item = String> {
    std::iter::successors(Some(text.to_owned()), |text| {
        let next = String::from_utf8_lossy(&decoded_bytes(text)).into_owned();
        (next != *text).then_some(next)
    })
}

/// One percent encoding less.
fn decoded_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let decoded = after
            .split_at_checked(2)
            .filter(|_| *byte == b'%')
            .and_then(|(digits, _)| {
                let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
            });
        bytes.push(decoded.unwrap_or(*byte));
        rest = after.get(if decoded.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    bytes
}

/// The beginning of a path, for messages.
fn shown(path: &str) -> String {
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn refused(path: &str) -> bool {
        matches!(ArtifactPath::parse_encoded(path), Err(Error::Invalid(text)) if text.starts_with("Invalid path"))
    }

    #[test]
    fn names_are_taken_as_they_are() {
        for (encoded, path) in [
            ("1/r/artifacts/a.txt", "1/r/artifacts/a.txt"),
            ("a%20b/c+d", "a b/c+d"),
            ("%E6%A8%A1%E5%9E%8B/%F0%9F%A6%80", "模型/🦀"),
            ("a%2Fb", "a/b"),
            ("images/k%25step%250.png", "images/k%step%0.png"),
            ("k%25timestamp%251795370748804", "k%timestamp%1795370748804"),
            ("a/...", "a/..."),
            ("a/..b/.c", "a/..b/.c"),
            ("x/note: 1", "x/note: 1"),
        ] {
            assert_eq!(ArtifactPath::parse_encoded(encoded).unwrap().as_str(), path);
        }
    }

    // One line a class of the published escapes from MLflow's artifact store.
    #[test]
    fn every_known_way_out_is_refused() {
        for path in [
            "../a",
            "a/../../b",
            "a/..",
            "..",
            ".",
            "a/./b",
            "%2e%2e/a",
            "a/%2E%2e/b",
            "..%2Fa",
            "a%2f..%2fb",
            "%252e%252e%252fetc%252fpasswd",
            "%25252e%25252e/a",
            "a/%25%32%65%25%32%65/b",
            "/etc/passwd",
            "//etc/passwd",
            "%2Fetc/passwd",
            "%252Fetc/passwd",
            "a//b",
            "a/%252Fb",
            "a/",
            "",
            "..\\a",
            "a\\..\\b",
            "a%5Cb",
            "a%255Cb",
            "C:/windows",
            "c%3A/windows",
            "c%253A%5Cwindows",
            "file:///etc/passwd",
            "file%3A/etc/passwd",
            "FILE:x",
            "http://other/x",
            "a%23b",
            "a%3Fb",
            "a%3F/../b",
            "a;b/../c",
            "a%00.txt",
            "a%2500",
            "a%0Ab",
            "a%C2%85b",
            "%C0%AE%C0%AE/a",
            "a%FF",
        ] {
            assert!(refused(path), "{path}");
        }
    }

    #[test]
    fn length_and_depth_have_limits() {
        let deep = |depth: usize| vec!["a"; depth].join("/");
        assert!(!refused(&deep(ARTIFACT_DEPTH_MAX)) && refused(&deep(ARTIFACT_DEPTH_MAX + 1)));
        let long = |length: usize| "x".repeat(length);
        assert!(!refused(&long(ARTIFACT_NAME_BYTES_MAX)) && refused(&long(ARTIFACT_NAME_BYTES_MAX + 1)));
        assert!(refused(&vec![long(200); 6].join("/")));
    }

    #[test]
    fn a_uri_of_the_own_store_has_a_path() {
        let path = |uri| ArtifactPath::of_uri(uri).map(|path| path.to_string());
        assert_eq!(
            path("mlflow-artifacts:/1/r/artifacts").as_deref(),
            Some("1/r/artifacts")
        );
        assert_eq!(path("MLFLOW-ARTIFACTS:/a%20b/").as_deref(), Some("a b"));
        for other in [
            "mlflow-artifacts://host/1",
            "s3://b/1",
            "1/r",
            "mlflow-artifacts:/",
            "mlflow-artifacts:/../a",
        ] {
            assert_eq!(path(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_below_stays_below() {
        let root = ArtifactPath::parse("1/r").unwrap();
        assert_eq!(root.below("a/b/").unwrap().as_str(), "1/r/a/b");
        assert_eq!(root.below("").unwrap(), root);
        for out in ["..", "/a", "a/../..", "%2e%2e", "a\\b", "//"] {
            assert!(root.below(out).is_err(), "{out}");
        }
    }

    #[test]
    fn a_place_is_within_a_directory_by_whole_segments() {
        assert!(
            is_within("a:/1/r/artifacts", "a:/1/r/artifacts/") && is_within("a:/1/r/artifacts/m", "a:/1/r/artifacts")
        );
        assert!(!is_within("a:/1/r/artifacts2", "a:/1/r/artifacts") && !is_within("a:/1/r", "a:/1/r/artifacts"));
    }

    proptest! {
        #[test]
        fn no_accepted_path_climbs_below_any_encoding(path in "(\\.|%2e|%252E|%25|2e|a|/|%2f|%5c|\\\\|:|%00){0,14}") {
            if let Ok(path) = ArtifactPath::parse_encoded(&path) {
                for text in encodings(path.as_str()) {
                    prop_assert!(!text.starts_with('/') && !text.contains(['\\', '\0']));
                    prop_assert!(text.split('/').all(|name| name != ".." && name != "."));
                }
            }
        }
    }
}
