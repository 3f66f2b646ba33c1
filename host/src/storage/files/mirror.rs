//! Copies of a directory of blobs, by hard links where the file system allows it.
//!
//! A blob is written once and then only renamed, replaced or removed. So a hard link keeps its bytes, whatever happens to the
//! name.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::checksum::Checksum;

/// Counts of a mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MirrorCounts {
    /// Files that were linked.
    pub linked: u64,
    /// Files whose bytes were copied.
    pub copied: u64,
    /// Bytes that were copied.
    pub copied_bytes: u64,
}

/// Brings all files of a directory of blobs into another one. Files that are there already with the same bytes stay. A file
/// is linked, or else linked to the same one in `former`, an earlier mirror, or else copied. Files that appear or vanish
/// meanwhile may be there or not. Files of `to` that `from` does not have stay.
///
/// # Errors
/// Fails when a directory cannot be read or a file cannot be written. The rest is then missing.
pub fn mirror_blobs(from: &Path, to: &Path, former: Option<&Path>) -> io::Result<MirrorCounts> {
    let projects = |directory: &Path| directory.join(super::tree::PROJECTS);
    let mirror = Mirror {
        from: projects(from),
        to: projects(to),
        former: former.map(projects),
    };
    let mut counts = MirrorCounts::default();
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        mirror.directory(&directory, &mut directories, &mut counts)?;
    }
    Ok(counts)
}

struct Mirror {
    from: PathBuf,
    to: PathBuf,
    former: Option<PathBuf>,
}

impl Mirror {
    /// Mirrors the files directly in a directory, and adds its subdirectories to `further`.
    fn directory(&self, directory: &Path, further: &mut Vec<PathBuf>, counts: &mut MirrorCounts) -> io::Result<()> {
        let Some(entries) = if_present(fs::read_dir(self.from.join(directory)))? else {
            return Ok(());
        };
        make_directory(&self.to.join(directory))?;
        for entry in entries {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            match if_present(entry.metadata())? {
                Some(found) if found.is_dir() => further.push(path),
                Some(found) if found.is_file() => self.file(&path, &found, counts)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn file(&self, path: &Path, found: &Metadata, counts: &mut MirrorCounts) -> io::Result<()> {
        let (from, to) = (self.from.join(path), self.to.join(path));
        if fs::metadata(&to).is_ok_and(|there| is_same(&there, found)) {
            return Ok(());
        }
        remove(&to)?;
        if fs::hard_link(&from, &to).is_ok() {
            counts.linked += 1;
            return Ok(());
        }
        if let Some(former) = self.former.as_ref().map(|former| former.join(path))
            && fs::metadata(&former).is_ok_and(|there| is_same(&there, found))
            && fs::hard_link(&former, &to).is_ok()
        {
            counts.linked += 1;
            return Ok(());
        }
        let Some(bytes) = if_present(copy(&from, &to))? else {
            return Ok(());
        };
        counts.copied += 1;
        counts.copied_bytes += bytes;
        Ok(())
    }
}

/// True if two files have the same bytes: a blob with another content has another time.
fn is_same(one: &Metadata, other: &Metadata) -> bool {
    let times = (one.modified().ok(), other.modified().ok());
    one.is_file() && one.len() == other.len() && times.0.is_some() && times.0 == times.1
}

/// Copies a file with its time and checksum, durably. After an error the copy does not exist.
fn copy(from: &Path, to: &Path) -> io::Result<u64> {
    let mut source = File::open(from)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    let mut target = crate::storage::owner_only(&mut options).open(to)?;
    let mut fill = || -> io::Result<u64> {
        let bytes = io::copy(&mut source, &mut target)?;
        target.set_modified(source.metadata()?.modified()?)?;
        if let Some(checksum) = Checksum::recorded(&source) {
            checksum.record(&target);
        }
        target.sync_all()?;
        Ok(bytes)
    };
    fill().inspect_err(|_| _ = fs::remove_file(to))
}

/// Makes a directory, in place of a file of that name.
fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_file() {
        fs::remove_file(path)?;
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Removes what has a name, if anything has.
fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return fs::remove_dir_all(path);
    }
    if_present(fs::remove_file(path)).map(|_| ())
}

/// `None`: it vanished meanwhile.
pub(super) fn if_present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn blobs() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let place = tempfile::tempdir().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        fs::create_dir_all(from.join("projects/1/na")).unwrap();
        fs::write(from.join("projects/1/na/nx"), "one").unwrap();
        (place, from, to)
    }

    /// Gives a file new bytes, as an upload does: under a new inode.
    fn replace(file: &Path, bytes: &str) {
        fs::remove_file(file).unwrap();
        fs::write(file, bytes).unwrap();
    }

    #[test]
    fn a_mirror_keeps_the_bytes_of_files_that_change_afterwards() {
        let (_place, from, to) = blobs();
        assert_eq!(mirror_blobs(&from, &to, None).unwrap().linked, 1);
        replace(&from.join("projects/1/na/nx"), "other");
        assert_eq!(fs::read_to_string(to.join("projects/1/na/nx")).unwrap(), "one");
        assert_eq!(mirror_blobs(&from, &to, None).unwrap().linked, 1);
        assert_eq!(fs::read_to_string(to.join("projects/1/na/nx")).unwrap(), "other");
        assert_eq!(mirror_blobs(&from, &to, None).unwrap(), MirrorCounts::default());
    }

    #[test]
    fn a_file_takes_the_place_of_a_directory_and_the_reverse() {
        let (_place, from, to) = blobs();
        mirror_blobs(&from, &to, None).unwrap();
        fs::remove_dir_all(from.join("projects/1/na")).unwrap();
        fs::write(from.join("projects/1/na"), "file").unwrap();
        mirror_blobs(&from, &to, None).unwrap();
        assert_eq!(fs::read_to_string(to.join("projects/1/na")).unwrap(), "file");
        replace(&from.join("projects/1/na"), "");
        fs::remove_file(from.join("projects/1/na")).unwrap();
        fs::create_dir(from.join("projects/1/na")).unwrap();
        mirror_blobs(&from, &to, None).unwrap();
        assert!(to.join("projects/1/na").is_dir());
    }

    #[test]
    fn a_copy_has_the_time_and_the_checksum_of_its_file() {
        let (place, from, _) = blobs();
        let (file, copied) = (from.join("projects/1/na/nx"), place.path().join("copy"));
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_modified(time)
            .unwrap();
        let checksum = Checksum::computed(&File::open(&file).unwrap()).unwrap();
        checksum.record(&File::open(&file).unwrap());
        assert_eq!(copy(&file, &copied).unwrap(), 3);
        assert_eq!(Checksum::recorded(&File::open(&copied).unwrap()), Some(checksum));
        assert!(is_same(&fs::metadata(&file).unwrap(), &fs::metadata(&copied).unwrap()));
        assert!(copy(&file, &copied).is_err(), "a copy never overwrites");
    }

    #[test]
    fn no_directory_of_projects_is_an_empty_mirror() {
        let place = tempfile::tempdir().unwrap();
        let counts = mirror_blobs(&place.path().join("none"), &place.path().join("to"), None);
        assert_eq!(counts.unwrap(), MirrorCounts::default());
    }
}
