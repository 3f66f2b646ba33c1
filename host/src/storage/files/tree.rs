//! The directories of the projects: what is done to them, by calls that block.

use std::collections::BinaryHeap;
use std::fs::{self, DirBuilder, DirEntry, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};
use std::time::UNIX_EPOCH;

use tempfile::TempPath;

use super::names::{self, Part};
use super::unavailable;
use crate::storage::{BlobInfo, BlobItem, ProjectId, StorageError, lock_exclusively};

/// The directory of all blobs.
pub(super) struct Tree {
    projects: PathBuf,
    pub(super) staging: PathBuf,
    /// Held to write while names appear or go, so that no directory is removed as empty just when a file moves in.
    names: RwLock<()>,
    _lock: File,
}

impl Tree {
    pub(super) fn open(root: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(root)?;
        let lock = lock_exclusively(&root.join("lock"))?;
        let (projects, staging) = (root.join("projects"), root.join("staging"));
        fs::remove_dir_all(&staging).or_else(absent)?;
        for directory in [&projects, &staging] {
            make_directory(directory).or_else(|error| if directory.is_dir() { Ok(()) } else { Err(error) })?;
        }
        sync_directory(root)?;
        Ok(Self {
            projects,
            staging,
            names: RwLock::new(()),
            _lock: lock,
        })
    }

    /// Gives the file its name, durably.
    pub(super) fn commit(&self, project: ProjectId, file: TempPath, name: &str) -> Result<(), StorageError> {
        let path = self.path(project, name);
        let names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        let moved = match file.persist(&path) {
            Err(missing) if missing.error.kind() == ErrorKind::NotFound => self
                .make_parents(&path)
                .and_then(|()| missing.path.persist(&path).map_err(|failed| failed.error))
                .inspect_err(|_| drop(self.prune(&path))),
            moved => moved.map_err(|failed| failed.error),
        };
        let directory = moved.and_then(|()| File::open(path.parent().unwrap_or(&self.projects)));
        drop(names);
        directory
            .and_then(|directory| directory.sync_all())
            .map_err(|error| match error.kind() {
                ErrorKind::IsADirectory => StorageError::InvalidName("a directory has this name".into()),
                ErrorKind::NotADirectory => {
                    StorageError::InvalidName("a file has the name of one of its directories".into())
                }
                _ => unavailable("cannot name a file")(error),
            })
    }

