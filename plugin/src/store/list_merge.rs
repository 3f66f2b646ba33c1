//! Reads several sorted lists at once, in chunks that grow: those of one search, one for each experiment or name.

use crate::error::{Error, Result};
use crate::host::records::{Span, scan_all};

/// Largest number of entries of a list that are read together.
pub const CHUNK_MAX: usize = 500;

/// Largest number of entries that are read together, for all lists.
const ENTRIES_MAX: usize = 100_000;

/// A list whose keys end with a sort key.
pub trait SortedList {
    /// An entry.
    type Entry;

    /// The part of the list after a sort key; all of it after an empty one.
    fn behind(&self, sort_key: &[u8]) -> Span;

    /// The sort key in a key of the list.
    fn sort_key_in(key: &[u8]) -> Option<&[u8]>;

    /// The entry with a sort key.
    fn entry(sort_key: &[u8]) -> Option<Self::Entry>;
}

/// Several lists while they are read.
pub struct ListMerge<L> {
    lists: Vec<L>,
    /// The sort key up to which all lists are read. `None`: all lists are at their end.
    read: Option<Vec<u8>>,
    /// Smallest number of entries that are read of each list.
    least: usize,
}

impl<L: SortedList> ListMerge<L> {
    /// Begins after a sort key; at the start after an empty one.
    pub fn new(lists: Vec<L>, begin: Vec<u8>) -> Self {
        ListMerge {
            lists,
            read: Some(begin),
            least: 1,
        }
    }

    /// The next entries of all lists in their order, about as many as are wanted. `None`: all lists are at their end.
    pub async fn next(&mut self, wanted: usize) -> Result<Option<Vec<L::Entry>>> {
        let Some(read) = self.read.take().filter(|_| !self.lists.is_empty()) else {
            return Ok(None);
        };
        let limit = wanted
            .max(self.least)
            .min(ENTRIES_MAX / self.lists.len())
            .clamp(1, CHUNK_MAX);
        self.least = 2 * limit;
        let spans: Vec<Span> = self.lists.iter().map(|list| list.behind(&read)).collect();
        let mut sort_keys: Vec<Vec<u8>> = Vec::new();
        let (mut of_list, mut count) = (0, 0);
        // A list with more entries was only read up to its last entry here. After that entry, not all lists
        // are known.
        let mut known_to: Option<Vec<u8>> = None;
        scan_all(spans, limit, |index, key, _| {
            let sort_key = L::sort_key_in(key).ok_or_else(misplaced)?;
            count = if index == of_list { count + 1 } else { 1 };
            of_list = index;
            if count == limit && known_to.as_deref().is_none_or(|known| sort_key < known) {
                known_to = Some(sort_key.to_vec());
            }
            sort_keys.push(sort_key.to_vec());
            Ok(())
        })
        .await?;
        if let Some(known) = &known_to {
            sort_keys.retain(|sort_key| sort_key <= known);
        }
        self.read = known_to;
        sort_keys.sort_unstable();
        let entry = |sort_key: &Vec<u8>| L::entry(sort_key).ok_or_else(misplaced);
        sort_keys.iter().map(entry).collect::<Result<_>>().map(Some)
    }
}

fn misplaced() -> Error {
    Error::Corrupt("key in a list of a search".to_owned())
}
