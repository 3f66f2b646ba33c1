//! The part of the collection in records: which contents have no name, and which objects no content has.

use std::collections::BTreeMap;

use super::change::Change;
use super::{Content, Index, TRIES_MAX, base, entries_of, keys, space, too_busy, unreadable, value};
use crate::storage::s3::object_id::ObjectId;
use crate::storage::{Check, ProjectId, Range, StorageError, Write};

/// A content without a name.
pub(in crate::storage::s3) struct Nameless {
    key: Vec<u8>,
    content: Content,
}

/// Which objects of a content others have, too.
pub(in crate::storage::s3) struct Shares {
    /// Objects that no other content has. Nobody can give them a name any more.
    pub(in crate::storage::s3) sole: Vec<ObjectId>,
    /// The references that were found, and for those of shared objects a reference of another content.
    own: Vec<Vec<u8>>,
    witnesses: Vec<Vec<u8>>,
}

impl Index {
    /// The contents that lost their name before a time, the oldest first.
    pub(in crate::storage::s3) async fn nameless(
        &self,
        project: ProjectId,
        before_ms: u64,
        limit: u32,
    ) -> Result<Vec<Nameless>, StorageError> {
        let (entries, _) = self.scan(project, keys::nameless_before(before_ms, limit)).await?;
        let read = |(key, bytes): (Vec<u8>, Vec<u8>)| {
            let content = Content::read(&bytes)?;
            Ok(Nameless { key, content })
        };
        entries.into_iter().map(read).collect()
    }

    /// The objects of a content without a name. From now on it gets none.
    pub(in crate::storage::s3) async fn seal(
        &self,
        project: ProjectId,
        nameless: &Nameless,
    ) -> Result<Vec<ObjectId>, StorageError> {
        let Content::Joined(id) = nameless.content else {
            return Ok(nameless.id().into_iter().collect());
        };
        for _ in 0..TRIES_MAX {
            let found = self.get(project, &[nameless.key.clone(), keys::extents(id)]).await?;
            let [Some((version, bytes)), extents] = &*found else {
                return Ok(Vec::new());
            };
            let check = Check {
                key: nameless.key.clone(),
                version: *version,
            };
            // It has a new version, so a join that is about to name the content fails.
            let again = Write::Put(nameless.key.clone(), bytes.clone());
            if self.commit(project, vec![check], vec![again]).await? {
                let extents = match extents {
                    Some((_, bytes)) => value::read_extents(bytes)?,
                    None => Vec::new(),
                };
                let mut objects: Vec<ObjectId> = extents.iter().map(|extent| extent.object).collect();
                objects.sort_unstable();
                objects.dedup();
                return Ok(objects);
            }
        }
        Err(too_busy())
    }

    /// Looks who else has these objects of a sealed content.
    pub(in crate::storage::s3) async fn shares(
        &self,
        project: ProjectId,
        nameless: &Nameless,
        objects: &[ObjectId],
    ) -> Result<Shares, StorageError> {
        let mut shares = Shares {
            sole: Vec::new(),
            own: Vec::new(),
            witnesses: Vec::new(),
        };
        let Some(id) = nameless.id() else { return Ok(shares) };
        let references = self.references(project, objects, 2).await?;
        for (object, found) in references {
            let own = keys::reference(object, id);
            let witness = found.into_iter().find(|key| *key != own);
            shares.own.push(own);
            match witness {
                Some(witness) => shares.witnesses.push(witness),
                None => shares.sole.push(object),
            }
        }
        Ok(shares)
    }