    /// Size and time of a file.
    pub(super) fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        let found = fs::metadata(self.path(project, name)).map(Some).or_else(absent);
        let found = found.map_err(unavailable("cannot look at a file"))?;
        Ok(found.filter(fs::Metadata::is_file).as_ref().map(info))
    }

    /// Opens a file to read; its bytes stay, whatever happens to its name.
    pub(super) fn open_file(&self, project: ProjectId, name: &str) -> Result<Option<(File, BlobInfo)>, StorageError> {
        let open = || -> io::Result<Option<(File, BlobInfo)>> {
            let file = File::open(self.path(project, name))?;
            let found = file.metadata()?;
            Ok(found.is_file().then(|| (file, info(&found))))
        };
        open().or_else(absent).map_err(unavailable("cannot open a file"))
    }

    /// The items behind `after`, at one moment. It reads the whole directory, and keeps at most `limit` items in memory.
    pub(super) fn list(
        &self,
        project: ProjectId,
        directory: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<BlobItem>, StorageError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut listing = Listing {
            after,
            limit,
            found: BinaryHeap::new(),
        };
        let _names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let listed = listing
            .gather(&self.path(project, directory), "")
            .and_then(|()| listing.finish());
        listed.map_err(unavailable("cannot list a directory"))
    }

    /// Removes a file, and the directories that it leaves empty.
    pub(super) fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        let path = self.path(project, name);
        let delete = || -> io::Result<Option<File>> {
            let _names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            if !fs::metadata(&path)?.is_file() {
                return Ok(None);
            }
            fs::remove_file(&path)?;
            self.prune(&path).map(Some)
        };
        let changed = delete().or_else(absent).map_err(unavailable("cannot remove a file"))?;
        let Some(directory) = changed else { return Ok(false) };
        directory
            .sync_all()
            .map_err(unavailable("cannot remove a file durably"))?;
        Ok(true)
    }

    /// Removes a directory whole, and the directories that it leaves empty.
    pub(super) fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        let path = self.path(project, directory);
        // What lies among the staged files is removed by the next start at the latest.
        let aside = tempfile::tempdir_in(&self.staging).map_err(unavailable("cannot make a directory"))?;
        let delete = || -> io::Result<Option<File>> {
            let _names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            if !fs::metadata(&path)?.is_dir() {
                return Ok(None);
            }
            fs::rename(&path, aside.path().join("directory"))?;
            self.prune(&path).map(Some)
        };
        let changed = delete()
            .or_else(absent)
            .map_err(unavailable("cannot remove a directory"))?;
        let Some(above) = changed else { return Ok(false) };
        above
            .sync_all()
            .map_err(unavailable("cannot remove a directory durably"))?;
        aside.close().map_err(unavailable("cannot remove a directory whole"))?;
        Ok(true)
    }

    fn path(&self, project: ProjectId, name: &str) -> PathBuf {
        let mut path = self.projects.join(project.0.to_string());
        // The path of the empty name would add a slash.
        if !name.is_empty() {
            path.push(names::path_of(name));
        }
        path
    }

    /// Makes the directories that a file needs, durably: another commit may rely on them at once.
    fn make_parents(&self, path: &Path) -> io::Result<()> {
        let parents = path
            .strip_prefix(&self.projects)
            .ok()
            .and_then(Path::parent)
            .unwrap_or(Path::new(""));
        let mut directory = self.projects.clone();
        for part in parents {
            let above = directory.clone();
            directory.push(part);
            match make_directory(&directory) {
                Ok(()) => sync_directory(&above)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes the empty directories above a path; the answer is the lowest that stays.
    fn prune(&self, path: &Path) -> io::Result<File> {
        let mut above = path
            .ancestors()
            .skip(1)
            .take_while(|directory| *directory != self.projects);
        let stays = above.find(|directory| fs::remove_dir(directory).is_err() && directory.exists());
        File::open(stays.unwrap_or(&self.projects))
    }
}

/// What is known of a file.
fn info(file: &fs::Metadata) -> BlobInfo {
    let since = file
        .modified()
        .ok()
        .and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    BlobInfo {
        size: file.len(),
        modified_ms: since.unwrap_or_default().as_millis().try_into().unwrap_or(u64::MAX),
    }
}

/// A page of a directory, being put together.
struct Listing<'a> {
    after: Option<&'a str>,
    limit: usize,
    /// The lowest names seen so far, and where they are.
    found: BinaryHeap<(String, PathBuf)>,
}

impl Listing<'_> {
    /// Takes in a directory in which names begin with `begin`, which is as it is written there.
    fn gather(&mut self, directory: &Path, begin: &str) -> io::Result<()> {
        let Some(entries) = fs::read_dir(directory).map(Some).or_else(absent)? else {
            return Ok(());
        };
        for entry in entries {
            self.take(&entry?, begin)?;
        }
        Ok(())
    }

    fn take(&mut self, entry: &DirEntry, begin: &str) -> io::Result<()> {
        let component = entry.file_name();
        match component.to_str().and_then(names::part_of) {
            Some(Part::Begin(part)) => self.gather(&entry.path(), &format!("{begin}{part}"))?,
            Some(Part::End(part)) => {
                let name = names::decode(&format!("{begin}{part}"));
                if let Some(name) = name.filter(|name| self.after.is_none_or(|after| name.as_str() > after)) {
                    self.found.push((name, entry.path()));
                }
                if self.found.len() > self.limit {
                    self.found.pop();
                }
            }
            None => {}
        }
        Ok(())
    }

    fn finish(self) -> io::Result<Vec<BlobItem>> {
        let sized = self.found.into_sorted_vec().into_iter().map(|(name, path)| {
            let found = fs::metadata(path)?;
            Ok(BlobItem {
                name,
                size: found.is_file().then_some(found.len()),
            })
        });
        sized.collect()
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Nothing there is no failure.
fn absent<T: Default>(error: io::Error) -> io::Result<T> {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(T::default()),
        _ => Err(error),
    }
}
