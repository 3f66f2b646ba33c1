//! Calls of the forge that maintenance makes until they succeed or are given up. Each is a record, whose removal ends it.
//!
//! A pass reads the records that are due, after a cursor, and removes those that are over. Its caller makes the calls,
//! and notes what came of each.

use crate::domain::attempts::Attempts;
use crate::error::Result;
use crate::host::records::{Span, get_all, scan, transact_background};
use crate::host::report;

/// Largest number of records that one pass reads.
const SEEN_MAX: usize = 1_000;
/// Largest number of calls that one pass makes.
const CALLS_MAX: usize = 8;

/// The result of a pass.
#[derive(Debug, Default)]
pub struct ForgePass {
    /// Number of calls that succeeded.
    pub done: usize,
    /// Number of calls that are still to be made.
    pub pending: usize,
    /// The time until the first of these, in milliseconds. `None`: there is none.
    pub wait_ms: Option<i64>,
    /// The cursor of the next pass. `None`: this pass reached the end, or the forge does not answer.
    pub next: Option<Vec<u8>>,
}

impl ForgePass {
    /// Notes a call that is still to be made.
    pub fn note_pending(&mut self, attempts: &Attempts, now_ms: i64) {
        let wait_ms = attempts.wait_ms(now_ms);
        self.pending += 1;
        self.wait_ms = Some(self.wait_ms.map_or(wait_ms, |other| other.min(wait_ms)));
    }
}

/// True if these bytes are a cursor of a pass over these records.
pub fn is_cursor(all: &Span, bytes: &[u8]) -> bool {
    all.start.as_slice() <= bytes && bytes < all.end.as_slice()
}

/// Begins a pass: returns the calls that are due, and what is known of the others. `read` decodes a record, given its
/// key and value. A record that cannot be read is reported, and holds up no other.
pub async fn begin_pass<T>(
    all: Span,
    after: Option<&[u8]>,
    now_ms: i64,
    read: impl Fn(&[u8], &[u8]) -> Result<(Attempts, T)>,
) -> Result<(Vec<T>, ForgePass)> {
    let span = match after {
        Some(after) => all.after(after),
        None => all,
    };
    let (mut pass, mut due, mut over, mut last) = (ForgePass::default(), Vec::new(), Vec::new(), None);
    let seen = scan(span, SEEN_MAX, |key, value| {
        // Calls beyond the limit of this pass are left to the next, with all records after them.
        if due.len() == CALLS_MAX {
            return Ok(());
        }
        last = Some(key.to_vec());
        match read(key, value) {
            Ok((attempts, _)) if attempts.are_over(now_ms) => over.push(key.to_vec()),
            Ok((attempts, call)) if attempts.wait_ms(now_ms) == 0 => due.push(call),
            Ok((attempts, _)) => pass.note_pending(&attempts, now_ms),
            Err(error) => report::fault(&format!("a call of the forge cannot be read: {}", error.at(key))),
        }
        Ok(())
    })
    .await?;
    forget(&over, now_ms, |key, value| Ok(read(key, value)?.0)).await?;
    let is_last = seen < SEEN_MAX && due.len() < CALLS_MAX;
    pass.next = last.filter(|_| !is_last);
    Ok((due, pass))
}

/// Removes records that are over, unless they were written again meanwhile.
async fn forget(keys: &[Vec<u8>], now_ms: i64, read: impl Fn(&[u8], &[u8]) -> Result<Attempts>) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    transact_background(async |change| {
        let records = get_all(keys.to_vec()).await?;
        for (key, record) in keys.iter().zip(&records) {
            let attempts = record.decode(|value| read(key, value))?;
            if attempts.is_some_and(|attempts| attempts.are_over(now_ms)) {
                change.require_version(key.clone(), record.version);
                change.delete(key.clone());
            }
        }
        Ok(())
    })
    .await
}