    /// Removes the references of a content to objects, of which those that it had alone are deleted. Returns `false`, and removes
    /// nothing, when another content no longer has an object, which then must be looked at again.
    pub(in crate::storage::s3) async fn release(
        &self,
        project: ProjectId,
        shares: Shares,
    ) -> Result<bool, StorageError> {
        let found = self.get(project, &shares.witnesses).await?;
        let mut checks = Vec::with_capacity(found.len());
        for (key, found) in shares.witnesses.into_iter().zip(found) {
            let Some((version, _)) = found else { return Ok(false) };
            checks.push(Check { key, version });
        }
        let writes = shares.own.into_iter().map(Write::Delete).collect();
        self.commit(project, checks, writes).await
    }

    /// Forgets a content whose objects are released.
    pub(in crate::storage::s3) async fn forget(
        &self,
        project: ProjectId,
        nameless: Nameless,
    ) -> Result<(), StorageError> {
        let mut writes = Vec::new();
        if let Content::Joined(id) = nameless.content {
            writes.push(Write::Delete(keys::extents(id)));
        }
        writes.push(Write::Delete(nameless.key));
        self.commit(project, Vec::new(), writes).await.map(drop)
    }

    /// The objects among these that no content has.
    pub(in crate::storage::s3) async fn unused(
        &self,
        project: ProjectId,
        objects: &[ObjectId],
    ) -> Result<Vec<ObjectId>, StorageError> {
        let references = self.references(project, objects, 1).await?;
        let unused = references.into_iter().filter(|(_, found)| found.is_empty());
        Ok(unused.map(|(object, _)| object).collect())
    }

    /// The first references to each of some objects.
    async fn references(
        &self,
        project: ProjectId,
        objects: &[ObjectId],
        limit: u32,
    ) -> Result<BTreeMap<ObjectId, Vec<Vec<u8>>>, StorageError> {
        let ranges: Vec<Range> = objects.iter().map(|object| keys::references(*object, limit)).collect();
        let page = self.records.scan(space(project), &ranges).await?;
        if page.cut.is_some() {
            return Err(unreadable());
        }
        let mut entries = entries_of(&page).into_iter();
        let found = objects.iter().zip(&page.counts).map(|(object, count)| {
            let keys = entries.by_ref().take(usize::try_from(*count).unwrap_or(0));
            (*object, keys.map(|(key, _)| key).collect())
        });
        Ok(found.collect())
    }

    /// Refuses names for objects that were made before a time. Returns `false` when the project has no files, and never had one.
    pub(in crate::storage::s3) async fn refuse_older(
        &self,
        project: ProjectId,
        time_ms: u64,
    ) -> Result<bool, StorageError> {
        let _turn = self.turn(project).await?;
        for _ in 0..TRIES_MAX {
            let found = self.get(project, &[keys::HEAD.to_vec()]).await?;
            let base = base(found.first())?;
            if base.version == 0 || base.head.oldest_ms >= time_ms {
                return Ok(base.version != 0);
            }
            let mut change = Change::new(base.head);
            change.head.oldest_ms = time_ms;
            if self.apply(project, base, change).await? {
                return Ok(true);
            }
        }
        Err(too_busy())
    }

    /// The last object that was looked at.
    pub(in crate::storage::s3) async fn cursor(&self, project: ProjectId) -> Result<ObjectId, StorageError> {
        match self.get(project, &[keys::CURSOR.to_vec()]).await?.pop() {
            Some(Some((_, bytes))) => value::read_id(&bytes),
            _ => Ok(ObjectId::first_of(0)),
        }
    }

    /// Remembers the last object that was looked at.
    pub(in crate::storage::s3) async fn set_cursor(
        &self,
        project: ProjectId,
        last: ObjectId,
    ) -> Result<(), StorageError> {
        // The greater one stays, if two hosts do this at once.
        let cursor = Write::PutMax(keys::CURSOR.to_vec(), value::id_bytes(last));
        self.commit(project, Vec::new(), vec![cursor]).await.map(drop)
    }
}

impl Nameless {
    fn id(&self) -> Option<ObjectId> {
        match self.content {
            Content::Empty => None,
            Content::Object(id) | Content::Joined(id) => Some(id),
        }
    }
}
