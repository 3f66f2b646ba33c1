//! Changes of one name.

use std::collections::BTreeSet;

use super::value::{Head, extents_bytes};
use super::{Base, Content, Entry, File, Index, NewFile, TRIES_MAX, base, entry, keys, too_busy};
use crate::storage::quota::{no_room, too_many_files};
use crate::storage::s3::extent::Extent;
use crate::storage::s3::object_id::{ObjectId, now_ms};
use crate::storage::{Check, FileUsage, ProjectId, StorageError, Write};

/// The entries of a name and of the directories above it.
pub(super) struct Place<'a> {
    pub(super) base: Base,
    name: &'a str,
    own: Option<Entry>,
    /// The directories above it, the nearest first.
    above: Vec<(&'a str, Option<Entry>)>,
}

impl Index {
    /// Gives a received file its name, in place of a former file.
    pub(in crate::storage::s3) async fn name(
        &self,
        project: ProjectId,
        name: &str,
        new: &NewFile,
    ) -> Result<(), StorageError> {
        let _turn = self.turn(project).await?;
        for _ in 0..TRIES_MAX {
            let place = self.place(project, name).await?;
            if self.try_name(project, &place, new).await? {
                return Ok(());
            }
        }
        Err(too_busy())
    }

    /// Gives an object its name as `name` does. An object that has, or had, a name keeps what became of it.
    pub(in crate::storage::s3) async fn name_once(
        &self,
        project: ProjectId,
        name: &str,
        object: ObjectId,
        size: u64,
    ) -> Result<(), StorageError> {
        let new = NewFile {
            size,
            digest: None,
            extents: vec![Extent { object, size }],
        };
        let _turn = self.turn(project).await?;
        for _ in 0..TRIES_MAX {
            let place = self.place(project, name).await?;
            // Read after the head. If another host names the object meanwhile, the head has changed.
            let named = self.get(project, &[keys::reference(object, object)]).await?;
            if matches!(named.first(), Some(Some(_))) || self.try_name(project, &place, &new).await? {
                return Ok(());
            }
        }
        Err(too_busy())
    }

    /// Refuses a file of this size as `name` would now.
    pub(in crate::storage::s3) async fn refuse_unfit(
        &self,
        project: ProjectId,
        name: &str,
        size: u64,
    ) -> Result<(), StorageError> {
        let place = self.place(project, name).await?;
        let mut change = place.begin()?;
        let file = File {
            size,
            modified_ms: 0,
            digest: None,
            content: Content::Empty,
        };
        let old = change.put(&place, file);
        self.refuse_beyond_bound(project, &change.head, size > old.bytes, old.files == 0)
    }

    /// Names a file as decided on what was read. Returns `false` when the head has changed.
    async fn try_name(&self, project: ProjectId, place: &Place<'_>, new: &NewFile) -> Result<bool, StorageError> {
        let mut change = place.begin()?;
        let oldest = new.extents.iter().map(|extent| extent.object.made_ms).min();
        if oldest.is_some_and(|made_ms| made_ms < place.base.head.oldest_ms) {
            return Err(StorageError::Unavailable(
                "an upload took longer than a day, or the clock of this host is wrong".to_owned(),
            ));
        }
        let content = change.add_content(&new.extents)?;
        let file = File {
            size: new.size,
            modified_ms: now_ms(),
            digest: new.digest,
            content,
        };
        let old = change.put(place, file);
        self.refuse_beyond_bound(project, &change.head, new.size > old.bytes, old.files == 0)?;
        self.apply(project, place.base, change).await
    }

    /// Removes a file. Returns `false` when there was none.
    pub(in crate::storage::s3) async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        let _turn = self.turn(project).await?;
        for _ in 0..TRIES_MAX {
            let place = self.place(project, name).await?;
            let Some(Entry::File(file)) = &place.own else {
                return Ok(false);
            };
            let mut change = Change::new(place.base.head);
            change.remove(keys::entry(name), file);
            self.prune(project, name, &mut change.writes).await?;
            if self.apply(project, place.base, change).await? {
                return Ok(true);
            }
        }
        Err(too_busy())
    }

    /// Reads what is needed to change a name, the head with it.
    pub(super) async fn place<'a>(&self, project: ProjectId, name: &'a str) -> Result<Place<'a>, StorageError> {
        let mut above = Vec::new();
        let mut rest = name;
        while let Some((directory, _)) = rest.rsplit_once('/') {
            above.push(directory);
            rest = directory;
        }
        let mut keys = vec![keys::HEAD.to_vec(), keys::entry(name)];
        keys.extend(above.iter().map(|directory| keys::entry(directory)));
        let found = self.get(project, &keys).await?;
        let above = above.into_iter().zip(found.iter().skip(2));
        let above = above.map(|(directory, found)| Ok((directory, entry(Some(found))?)));
        Ok(Place {
            base: base(found.first())?,
            name,
            own: entry(found.get(1))?,
            above: above.collect::<Result<_, StorageError>>()?,
        })
    }

    /// Removes the directories above a name that have nothing else. The head must have been read before.
    pub(super) async fn prune(
        &self,
        project: ProjectId,
        name: &str,
        writes: &mut Vec<Write>,
    ) -> Result<(), StorageError> {
        let mut gone = name;
        while let Some((directory, _)) = gone.rsplit_once('/') {
            let (entries, _) = self.scan(project, keys::listing(directory, None, 2)).await?;
            if entries.iter().any(|(key, _)| *key != keys::entry(gone)) {
                break;
            }
            writes.push(Write::Delete(keys::entry(directory)));
            gone = directory;
        }
        Ok(())
    }

    /// Refuses a change after which the files of a project are more than they may be, if it adds bytes or a file.
    pub(super) fn refuse_beyond_bound(
        &self,
        project: ProjectId,
        head: &Head,
        grows: bool,
        is_new: bool,
    ) -> Result<(), StorageError> {
        let Some(max) = self.max.get().map(|max| max.of(project)) else {
            return Ok(());
        };
        if is_new && head.usage.files > max.files {
            return Err(too_many_files(head.usage.files - 1, max.files));
        }
        if grows && head.usage.bytes > max.bytes {
            return Err(no_room(max.bytes));
        }
        Ok(())
    }
}

