//! Pages of the audit log, newest record first.

use crate::domain::audit::{AuditFilter, AuditRecord, logging_period_of};
use crate::error::{Error, Result};
use crate::host::records::scan_page;
use crate::search::cursor::{Cursor, Pages};
use crate::store::codec::audit::read_audit_record;
use crate::store::keys;

/// Number of records that one call of the host reads, at least.
const READ_AT_ONCE_MIN: usize = 200;
/// Number of records after which a page ends, however few of them match.
const LOOKED_AT_MAX: usize = 20_000;

/// A page of the audit log.
#[derive(Debug, Default)]
pub struct AuditPage {
    /// The records, newest first.
    pub records: Vec<AuditRecord>,
    /// The cursor after which the next page begins. `None`: this is the last page.
    pub next: Option<Cursor>,
}

/// The pages of a listing. Its tokens are good for the endpoint and for the page.
pub fn pages(filter: &AuditFilter) -> Pages {
    Pages::of(("audit", filter))
}

/// True if these bytes can be a cursor of a listing.
pub fn fits(cursor: &[u8]) -> bool {
    keys::audited_at(cursor).is_some()
}

/// Finds the matching records after a cursor, at most `count` of them. A page may end early, even without a
/// record, and be followed by others.
pub async fn find(filter: &AuditFilter, after: Option<&Cursor>, count: usize) -> Result<AuditPage> {
    // A record of logging may begin before the earliest time and end after it.
    let since_ms = filter.since_ms.map_or(i64::MIN, logging_period_of);
    let all = keys::audit_records(since_ms, filter.until_ms.unwrap_or(i64::MAX));
    let mut rest = Some(match after {
        Some(after) => all.after(after.bytes()),
        None => all,
    });
    let mut reading = Reading {
        filter,
        count,
        records: Vec::new(),
        last: None,
        looked_at: 0,
        is_cut: false,
    };
    while let Some(span) = rest.take() {
        if reading.is_full() {
            reading.is_cut = true;
            break;
        }
        rest = scan_page(&span, READ_AT_ONCE_MIN.max(count + 1), |key, value| {
            reading.add(key, value)
        })
        .await?;
    }
    Ok(AuditPage {
        records: reading.records,
        next: reading.last.filter(|_| reading.is_cut).map(Cursor::new),
    })
}

/// A page while it is read.
struct Reading<'a> {
    filter: &'a AuditFilter,
    count: usize,
    records: Vec<AuditRecord>,
    /// The key of the last record that was looked at.
    last: Option<Vec<u8>>,
    looked_at: usize,
    /// True if records follow that were not looked at.
    is_cut: bool,
}

impl Reading<'_> {
    fn is_full(&self) -> bool {
        self.records.len() >= self.count || self.looked_at >= LOOKED_AT_MAX
    }

    fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.is_full() {
            self.is_cut = true;
            return Ok(());
        }
        let misplaced = || Error::Corrupt("key of an audit record".to_owned());
        let (time_ms, is_logging) = keys::audited_at(key).ok_or_else(misplaced)?;
        let record = read_audit_record(time_ms, is_logging, value)?;
        self.looked_at += 1;
        self.last = Some(key.to_vec());
        if self.filter.matches(&record) {
            self.records.push(record);
        }
        Ok(())
    }
}
