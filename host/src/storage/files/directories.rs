//! The directories above the files: made when a file needs them, removed when they are empty, and on disk before a file in
//! them is acknowledged. No lock is held while the file system works, so nothing of one project waits for another's.
//!
//! A directory may be removed as empty just before a file moves in: the move then fails, and is tried again with a new
//! directory. A file may move into a directory that another upload has just made: whoever relies on such a directory brings
//! it to the disk, too.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Directories below one that always stays.
pub(super) struct Directories {
    root: PathBuf,
    /// Those that were made and may not be on disk yet, and by how many uploads. The lock is held for a look only.
    fresh: Mutex<BTreeMap<PathBuf, usize>>,
    #[cfg(test)]
    pub(super) synced: Mutex<Vec<PathBuf>>,
}

/// Directories that one upload made.
#[derive(Default)]
pub(super) struct Made(Vec<PathBuf>);

impl Directories {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            fresh: Mutex::default(),
            #[cfg(test)]
            synced: Mutex::default(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Makes the directories above a path that are not there; they are fresh until they are settled. `NotFound` when one of
    /// them was removed meanwhile.
    pub(super) fn make_above(&self, path: &Path, made: &mut Made) -> io::Result<()> {
        for directory in self.above(path).into_iter().rev() {
            // Before it is there, so that nobody relies on it without knowing.
            *self.fresh().entry(directory.to_owned()).or_default() += 1;
            match make_directory(directory) {
                Ok(()) => made.0.push(directory.to_owned()),
                Err(error) => {
                    self.forget(directory);
                    if error.kind() != ErrorKind::AlreadyExists {
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// Brings the fresh directories above a path to the disk, also those that others made.
    pub(super) fn settle(&self, path: &Path, made: Made) -> io::Result<()> {
        let fresh: Vec<&Path> = {
            let fresh = self.fresh();
            let above = self.above(path).into_iter().rev();
            above.filter(|directory| fresh.contains_key(*directory)).collect()
        };
        for directory in fresh {
            self.sync(directory.parent().unwrap_or(&self.root))?;
        }
        // Should that fail, they stay fresh, and the next upload tries again.
        made.0.iter().for_each(|directory| self.forget(directory));
        Ok(())
    }

    /// Brings what changed in a directory to the disk. One that was removed meanwhile has nothing that could be lost.
    pub(super) fn sync(&self, directory: &Path) -> io::Result<()> {
        #[cfg(test)]
        self.synced
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(directory.to_owned());
        match sync_directory(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            synced => synced,
        }
    }

    /// Removes the empty directories above a path; the answer is the lowest that stays.
    pub(super) fn prune(&self, path: &Path) -> io::Result<File> {
        for directory in self.above(path) {
            if fs::remove_dir(directory).is_ok() {
                continue;
            }
            match File::open(directory) {
                // Somebody else removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        File::open(&self.root)
    }

    /// The directories above a path, without the one that always stays, the lowest first.
    fn above<'p>(&self, path: &'p Path) -> Vec<&'p Path> {
        let above = path.ancestors().skip(1);
        above.take_while(|directory| *directory != self.root).collect()
    }

    fn forget(&self, directory: &Path) {
        let mut fresh = self.fresh();
        if let Some(count) = fresh.get_mut(directory) {
            *count -= 1;
            if *count == 0 {
                fresh.remove(directory);
            }
        }
    }

    fn fresh(&self) -> MutexGuard<'_, BTreeMap<PathBuf, usize>> {
        // No code that may panic runs under the lock.
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
