//! The stored form of commit statuses that are still to be set.

use super::attempts::{read_attempts, write_attempts};
use super::{Reader, Writer};
use crate::domain::commit_status::PendingStatus;
use crate::domain::id::RunId;
use crate::error::Result;

/// Writes a pending status; experiment and commit are in the key.
pub fn write_pending_status(pending: &PendingStatus) -> Vec<u8> {
    let mut bytes = write_attempts(Writer::new(), &pending.attempts).0;
    bytes.extend_from_slice(&pending.run.0);
    bytes
}

/// Reads a pending status.
pub fn read_pending_status(bytes: &[u8]) -> Result<PendingStatus> {
    let mut reader = Reader::new("pending commit status", bytes)?;
    let attempts = read_attempts(&mut reader)?;
    let run = RunId(reader.array()?);
    reader.end(PendingStatus { run, attempts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempts::Attempts;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pending_status_reads_back(times in any::<(i64, i64)>(), tries in any::<u64>(), run in any::<[u8; 16]>()) {
            let attempts = Attempts { since_ms: times.0, tried_ms: times.1, tries };
            let pending = PendingStatus { run: RunId(run), attempts };
            prop_assert_eq!(read_pending_status(&write_pending_status(&pending)), Ok(pending));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = super::super::VERSION;
            }
            let _ = read_pending_status(&bytes);
        }
    }
}
