//! Joining: a file of the objects that others have. No byte is copied. The objects stay for as long as a content has them.

use std::collections::{BTreeMap, BTreeSet};

use super::change::Place;
use super::value::{extents_bytes, read_extents};
use super::{Base, Content, Entry, File, Index, TRIES_MAX, entry, keys, too_busy, unreadable};
use crate::storage::s3::extent::Extent;
use crate::storage::s3::object_id::{ObjectId, now_ms};
use crate::storage::{Check, JOIN_PARTS_MAX, ProjectId, StorageError, Write};

/// Number of references that are written in a commit.
const REFERENCES_AT_ONCE: usize = 4_000;
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
                Content::Object(object) => parts.extents.push(Extent { object, size: file.size }),
                Content::Joined(id) => parts.extents.extend(joined.get(&id).ok_or_else(unreadable)?),
            }
            if parts.extents.len() > EXTENTS_MAX {
                return Err(StorageError::TooLarge(format!("a file of more than {EXTENTS_MAX} objects")));
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
        let objects: BTreeSet<ObjectId> = parts.extents.iter().map(|extent| extent.object).collect();
        let id = ObjectId::fresh()?;
        let content = if objects.is_empty() {
            Content::Empty
        } else {
            Content::Joined(id)
        };
        let references = objects.into_iter().map(|object| keys::reference(object, id));
        let mut references: Vec<Write> = references.map(|key| Write::Put(key, Vec::new())).collect();
        if content != Content::Empty {
            let extents = Write::Put(keys::extents(id), extents_bytes(&parts.extents));
            references.push(extents);
        }
        if references.len() > REFERENCES_AT_ONCE {
            let nameless = keys::nameless(now_ms(), id);
            if !self.write_ahead(project, place.base, references, (&nameless, content)).await? {
                return Ok(false);
            }
            let Some(Some((version, _))) = self.get(project, &[nameless.clone()]).await?.pop() else {
                return Ok(false);
            };
            change.writes.push(Write::Delete(nameless.clone()));
            change.checks.push(Check {
                key: nameless,
                version,
            });
        } else {
            change.writes.extend(references);
        }
        let file = File {
            size: parts.bytes,
            modified_ms: now_ms(),
            digest: None,
            content,
        };
        let old_bytes = change.put(place, file);
        let leaving = parts.distinct_bytes.saturating_add(old_bytes);
        let mut afterwards = change.head;
        afterwards.usage.bytes = afterwards.usage.bytes.saturating_sub(parts.distinct_bytes);
        self.refuse_beyond_bound(&afterwards, parts.bytes > leaving)?;
        self.apply(project, place.base, change).await
    }

    /// Writes the many references of a content that gets its name in the next commit. Until then it counts as one without a
    /// name, so that the collection removes it if this host ends. Returns `false` when the head has changed.
    async fn write_ahead(
        &self,
        project: ProjectId,
        base: Base,
        references: Vec<Write>,
        (nameless, content): (&[u8], Content),
    ) -> Result<bool, StorageError> {
        let first = Write::Put(nameless.to_vec(), content.bytes());
        if !self.commit(project, vec![base.check()], vec![first]).await? {
            return Ok(false);
        }
        // The extents come first, since the collection finds the references by them.
        for some in references.rchunks(REFERENCES_AT_ONCE) {
            if !self.commit(project, vec![base.check()], some.to_vec()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
