//! Joining: a file of the objects that others have. No byte is copied. The objects stay for as long as a content has them.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Change, Place, joined};
use super::value::read_extents;
use super::{Base, Content, Entry, File, Index, TRIES_MAX, entry, keys, too_busy, unreadable};
use crate::storage::s3::extent::Extent;
use crate::storage::s3::object_id::{ObjectId, now_ms};
use crate::storage::{Check, JOIN_PARTS_MAX, ProjectId, StorageError, Write};

/// Number of records of a content that are written in a commit.
const RECORDS_AT_ONCE: usize = 4_000;
/// Maximum number of objects of a joined file, whose parts may be joined themselves.
const EXTENTS_MAX: usize = 10 * JOIN_PARTS_MAX;

/// The parts of a join.
struct Parts {
    extents: Vec<Extent>,
    bytes: u64,
    /// Bytes of the parts, each counted once.
    distinct_bytes: u64,
}

impl Index {
    /// Makes a file of others. Returns `false` when one of them is absent.
    pub(in crate::storage::s3) async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        let _turn = self.turn(project).await?;
        for _ in 0..TRIES_MAX {
            let place = self.place(project, name).await?;
            let Some(parts) = self.parts(project, parts).await? else {
                return Ok(false);
            };
            if parts.bytes > bytes_max {
                return Err(StorageError::TooLarge(format!("a blob of more than {bytes_max} bytes")));
            }
            if self.try_join(project, &place, parts).await? {
                return Ok(true);
            }
        }
        Err(too_busy())
    }

    /// Reads the files that are joined. `None`: one of them is absent.
    async fn parts(&self, project: ProjectId, names: &[String]) -> Result<Option<Parts>, StorageError> {
        let distinct: BTreeSet<&String> = names.iter().collect();
        let keys: Vec<_> = distinct.iter().map(|name| keys::entry(name)).collect();
        let found = self.get(project, &keys).await?;
        let mut files = BTreeMap::new();
        for (name, found) in distinct.into_iter().zip(&found) {
            let Some(Entry::File(file)) = entry(Some(found))? else {
                return Ok(None);
            };
            files.insert(name, file);
        }
        let joined = self.extents_of_all(project, files.values()).await?;
        let mut parts = Parts {
            extents: Vec::new(),
            bytes: 0,
            distinct_bytes: files.values().fold(0, |sum, file| sum.saturating_add(file.size)),
        };
        for file in names.iter().filter_map(|name| files.get(name)) {
            parts.bytes = parts.bytes.saturating_add(file.size);
            match file.content {
                Content::Empty => {}
                Content::Object(object) => parts.extents.push(Extent {
                    object,
                    size: file.size,
                }),
                Content::Joined(id) => parts.extents.extend(joined.get(&id).ok_or_else(unreadable)?),
            }
            if parts.extents.len() > EXTENTS_MAX {
                return Err(StorageError::TooLarge(format!(
                    "a file of more than {EXTENTS_MAX} objects"
                )));
            }
        }
        Ok(Some(parts))
    }

    /// The extents of those files that are joined themselves.
    async fn extents_of_all(
        &self,
        project: ProjectId,
        files: impl Iterator<Item = &File>,
    ) -> Result<BTreeMap<ObjectId, Vec<Extent>>, StorageError> {
        let ids: Vec<ObjectId> = files
            .filter_map(|file| match file.content {
                Content::Joined(id) => Some(id),
                _ => None,
            })
            .collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let keys: Vec<_> = ids.iter().map(|id| keys::extents(*id)).collect();
        let found = self.get(project, &keys).await?;
        let found = ids.into_iter().zip(found);
        let read = |(id, found): (ObjectId, super::Found)| {
            let (_, bytes) = found.ok_or_else(unreadable)?;
            Ok((id, read_extents(&bytes)?))
        };
        found.map(read).collect()
    }

    /// Joins what was read. Returns `false` when the head has changed.
    async fn try_join(&self, project: ProjectId, place: &Place<'_>, parts: Parts) -> Result<bool, StorageError> {
        let mut change = place.begin()?;
        let (content, records) = if parts.extents.is_empty() {
            (Content::Empty, Vec::new())
        } else {
            joined(&parts.extents)?
        };
        if records.len() <= RECORDS_AT_ONCE {
            change.writes.extend(records);
        } else if !self
            .write_ahead(project, place.base, (content, records), &mut change)
            .await?
        {
            return Ok(false);
        }
        let file = File {
            size: parts.bytes,
            modified_ms: now_ms(),
            digest: None,
            content,
        };
        let old = change.put(place, file);
        let leaving = parts.distinct_bytes.saturating_add(old.bytes);
        let mut afterwards = change.head;
        afterwards.usage.bytes = afterwards.usage.bytes.saturating_sub(parts.distinct_bytes);
        self.refuse_beyond_bound(project, &afterwards, parts.bytes > leaving, old.files == 0)?;
        self.apply(project, place.base, change).await
    }

    /// Writes the many records of a content that gets its name in this change. Until then it counts as one without a name, so that
    /// the collection removes it if this host ends. Returns `false` when the head has changed.
    async fn write_ahead(
        &self,
        project: ProjectId,
        base: Base,
        (content, records): (Content, Vec<Write>),
        change: &mut Change,
    ) -> Result<bool, StorageError> {
        let Content::Joined(id) = content else {
            return Ok(true);
        };
        let nameless = keys::nameless(now_ms(), id);
        let first = vec![Write::Put(nameless.clone(), content.bytes())];
        // The extents come next, since the collection finds the references by them.
        let rest = records.rchunks(RECORDS_AT_ONCE).map(<[Write]>::to_vec);
        for writes in std::iter::once(first).chain(rest) {
            if !self.commit(project, vec![base.check()], writes).await? {
                return Ok(false);
            }
        }
        let Some(Some((version, _))) = self.get(project, std::slice::from_ref(&nameless)).await?.pop() else {
            return Ok(false);
        };
        change.writes.push(Write::Delete(nameless.clone()));
        change.checks.push(Check { key: nameless, version });
        Ok(true)
    }
}
