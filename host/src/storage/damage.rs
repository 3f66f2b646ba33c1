//! Advice to an administrator whose database file cannot be used.

use std::path::Path;

use rusqlite::ErrorCode;

/// The remedy for a damaged file whose content is nowhere else.
pub(crate) const RESTORE: &str = "restore a backup of the data directory";

/// Says in front of an error of SQLite which file is at fault, and what helps. `remedy` helps if the file is damaged.
pub(crate) fn advised(error: anyhow::Error, path: &Path, remedy: &str) -> anyhow::Error {
    let code = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<rusqlite::Error>()?.sqlite_error_code());
    let path = path.display();
    match code {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            error.context(format!("{path} is damaged, or no database: {remedy}"))
        }
        Some(ErrorCode::DiskFull) => error.context(format!("the disk of {path} is full: make room")),
        Some(ErrorCode::ReadOnly) => error.context(format!("{path} cannot be written: see its owner and mode")),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[test]
    fn a_full_disk_is_told_with_its_file() {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 2")
            .unwrap();
        let fill = connection.execute("INSERT INTO t VALUES (zeroblob(1000000))", []);
        let error = advised(fill.unwrap_err().into(), Path::new("/data/records.db"), RESTORE);
        let told = format!("{error:#}");
        assert!(
            told.starts_with("the disk of /data/records.db is full: make room: "),
            "{told}"
        );
    }
}
