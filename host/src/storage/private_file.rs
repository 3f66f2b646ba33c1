//! Files that only the server's user may read.

use std::io::ErrorKind;
use std::path::Path;

/// Creates an empty file of mode 0600, which SQLite's `-wal` and `-shm` files inherit. A file that exists stays as it is. The
/// file is closed before it gets its name: closing a file that SQLite has open in this process releases SQLite's locks on it.
pub(crate) fn create(path: &Path) -> std::io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let closed = tempfile::NamedTempFile::new_in(directory)?.into_temp_path();
    match closed.persist_noclobber(path) {
        Err(error) if error.error.kind() != ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}