impl Place<'_> {
    /// Begins a change that gives the name to a file. Refuses it if a directory has it, or a file the name of one of its
    /// directories, as in a file system.
    pub(super) fn begin(&self) -> Result<Change, StorageError> {
        if self.own == Some(Entry::Directory) {
            return Err(StorageError::InvalidName("a directory has this name".into()));
        }
        if self
            .above
            .iter()
            .any(|(_, found)| matches!(found, Some(Entry::File(_))))
        {
            return Err(StorageError::InvalidName(
                "a file has the name of one of its directories".into(),
            ));
        }
        Ok(Change::new(self.base.head))
    }

    /// The file that has the name now.
    fn old(&self) -> FileUsage {
        match &self.own {
            Some(Entry::File(file)) => FileUsage::one(file.size),
            _ => FileUsage::default(),
        }
    }
}

/// The writes of a change, what it needs besides the head, and the head after it.
pub(super) struct Change {
    pub(super) head: Head,
    pub(super) checks: Vec<Check>,
    pub(super) writes: Vec<Write>,
}

impl Change {
    pub(super) fn new(head: Head) -> Self {
        Self {
            head,
            checks: Vec::new(),
            writes: Vec::new(),
        }
    }

    /// Adds the content of a received file.
    fn add_content(&mut self, extents: &[Extent]) -> Result<Content, StorageError> {
        match extents {
            [] => Ok(Content::Empty),
            [extent] => {
                let object = extent.object;
                self.writes
                    .push(Write::Put(keys::reference(object, object), Vec::new()));
                Ok(Content::Object(object))
            }
            _ => {
                let (content, records) = joined(extents)?;
                self.writes.extend(records);
                Ok(content)
            }
        }
    }

    /// Puts a file at its place, with the directories that it needs. Returns the file that it replaces.
    pub(super) fn put(&mut self, place: &Place<'_>, file: File) -> FileUsage {
        if let Some(Entry::File(old)) = &place.own {
            self.forget(old);
        }
        for (directory, _) in place.above.iter().filter(|(_, found)| found.is_none()) {
            let entry = Write::Put(keys::entry(directory), Entry::Directory.bytes());
            self.writes.push(entry);
        }
        self.head.usage.files += 1;
        self.head.usage.bytes = self.head.usage.bytes.saturating_add(file.size);
        let entry = Write::Put(keys::entry(place.name), Entry::File(file).bytes());
        self.writes.push(entry);
        place.old()
    }

    /// Removes the entry of a file.
    pub(super) fn remove(&mut self, key: Vec<u8>, file: &File) {
        self.writes.push(Write::Delete(key));
        self.forget(file);
    }

    /// Takes a file out of the sums. Its content has no name from now on.
    fn forget(&mut self, file: &File) {
        let usage = &mut self.head.usage;
        usage.files = usage.files.saturating_sub(1);
        usage.bytes = usage.bytes.saturating_sub(file.size);
        if let Content::Object(id) | Content::Joined(id) = file.content {
            let nameless = keys::nameless(now_ms(), id);
            self.writes.push(Write::Put(nameless, file.content.bytes()));
        }
    }
}

/// A new content of these objects, and its records: the references to the objects, and at last the extents.
pub(super) fn joined(extents: &[Extent]) -> Result<(Content, Vec<Write>), StorageError> {
    let id = ObjectId::fresh()?;
    let objects: BTreeSet<ObjectId> = extents.iter().map(|extent| extent.object).collect();
    let references = objects.into_iter().map(|object| keys::reference(object, id));
    let mut records: Vec<Write> = references.map(|key| Write::Put(key, Vec::new())).collect();
    records.push(Write::Put(keys::extents(id), extents_bytes(extents)));
    Ok((Content::Joined(id), records))
}
