//! The directories above the files. They are made when a file needs them and removed when they are empty.
//! They are on disk before a file in them is acknowledged. No lock is held during calls of the file system,
//! so no project waits for another's files.
//!
//! An empty directory may be removed just before a file moves in. The move then fails and is tried again with
//! a new directory. A file may also move into a directory that another upload has just made. Then both
//! uploads sync that directory.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Directories below a root that is never removed.
pub(super) struct Directories {
    root: PathBuf,
    /// Directories that may not be on disk yet, with the number of uploads that made them. The lock is held
    /// only to read or change the map.
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

    /// Makes the missing directories above a path. They count as fresh until they are settled. Returns
    /// `NotFound` when one of them was removed meanwhile.
    pub(super) fn make_above(&self, path: &Path, made: &mut Made) -> io::Result<()> {
        for directory in self.above(path).into_iter().rev() {
            // The entry is added before the directory exists, so that no other upload finds a directory that
            // is not on disk.
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

    /// Syncs the fresh directories above a path, including those that other uploads made.
    pub(super) fn settle(&self, path: &Path, made: Made) -> io::Result<()> {
        let fresh: Vec<&Path> = {
            let fresh = self.fresh();
            let above = self.above(path).into_iter().rev();
            above.filter(|directory| fresh.contains_key(*directory)).collect()
        };
        for directory in fresh {
            self.sync(directory.parent().unwrap_or(&self.root))?;
        }
        // If the sync fails, they stay fresh, and the next upload tries again.
        made.0.iter().for_each(|directory| self.forget(directory));
        Ok(())
    }

    /// Syncs the entries of a directory. A directory that was removed meanwhile has nothing to lose.
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

    /// Removes the empty directories above a path. Returns the lowest one that is left.
    pub(super) fn prune(&self, path: &Path) -> io::Result<File> {
        for directory in self.above(path) {
            if fs::remove_dir(directory).is_ok() {
                continue;
            }
            match File::open(directory) {
                // Another thread removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => return opened,
            }
        }
        File::open(&self.root)
    }

    /// The directories above a path, without the root, the lowest first.
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
