//! The directories of the projects, and the blocking operations on them.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tempfile::TempPath;

use super::directories::{Directories, Made, make_directory, sync_directory};
use super::listing::{self, PageSize};
use super::{absent, names, unavailable};
use crate::convert::to_usize;
use crate::storage::{BlobInfo, BlobItem, LIST_NAME_BYTES, ListRequest, ProjectId, StorageError, lock_exclusively};

/// Maximum number of attempts to move a file whose directory was removed at the same moment. In each attempt
/// some other call made progress.
const MOVES_MAX: usize = 1_000;

/// Name of the directory that holds one directory for each project.
pub(super) const PROJECTS: &str = "projects";

/// The directory of all blobs.
pub(super) struct Tree {
    pub(super) directories: Directories,
    pub(super) staging: PathBuf,
    _lock: File,
}

impl Tree {
    pub(super) fn open(root: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(root)?;
        let lock = lock_exclusively(&root.join("lock"))?;
        let (projects, staging) = (root.join(PROJECTS), root.join("staging"));
        fs::remove_dir_all(&staging).or_else(absent)?;
        for directory in [&projects, &staging] {
            make_directory(directory).or_else(|error| if directory.is_dir() { Ok(()) } else { Err(error) })?;
        }
        sync_directory(root)?;
        Ok(Self {
            directories: Directories::new(projects),
            staging,
            _lock: lock,
        })
    }

    /// Gives the file its name, durably.
    pub(super) fn commit(&self, project: ProjectId, file: TempPath, name: &str) -> Result<(), StorageError> {
        let path = self.path(project, name);
        let mut made = Made::default();
        let moved = self.move_in(file, &path, &mut made);
        if moved.is_err() {
            // A failed commit leaves no empty directories.
            drop(self.directories.prune(&path));
        }
        let settled = self.directories.settle(&path, made);
        let synced = moved
            .and(settled)
            .and_then(|()| self.directories.sync(path.parent().unwrap_or(self.directories.root())));
        synced.map_err(|error| match error.kind() {
            ErrorKind::IsADirectory => StorageError::InvalidName("a directory has this name".into()),
            ErrorKind::NotADirectory => {
                StorageError::InvalidName("a file has the name of one of its directories".into())
            }
            _ => unavailable("cannot name a file")(error),
        })
    }

    fn move_in(&self, mut file: TempPath, path: &Path, made: &mut Made) -> io::Result<()> {
        let mut moves = 0;
        loop {
            let Err(failed) = file.persist(path) else { return Ok(()) };
            moves += 1;
            if failed.error.kind() != ErrorKind::NotFound || moves == MOVES_MAX {
                return Err(failed.error);
            }
            file = failed.path;
            match self.directories.make_above(path, made) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }

    /// Returns size and time of a file. `None`: there is none.
    pub(super) fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        let found = fs::metadata(self.path(project, name)).map(Some).or_else(absent);
        let found = found.map_err(unavailable("cannot look at a file"))?;
        Ok(found.filter(fs::Metadata::is_file).as_ref().map(info))
    }

    /// Opens a file for reading. Its bytes stay readable, whatever happens to its name.
    pub(super) fn open_file(&self, project: ProjectId, name: &str) -> Result<Option<(File, BlobInfo)>, StorageError> {
        let open = || -> io::Result<Option<(File, BlobInfo)>> {
            let file = File::open(self.path(project, name))?;
            let found = file.metadata()?;
            Ok(found.is_file().then(|| (file, info(&found))))
        };
        open().or_else(absent).map_err(unavailable("cannot open a file"))
    }

    /// Lists a page of a directory. One pass over the directory keeps a page of names in memory.
    pub(super) fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        let size = PageSize {
            items: to_usize(page.limit),
            name_bytes: LIST_NAME_BYTES,
        };
        listing::list(&self.path(project, page.directory), page.after, size)
            .map_err(unavailable("cannot list a directory"))
    }

    /// Removes a file, and the directories that it leaves empty.
    pub(super) fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        let path = self.path(project, name);
        let delete = || -> io::Result<Option<File>> {
            if !fs::metadata(&path)?.is_file() {
                return Ok(None);
            }
            fs::remove_file(&path)?;
            self.directories.prune(&path).map(Some)
        };
        let changed = delete().or_else(absent).map_err(unavailable("cannot remove a file"))?;
        let Some(directory) = changed else { return Ok(false) };
        directory
            .sync_all()
            .map_err(unavailable("cannot remove a file durably"))?;
        Ok(true)
    }

    /// Removes a directory with its contents, and the directories that it leaves empty.
    pub(super) fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        let path = self.path(project, directory);
        if !path.is_dir() {
            return Ok(false);
        }
        // If this is interrupted, the next start removes the rest with the staged files.
        let aside = tempfile::tempdir_in(&self.staging).map_err(unavailable("cannot make a directory"))?;
        let delete = || -> io::Result<Option<File>> {
            if !fs::metadata(&path)?.is_dir() {
                return Ok(None);
            }
            // Because of the slash at its end, a file that has replaced the directory meanwhile is not moved.
            fs::rename(path.join(""), aside.path().join("directory"))?;
            self.directories.prune(&path).map(Some)
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
        let mut path = self.directories.root().join(project.0.to_string());
        // Pushing the path of the empty name would add a slash.
        if !name.is_empty() {
            path.push(names::path_of(name));
        }
        path
    }
}

/// Size and time of a file.
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
