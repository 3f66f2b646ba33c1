//! The values of the index in bytes: numbers are big-endian, and the first byte is the version of the form.

use crate::storage::s3::extent::Extent;
use crate::storage::s3::object_id::ObjectId;
use crate::storage::{BlobInfo, FileUsage, StorageError};

/// The version of every form.
const FORM: u8 = 1;
/// Kinds of entries.
const DIRECTORY: u8 = 0;
const FILE: u8 = 1;

/// A file or a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage::s3) enum Entry {
    Directory,
    File(File),
}

/// A file with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage::s3) struct File {
    pub(in crate::storage::s3) size: u64,
    /// The time at which it got its name, in milliseconds since the Unix epoch.
    pub(in crate::storage::s3) modified_ms: u64,
    /// SHA-256 of its bytes. `None`: it was joined, or sent to the store without a host, and nobody has read it since.
    pub(in crate::storage::s3) digest: Option<[u8; 32]>,
    pub(in crate::storage::s3) content: Content,
}

impl File {
    pub(in crate::storage::s3) fn info(&self) -> BlobInfo {
        BlobInfo {
            size: self.size,
            modified_ms: self.modified_ms,
        }
    }
}

/// The bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage::s3) enum Content {
    /// No bytes, and no object.
    Empty,
    /// This object.
    Object(ObjectId),
    /// The objects of which a record of this id tells.
    Joined(ObjectId),
}

/// The state that every change of a project's names reads and writes. So they follow one another, on all hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// The sums of all files.
    pub(super) usage: FileUsage,
    /// An object that was made before this time gets no name any more, in milliseconds since the Unix epoch.
    pub(super) oldest_ms: u64,
}

impl Head {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let numbers = [self.usage.files, self.usage.bytes, self.oldest_ms];
        [&[FORM][..], numbers.map(u64::to_be_bytes).as_flattened()].concat()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, StorageError> {
        read(bytes, |rest| {
            Some(Self {
                usage: FileUsage {
                    files: u64_from(rest)?,
                    bytes: u64_from(rest)?,
                },
                oldest_ms: u64_from(rest)?,
            })
        })
    }
}

impl Entry {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let Self::File(file) = self else {
            return vec![FORM, DIRECTORY];
        };
        let mut bytes = vec![FORM, FILE];
        bytes.extend(file.size.to_be_bytes());
        bytes.extend(file.modified_ms.to_be_bytes());
        bytes.push(u8::from(file.digest.is_some()));
        bytes.extend(file.digest.iter().flatten());
        file.content.write(&mut bytes);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, StorageError> {
        read(bytes, |rest| match byte(rest)? {
            DIRECTORY => Some(Self::Directory),
            FILE => Some(Self::File(File {
                size: u64_from(rest)?,
                modified_ms: u64_from(rest)?,
                digest: match byte(rest)? {
                    0 => None,
                    1 => Some(*array(rest)?),
                    _ => return None,
                },
                content: Content::split_from(rest)?,
            })),
            _ => None,
        })
    }
}

impl Content {
    fn write(self, bytes: &mut Vec<u8>) {
        let (kind, id) = match self {
            Self::Empty => (0, None),
            Self::Object(id) => (1, Some(id)),
            Self::Joined(id) => (2, Some(id)),
        };
        bytes.push(kind);
        bytes.extend(id.iter().flat_map(ObjectId::bytes));
    }

    fn split_from(rest: &mut &[u8]) -> Option<Self> {
        match byte(rest)? {
            0 => Some(Self::Empty),
            1 => Some(Self::Object(id(rest)?)),
            2 => Some(Self::Joined(id(rest)?)),
            _ => None,
        }
    }

    /// The content by itself.
    pub(super) fn bytes(self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        self.write(&mut bytes);
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, StorageError> {
        read(bytes, Self::split_from)
    }
}

/// The extents of a content.
pub(super) fn extents_bytes(extents: &[Extent]) -> Vec<u8> {
    let mut bytes = vec![FORM];
    for extent in extents {
        bytes.extend(extent.object.bytes());
        bytes.extend(extent.size.to_be_bytes());
    }
    bytes
}

pub(super) fn read_extents(bytes: &[u8]) -> Result<Vec<Extent>, StorageError> {
    read(bytes, |rest| {
        let mut extents = Vec::new();
        while !rest.is_empty() {
            extents.push(Extent {
                object: id(rest)?,
                size: u64_from(rest)?,
            });
        }
        Some(extents)
    })
}

/// An id alone.
pub(super) fn id_bytes(id: ObjectId) -> Vec<u8> {
    [&[FORM][..], &id.bytes()].concat()
}

pub(super) fn read_id(bytes: &[u8]) -> Result<ObjectId, StorageError> {
    read(bytes, id)
}

/// Reads a whole value after its form.
fn read<T>(bytes: &[u8], content: impl FnOnce(&mut &[u8]) -> Option<T>) -> Result<T, StorageError> {
    let mut rest = bytes;
    let found = byte(&mut rest)
        .filter(|form| *form == FORM)
        .and_then(|_| content(&mut rest))
        .filter(|_| rest.is_empty());
    found.ok_or_else(|| {
        let begin = bytes.get(..bytes.len().min(16)).unwrap_or_default();
        StorageError::Unavailable(format!(
            "a record of the index of files cannot be read: {} bytes that begin with {begin:02x?}",
            bytes.len()
        ))
    })
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    array::<1>(rest).map(|[byte]| *byte)
}

fn u64_from(rest: &mut &[u8]) -> Option<u64> {
    array(rest).copied().map(u64::from_be_bytes)
}

fn id(rest: &mut &[u8]) -> Option<ObjectId> {
    let (id, after) = ObjectId::split_from(rest)?;
    *rest = after;
    Some(id)
}

fn array<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (found, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use proptest::prelude::*;

    use super::*;

    fn id() -> impl Strategy<Value = ObjectId> {
        any::<u64>().prop_map(ObjectId::first_of)
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let content = prop_oneof![
            Just(Content::Empty),
            id().prop_map(Content::Object),
            id().prop_map(Content::Joined),
        ];
        let file = (any::<u64>(), any::<u64>(), any::<Option<[u8; 32]>>(), content);
        let file = file.prop_map(|(size, modified_ms, digest, content)| {
            Entry::File(File {
                size,
                modified_ms,
                digest,
                content,
            })
        });
        prop_oneof![Just(Entry::Directory), file]
    }

    proptest! {
        #[test]
        fn values_are_read_as_written(entry in entry(), sizes in proptest::collection::vec((id(), any::<u64>()), 0..4)) {
            prop_assert_eq!(Entry::read(&entry.bytes()).unwrap(), entry);
            let extents: Vec<Extent> = sizes.into_iter().map(|(object, size)| Extent { object, size }).collect();
            prop_assert_eq!(read_extents(&extents_bytes(&extents)).unwrap(), extents);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..90)) {
            for bytes in [&bytes[..], &[&[FORM][..], &bytes].concat()] {
                // A form has one spelling.
                if let Ok(entry) = Entry::read(bytes) {
                    prop_assert_eq!(entry.bytes(), bytes);
                }
                if let Ok(head) = Head::read(bytes) {
                    prop_assert_eq!(head.bytes(), bytes);
                }
                if let Ok(content) = Content::read(bytes) {
                    prop_assert_eq!(content.bytes(), bytes);
                }
                _ = (read_extents(bytes), read_id(bytes));
            }
        }
    }
}
