//! The stored form of attempts at a call of the forge, which is a part of other records.

use super::{Reader, Writer};
use crate::domain::attempts::Attempts;
use crate::error::Result;

/// Appends attempts.
pub(super) fn write_attempts(writer: Writer, attempts: &Attempts) -> Writer {
    writer
        .signed(attempts.since_ms)
        .signed(attempts.tried_ms)
        .number(attempts.tries)
}

/// Reads attempts.
pub(super) fn read_attempts(reader: &mut Reader<'_>) -> Result<Attempts> {
    Ok(Attempts {
        since_ms: reader.signed()?,
        tried_ms: reader.signed()?,
        tries: reader.number()?,
    })
}
