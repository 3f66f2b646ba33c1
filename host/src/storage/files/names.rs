//! The path of a blob. Names from clients become paths that cannot leave their project nor equal another
//! name's.
//!
//! In each segment, lower-case letters, digits, `-`, `_` and `.` are kept, and every other byte becomes
//! `%xx`. So no file system takes two names for one because of case or Unicode. The result is then cut into
//! parts that fit the limit of 255 bytes. The last part is a path component that begins with `n`. Each
//! earlier part is a directory that begins with `c`.
//!
//! ```text model/MLmodel  ->  nmodel/n%4d%4cmodel ```
//!
//! A segment has the same path whether it names a file or a directory. So the file system itself refuses a
//! file and a directory of one name, even under concurrency.

use std::fmt::Write;
use std::path::PathBuf;

/// Maximum number of bytes of one part. With its letter it is below the 255 that file systems allow.
const PART_BYTES_MAX: usize = 240;

/// The path of a valid name, relative to its project's directory. The path of the empty name is empty.
pub(super) fn path_of(name: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for segment in name.split('/').filter(|segment| !segment.is_empty()) {
        let mut part = String::from("n");
        for byte in segment.bytes() {
            if part.len() + 3 > PART_BYTES_MAX {
                part.replace_range(..1, "c");
                path.push(&part);
                part = String::from("n");
            }
            if is_plain(byte) {
                part.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(part, "%{byte:02x}");
            }
        }
        path.push(part);
    }
    path
}

/// A part of an encoded segment, read from a path component.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// The segment begins with this part and continues in the next component.
    Begin(&'a str),
    /// The segment ends with this part.
    End(&'a str),
}

/// Parses a path component. `None`: it is not one of mlforge.
pub(super) fn part_of(component: &str) -> Option<Part<'_>> {
    let begin = component.strip_prefix('c').map(Part::Begin);
    begin.or_else(|| component.strip_prefix('n').map(Part::End))
}

/// Decodes a segment from its joined parts without their letters. `None`: the text is not one that mlforge
/// writes.
pub(super) fn decode(written: &str) -> Option<String> {
    let mut segment = Vec::new();
    let mut bytes = written.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
            let (high, low) = (digit()?, digit()?);
            segment.push(u8::try_from(high * 16 + low).ok()?);
        } else if is_plain(byte) {
            segment.push(byte);
        } else {
            return None;
        }
    }
    String::from_utf8(segment).ok()
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    fn read_back(path: &std::path::Path) -> String {
        let mut segments = Vec::new();
        let mut written = String::new();
        for component in path.components() {
            let Component::Normal(component) = component else {
                panic!("{path:?} leaves its directory")
            };
            assert!(component.len() <= 255);
            match part_of(component.to_str().unwrap()).unwrap() {
                Part::Begin(part) => written.push_str(part),
                Part::End(part) => {
                    segments.push(decode(&(std::mem::take(&mut written) + part)).unwrap());
                }
            }
        }
        segments.join("/")
    }

    #[test]
    fn usual_names_stay_readable() {
        assert_eq!(path_of("model/MLmodel"), PathBuf::from("nmodel/n%4d%4cmodel"));
    }

    #[test]
    fn the_longest_segment_fits() {
        let name = "\u{dc}".repeat(127);
        assert_eq!(read_back(&path_of(&name)), name);
    }

    proptest! {
        #[test]
        fn names_are_decoded_from_their_paths(name in "[^/]{1,80}(/[^/]{1,80}){0,5}") {
            prop_assert_eq!(read_back(&path_of(&name)), name);
        }
    }
}
