//! The copy of the records of one project, and the comparison of both sides, record by record.

use std::collections::BTreeMap;

use anyhow::bail;
use mlforge::storage::{Commit, CommitError, ProjectId, Range, Records, Write as RecordWrite, end_of_keys};

use super::progress::Progress;

/// Number of records of one commit.
const WRITES_AT_ONCE: usize = 2_000;
/// Number of bytes after which a commit ends.
const BYTES_AT_ONCE: usize = 4 << 20;
/// Maximum number of pages of a project.
const PAGES_MAX: usize = 100_000_000;

/// The two sides of a migration.
pub(super) struct Copier<'a, S, T> {
    pub(super) source: &'a S,
    pub(super) target: &'a T,
    pub(super) progress: &'a Progress,
}

/// Values by key.
type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// A part of a project: all records from a key on, up to another one.
struct Part {
    source: Entries,
    target: Entries,
    /// The next part begins here. `None`: this is the last one.
    next: Option<Vec<u8>>,
}

impl<S: Records, T: Records> Copier<'_, S, T> {
    /// Makes the target's records the same as the source's. Those that are the same already are not written.
    pub(super) async fn copy(&self, project: ProjectId) -> anyhow::Result<()> {
        self.walk(project, "copied", async |part| {
            self.write(project, part.differences()).await
        })
        .await
        .map(drop)
    }

    /// Compares all records, and returns their number.
    pub(super) async fn verify(&self, project: ProjectId) -> anyhow::Result<usize> {
        self.walk(project, "compared", async |part| match part.differences().first() {
            Some(write) => bail!("{}: record {} differs", title(project), hex(write.key())),
            None => Ok(()),
        })
        .await
    }

    /// Goes through all records of both sides. Returns the number of those of the source.
    async fn walk(
        &self,
        project: ProjectId,
        done: &str,
        mut each: impl AsyncFnMut(Part) -> anyhow::Result<()>,
    ) -> anyhow::Result<usize> {
        let (mut begin, mut count) = (vec![0], 0);
        for _ in 0..PAGES_MAX {
            let part = self.part(project, begin).await?;
            count += part.source.len();
            let next = part.next.clone();
            each(part).await?;
            self.progress
                .show(&format!("{}: {count} records {done}", title(project)));
            match next {
                Some(next) => begin = next,
                None => return Ok(count),
            }
        }
        bail!("{}: there are too many records", title(project))
    }

    /// Reads a page of the source, and everything that the target has in its place.
    async fn part(&self, project: ProjectId, begin: Vec<u8>) -> anyhow::Result<Part> {
        let end = end_of_keys();
        let (source, is_cut) = page(self.source, project, begin.clone(), end.clone()).await?;
        let next = source.last_key_value().filter(|_| is_cut).map(|(key, _)| after(key));
        let target_end = next.clone().unwrap_or(end);
        let (mut target, mut from) = (Entries::new(), begin);
        for _ in 0..PAGES_MAX {
            let (entries, is_cut) = page(self.target, project, from, target_end.clone()).await?;
            let last = entries.last_key_value().map(|(key, _)| after(key));
            target.extend(entries);
            match last {
                Some(last) if is_cut => from = last,
                _ => break,
            }
        }
        Ok(Part { source, target, next })
    }

    async fn write(&self, project: ProjectId, writes: Vec<RecordWrite>) -> anyhow::Result<()> {
        let (mut commit, mut bytes) = (Commit::default(), 0);
        for write in writes {
            bytes += write.key().len() + write.value().len();
            commit.writes.push(write);
            if commit.writes.len() >= WRITES_AT_ONCE || bytes >= BYTES_AT_ONCE {
                self.commit(project, std::mem::take(&mut commit)).await?;
                bytes = 0;
            }
        }
        if commit.writes.is_empty() {
            return Ok(());
        }
        self.commit(project, commit).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> anyhow::Result<()> {
        match self.target.commit(project, commit).await {
            Ok(()) => Ok(()),
            Err(CommitError::Failed(error)) => bail!("{}: {error}", title(project)),
            Err(CommitError::Conflict(key)) => bail!("{}: conflict at {}", title(project), hex(&key)),
        }
    }
}

impl Part {
    /// The changes that make the target the same as the source.
    fn differences(mut self) -> Vec<RecordWrite> {
        let mut writes = Vec::new();
        for (key, value) in self.source {
            if self.target.remove(&key).is_none_or(|found| found != value) {
                writes.push(RecordWrite::Put(key, value));
            }
        }
        writes.extend(self.target.into_keys().map(RecordWrite::Delete));
        writes
    }
}

/// Names a space of records: that of a project, or of the names of its files.
fn title(space: ProjectId) -> String {
    match i64::try_from(space.0) {
        Ok(number) => format!("project {number}"),
        Err(_) => format!("names of files of project {}", !space.0),
    }
}

/// Reads the first entries of a range. Returns `true` if there may be more.
async fn page(
    records: &impl Records,
    project: ProjectId,
    start: Vec<u8>,
    end: Vec<u8>,
) -> anyhow::Result<(Entries, bool)> {
    let range = Range {
        start,
        end,
        limit: u32::MAX,
        reverse: false,
    };
    let page = records.scan(project, &[range]).await?;
    let entries = page.entries().map(|(key, value)| (key.to_vec(), value.to_vec()));
    Ok((entries.collect(), page.cut.is_some()))
}

/// The key that follows directly.
fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
