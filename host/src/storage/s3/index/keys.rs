//! The keys of the index. Only this file builds them, and reads them back.
//!
//! | key | value | read by |
//! |---|---|---|
//! | `c` | the object up to which all were looked at | the collection |
//! | `d` time content | a content that lost its name then, or has none yet | the collection, by time |
//! | `f` directory 0 name | an entry: a file or a directory | a request, a listing |
//! | `h` | the head: sums, and the age of the oldest object that may still get a name | every change |
//! | `m` content | the extents of a content of several objects | a download |
//! | `o` object content | nothing: the content has the object | the collection |
//!
//! Names have no control characters. So the entries of a directory are one range, and those below it are another.

use crate::storage::Range;
use crate::storage::s3::object_id::{ID_BYTES, ObjectId};

/// The key of the head.
pub(super) const HEAD: &[u8] = b"h";
/// The key of the place that the collection has reached.
pub(super) const CURSOR: &[u8] = b"c";

/// The key of a name. It is the same for a file and for a directory.
pub(super) fn entry(name: &str) -> Vec<u8> {
    let (directory, last) = name.rsplit_once('/').unwrap_or(("", name));
    joined(&[b"f", directory.as_bytes(), b"\0", last.as_bytes()])
}

/// The name to which a key of an entry belongs.
pub(super) fn name(key: &[u8]) -> Option<String> {
    let (directory, last) = std::str::from_utf8(key).ok()?.strip_prefix('f')?.split_once('\0')?;
    Some(match directory {
        "" => last.to_owned(),
        _ => format!("{directory}/{last}"),
    })
}

/// The entries of a directory (empty: the root) whose names are after `after`.
pub(super) fn listing(directory: &str, after: Option<&str>, limit: u32) -> Range {
    let start = match after {
        Some(after) => joined(&[b"f", directory.as_bytes(), b"\0", after.as_bytes(), b"\0"]),
        None => joined(&[b"f", directory.as_bytes(), b"\0"]),
    };
    Range {
        start,
        end: joined(&[b"f", directory.as_bytes(), b"\x01"]),
        limit,
        reverse: false,
    }
}

/// All entries after a key.
pub(super) fn entries(after: Option<&[u8]>) -> Range {
    Range {
        start: after.map_or_else(|| b"f".to_vec(), |after| joined(&[after, b"\0"])),
        end: b"g".to_vec(),
        limit: u32::MAX,
        reverse: false,
    }
}

/// All entries below a directory (empty: the root), in two ranges in this order, each from its end. So what is in a directory
/// comes before the directory.
pub(super) fn subtree(directory: &str, limit: u32) -> [Range; 2] {
    let below = match directory {
        "" => (b"f\x01".to_vec(), b"g".to_vec()),
        // A slash, and what follows it.
        _ => (
            joined(&[b"f", directory.as_bytes(), b"/"]),
            joined(&[b"f", directory.as_bytes(), b"0"]),
        ),
    };
    let inside = Range {
        reverse: true,
        ..listing(directory, None, limit)
    };
    let below = Range {
        start: below.0,
        end: below.1,
        ..inside.clone()
    };
    [below, inside]
}

/// The key of a content's extents.
pub(super) fn extents(content: ObjectId) -> Vec<u8> {
    joined(&[b"m", &content.bytes()[..]])
}

/// The key of the reference of a content to one of its objects.
pub(super) fn reference(object: ObjectId, content: ObjectId) -> Vec<u8> {
    joined(&[b"o", &object.bytes()[..], &content.bytes()[..]])
}

/// All references to an object.
pub(super) fn references(object: ObjectId, limit: u32) -> Range {
    let start = joined(&[b"o", &object.bytes()[..]]);
    Range {
        end: joined(&[&start, &[u8::MAX; ID_BYTES], &[u8::MAX]]),
        start,
        limit,
        reverse: false,
    }
}

/// The key of a content that has no name since a time.
pub(super) fn nameless(since_ms: u64, content: ObjectId) -> Vec<u8> {
    joined(&[b"d", &since_ms.to_be_bytes()[..], &content.bytes()[..]])
}

/// The contents that have no name since before a time.
pub(super) fn nameless_before(time_ms: u64, limit: u32) -> Range {
    Range {
        start: b"d".to_vec(),
        end: joined(&[b"d", &time_ms.to_be_bytes()[..]]),
        limit,
        reverse: false,
    }
}

fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    fn segment() -> impl Strategy<Value = String> {
        prop_oneof!["[a -0]{1,3}", Just("\u{e9}".to_owned()), Just("a".to_owned())]
            .prop_filter("no slash", |segment| !segment.contains('/'))
    }

    fn path() -> impl Strategy<Value = String> {
        proptest::collection::vec(segment(), 1..4).prop_map(|segments| segments.join("/"))
    }

    fn holds(range: &Range, key: &[u8]) -> bool {
        *range.start <= *key && *key < *range.end
    }

    proptest! {
        #[test]
        fn a_directorys_entries_are_one_range_and_all_below_it_another(directory in path(), name in path()) {
            prop_assert_eq!(super::name(&entry(&name)), Some(name.clone()));
            let parent = name.rsplit_once('/').map_or("", |(parent, _)| parent);
            prop_assert_eq!(holds(&listing(&directory, None, 1), &entry(&name)), parent == directory);
            let [below, inside] = subtree(&directory, 1);
            prop_assert_eq!(holds(&inside, &entry(&name)), parent == directory);
            prop_assert_eq!(holds(&below, &entry(&name)), parent.starts_with(&format!("{directory}/")));
            let [below, inside] = subtree("", 1);
            prop_assert!(holds(&inside, &entry(&name)) != holds(&below, &entry(&name)));
            // Entries of a directory come after it.
            prop_assert!(parent.is_empty() || entry(parent) < entry(&name));
        }
    }

    #[test]
    fn what_lost_its_name_is_in_the_order_of_time() {
        let content = ObjectId::first_of(7);
        let key = nameless(300, content);
        assert!(holds(&nameless_before(301, 1), &key) && !holds(&nameless_before(300, 1), &key));
        let reference = reference(content, ObjectId::fresh().unwrap());
        assert!(holds(&references(content, 1), &reference));
        assert!(!holds(&references(ObjectId::first_of(8), 1), &reference));
    }
}
