//! The log of a server: a file to which all its starts append.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Result, ensure};

/// Maximum number of bytes of a log in an error.
const SHOWN: u64 = 4_000;

/// The file of a log.
pub(crate) struct Log(pub(crate) PathBuf);

impl Log {
    /// Checks that no thread of the server panicked. If nothing failed, the log must hold no warnings either.
    /// The log is empty afterwards, since it grows by a line for each request.
    pub(crate) fn check(&self, all_is_well: bool) -> Result<()> {
        let Some(log) = self.open()? else { return Ok(()) };
        for line in BufReader::new(&log).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            let warns = [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
            let is_fault = line.contains("panicked") || all_is_well && warns;
            ensure!(!is_fault, "the server logged: {line}");
        }
        // The server appends to the file.
        Ok(log.set_len(0)?)
    }

    /// Opens the server's log. `None`: it is not a regular file.
    fn open(&self) -> Result<Option<File>> {
        let is_file = fs::metadata(&self.0).is_ok_and(|log| log.is_file());
        let open = || File::options().read(true).write(true).open(&self.0);
        Ok(is_file.then(open).transpose()?)
    }

    /// The last lines of the log, for messages.
    pub(crate) fn end(&self) -> String {
        let read = || -> Result<Vec<u8>> {
            let mut end = Vec::new();
            if let Some(mut log) = self.open()? {
                let length = log.metadata()?.len();
                log.seek(SeekFrom::Start(length.saturating_sub(SHOWN)))?;
                log.take(SHOWN).read_to_end(&mut end)?;
            }
            Ok(end)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}
