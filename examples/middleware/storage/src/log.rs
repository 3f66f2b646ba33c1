//! The log of commits, and the records that result from it. Commit `n` is the file `log/n`, which gets its name by a link: that
//! fails if another instance made this commit, and a file that has the name is whole.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::bindings::wasi::filesystem::types::{ErrorCode, PathFlags};
use crate::directory::{self, root};

/// The directory of commits.
const DIRECTORY: &str = "log";

/// The change of one record. `None`: it is removed.
pub(crate) type Change = (Vec<u8>, Option<Vec<u8>>);

/// The records after some number of commits.
pub(crate) struct Records {
    /// The number of the last commit.
    pub(crate) last: u64,
    /// The bytes of all keys and values.
    pub(crate) bytes: usize,
    /// Values by their keys, each with the number of the commit that wrote it, which is its version.
    pub(crate) values: BTreeMap<Vec<u8>, (u64, Vec<u8>)>,
}

thread_local! {
    static RECORDS: RefCell<Records> = const { RefCell::new(Records { last: 0, bytes: 0, values: BTreeMap::new() }) };
}

impl Records {
    /// Adds a commit, unless another call in this instance has added it.
    fn apply(&mut self, number: u64, changes: impl IntoIterator<Item = Change>) {
        if number != self.last + 1 {
            return;
        }
        self.last = number;
        for (key, value) in changes {
            if let Some((key, (_, former))) = self.values.remove_entry(&key) {
                self.bytes -= key.len() + former.len();
            }
            if let Some(value) = value {
                self.bytes += key.len() + value.len();
                self.values.insert(key, (number, value));
            }
        }
    }
}

/// The records after the commits that this instance has read.
pub(crate) fn with_records<T>(use_them: impl FnOnce(&Records) -> T) -> T {
    RECORDS.with_borrow(use_them)
}

/// Reads the commits that other instances made.
pub(crate) async fn catch_up() -> Result<(), ErrorCode> {
    loop {
        let next = with_records(|records| records.last + 1);
        let Some(bytes) = directory::read(&path(next)).await? else {
            return Ok(());
        };
        let changes = decoded(&bytes).ok_or(ErrorCode::IllegalByteSequence)?;
        RECORDS.with_borrow_mut(|records| records.apply(next, changes));
    }
}

/// Makes a commit with this number. `false`: another instance did.
pub(crate) async fn append(number: u64, changes: Vec<Change>) -> Result<bool, ErrorCode> {
    directory::make(DIRECTORY).await?;
    let unnamed = directory::write_unnamed(encoded(&changes)).await?;
    let root = root()?;
    let linked = root
        .link_at(PathFlags::empty(), unnamed.clone(), &root, path(number))
        .await;
    directory::remove(&unnamed).await?;
    match linked {
        Ok(()) => {
            directory::sync(DIRECTORY).await?;
            RECORDS.with_borrow_mut(|records| records.apply(number, changes));
            Ok(true)
        }
        Err(ErrorCode::Exist) => Ok(false),
        Err(error) => Err(error),
    }
}

fn path(number: u64) -> String {
    format!("{DIRECTORY}/{number:020}")
}

/// Each change is a byte, 1 for a value and 0 for a removal, then key and value, each after its length in 4 bytes.
fn encoded(changes: &[Change]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in changes {
        bytes.push(u8::from(value.is_some()));
        for part in [key, value.as_ref().unwrap_or(&Vec::new())] {
            // A commit has 64 MiB at most.
            bytes.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
            bytes.extend(part);
        }
    }
    bytes
}

/// The changes of a commit. `None`: these bytes are none.
fn decoded(mut bytes: &[u8]) -> Option<Vec<Change>> {
    let mut changes = Vec::new();
    while let Some((kind, rest)) = bytes.split_first() {
        let (key, rest) = part(rest)?;
        let (value, rest) = part(rest)?;
        changes.push((key.to_vec(), (*kind == 1).then(|| value.to_vec())));
        bytes = rest;
    }
    Some(changes)
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}
