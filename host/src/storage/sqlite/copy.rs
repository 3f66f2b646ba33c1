//! A copy of a database at one moment, beside a server that may be running.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, ensure};
use rusqlite::{Connection, OpenFlags};

use super::schema::BUSY_TIMEOUT;
use crate::storage::private_file;

/// Copies a SQLite database, as it is at one moment, to a new file that only its owner can read. The copy is durable when this
/// returns, and as small as its content allows. Writers go on meanwhile.
///
/// # Errors
/// Fails when there is no database, when it is damaged, or when the copy cannot be written.
pub fn copy_database(from: &Path, to: &Path) -> anyhow::Result<()> {
    let copied = || -> anyhow::Result<()> {
        ensure!(from.exists(), "there is no such file");
        // Absolute paths are needed: SQLite takes a relative name that begins with `file:` for a URI.
        let (from, to) = (std::path::absolute(from)?, std::path::absolute(to)?);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let source = Connection::open_with_flags(from, flags)?;
        source.busy_timeout(BUSY_TIMEOUT)?;
        // SQLite writes into a file that exists if it is empty. So the copy never has another mode.
        private_file::create(&to)?;
        let name = to.to_str().context("the path of the copy is no UTF-8")?;
        source.execute("VACUUM INTO ?1", [name])?;
        File::open(&to)?.sync_all()?;
        Ok(())
    };
    copied().with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}
