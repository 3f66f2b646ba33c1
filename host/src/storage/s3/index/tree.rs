//! Removal of a directory with everything below it, a few thousand entries in a commit.

use super::change::Change;
use super::{Base, Entry, Index, TRIES_MAX, base, entries_of, entry, keys, space, too_busy};
use crate::convert::to_usize;
use crate::storage::{ProjectId, StorageError, Write};

/// Number of entries of each range that are removed in a commit. An entry takes two writes.
const ENTRIES_AT_ONCE: u32 = 2_000;
/// Maximum number of commits of one removal.
const COMMITS_MAX: usize = 1_000_000;

/// The next entries of a directory that is removed, each after what is below it.
struct Batch {
    base: Base,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// True if nothing else is in the directory.
    is_last: bool,
}

impl Index {
    /// Removes a directory (empty: the root). Returns `false` when there was none, or when the name is a file's.
    pub(in crate::storage::s3) async fn delete_below(
        &self,
        project: ProjectId,
        directory: &str,
    ) -> Result<bool, StorageError> {
        let (mut any, mut tries) = (false, 0);
        for _ in 0..COMMITS_MAX {
            let turn = self.turn(project).await?;
            let Some(batch) = self.batch(project, directory).await? else {
                return Ok(any);
            };
            if batch.entries.is_empty() && directory.is_empty() {
                return Ok(any);
            }
            let is_last = batch.is_last;
            if self.remove(project, directory, batch).await? {
                (any, tries) = (true, 0);
                if is_last {
                    return Ok(true);
                }
            } else {
                tries += 1;
                if tries == TRIES_MAX {
                    return Err(too_busy());
                }
            }
            drop(turn);
        }
        Err(too_busy())
    }

    /// Reads a batch. `None`: there is no such directory.
    async fn batch(&self, project: ProjectId, directory: &str) -> Result<Option<Batch>, StorageError> {
        let mut keys = vec![keys::HEAD.to_vec()];
        if !directory.is_empty() {
            keys.push(keys::entry(directory));
        }
        let found = self.get(project, &keys).await?;
        if !directory.is_empty() && entry(found.get(1))? != Some(Entry::Directory) {
            return Ok(None);
        }
        let ranges = keys::subtree(directory, ENTRIES_AT_ONCE);
        let page = self.records.scan(space(project), &ranges).await?;
        let mut entries = entries_of(&page);
        let is_whole = |index: usize| page.counts.get(index).is_some_and(|count| *count < ENTRIES_AT_ONCE);
        if !is_whole(0) || page.cut == Some(0) {
            // Entries of the directory come after all that is further below.
            entries.truncate(page.counts.first().map_or(0, |count| to_usize(*count)));
        }
        Ok(Some(Batch {
            base: base(found.first())?,
            entries,
            is_last: page.cut.is_none() && is_whole(0) && is_whole(1),
        }))
    }

    /// Removes a batch, and with the last one the directory. Returns `false` when the head has changed.
    async fn remove(&self, project: ProjectId, directory: &str, batch: Batch) -> Result<bool, StorageError> {
        let mut change = Change::new(batch.base.head);
        for (key, bytes) in batch.entries {
            match Entry::read(&bytes)? {
                Entry::Directory => change.writes.push(Write::Delete(key)),
                Entry::File(file) => change.remove(key, &file),
            }
        }
        if batch.is_last && !directory.is_empty() {
            change.writes.push(Write::Delete(keys::entry(directory)));
            self.prune(project, directory, &mut change.writes).await?;
        }
        self.apply(project, batch.base, change).await
    }
}
