//! The audit log. A change and its record are one commit, so there is neither without the other.
//!
//! An operation names its object with `note` in each of its commits. The commits of one request write the same
//! record, so a request has one. The key has a random part, so no two requests write a common record or
//! conflict.
//!
//! Points of metrics and params can only be added, and a training adds thousands. All requests that only add
//! these share one record for the run, the caller and the hour. An instance remembers the records of that
//! kind that it wrote, so most such requests write nothing more than without an audit log.
//!
//! Files are no records of the host, so they need a commit besides: see `recorded`.

pub mod listing;
pub mod retention;

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::codec::audit::write_audit_record;
use super::keys;
use crate::domain::audit::{
    AuditCaller, AuditObject, AuditRecord, LOGGING_ACTION, LOGGING_PERIOD_MS, logging_period_of,
};
use crate::domain::experiment::Pair;
use crate::domain::id::RunId;
use crate::domain::name::cut;
use crate::error::Result;
use crate::host::clock::now_ms;
use crate::host::random::random_u64;
use crate::host::records::{Change, transact};

/// Number of records of logging that an instance remembers. With more it forgets all, and writes some again.
const REMEMBERED_MAX: usize = 1_000;

/// Largest number of characters of a list of keys in a record.
const DETAIL_CHARS_MAX: usize = 1_000;

/// A request whose changes are recorded.
pub struct AuditedRequest {
    /// The action, named as MLflow names the endpoint.
    pub action: &'static str,
    /// The caller's login.
    pub actor: String,
    /// The other facts about the caller, as `AuditCaller::parse` reads them.
    pub facts: String,
    /// The request's id.
    pub request_id: String,
}

struct Current {
    request: AuditedRequest,
    /// The time in milliseconds and the random part of the record's key, once it is known.
    place: Option<(i64, u64)>,
}

thread_local! {
    /// `None` if nothing is recorded. An instance handles one request at a time.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
    /// Keys of the records of logging that this instance wrote.
    static REMEMBERED: RefCell<BTreeSet<Vec<u8>>> = const { RefCell::new(BTreeSet::new()) };
}

/// Recording ends when this is dropped.
pub struct Recording;

impl Drop for Recording {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// Begins to record the changes of a request. `None`: nothing is recorded.
pub fn begin(request: Option<AuditedRequest>) -> Recording {
    CURRENT.set(request.map(|request| Current { request, place: None }));
    Recording
}

/// Adds the record of the present request to a change of an object. `detail` may be empty.
pub fn note(change: &mut Change, object: AuditObject<'_>, detail: &str) {
    if let Some((key, value)) = record(object, detail, 0) {
        change.put(key, value);
    }
}

/// Adds a record for each of the runs that a change of several changes.
pub fn note_runs(change: &mut Change, runs: &[RunId], detail: &str) {
    for (number, run) in (0..).zip(runs) {
        if let Some((key, value)) = record(AuditObject::Run(*run), detail, number) {
            change.put(key, value);
        }
    }
}

/// Does the same for a change of several tags or params. The detail lists their keys, as many as there is room
/// for.
pub fn note_keys(change: &mut Change, object: AuditObject<'_>, pairs: &[Pair]) {
    let keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
    note(change, object, &cut(keys.join(", "), DETAIL_CHARS_MAX));
}

/// Key and value of a record of the present request. A request has one record for each number. `None`: nothing is recorded.
fn record(object: AuditObject<'_>, detail: &str, number: u64) -> Option<(Vec<u8>, Vec<u8>)> {
    CURRENT.with_borrow_mut(|current| {
        let current = current.as_mut()?;
        let (time_ms, unique) = *current.place.get_or_insert_with(|| (now_ms(), random_u64()));
        let AuditedRequest {
            action,
            actor,
            facts,
            request_id,
        } = &current.request;
        let record = AuditRecord {
            time_ms,
            period_ms: 0,
            caller: AuditCaller::parse(facts, actor),
            action: (*action).to_owned(),
            object_type: object.kind().to_owned(),
            object: object.to_string(),
            detail: detail.to_owned(),
            request_id: request_id.clone(),
        };
        Some((
            keys::audited_change(time_ms, unique.wrapping_add(number)),
            write_audit_record(&record),
        ))
    })
}

/// The record of logging that a change wrote.
#[derive(Default)]
pub struct LoggingRecord(Option<Vec<u8>>);

impl LoggingRecord {
    /// Remembers that the record is stored. Only for a change that was committed.
    pub fn remember(self) {
        let Some(key) = self.0 else { return };
        REMEMBERED.with_borrow_mut(|remembered| {
            if remembered.len() >= REMEMBERED_MAX {
                remembered.clear();
            }
            remembered.insert(key);
        });
    }
}

/// Adds the record of a batch that is logged to a run. A batch without tags can only add points and params, so
/// it shares the record of logging.
pub fn note_batch(change: &mut Change, run: RunId, tags: &[Pair], now_ms: i64) -> LoggingRecord {
    if tags.is_empty() {
        return note_logging(change, run, now_ms);
    }
    note_keys(change, AuditObject::Run(run), tags);
    LoggingRecord::default()
}

/// Adds the record of logging to a change, unless this instance has stored it before.
fn note_logging(change: &mut Change, run: RunId, now_ms: i64) -> LoggingRecord {
    CURRENT.with_borrow(|current| {
        let Some(Current { request, .. }) = current else {
            return LoggingRecord::default();
        };
        let period_ms = logging_period_of(now_ms);
        let key = keys::audited_logging(period_ms, run, &request.facts);
        if REMEMBERED.with_borrow(|remembered| remembered.contains(&key)) {
            return LoggingRecord::default();
        }
        let object = AuditObject::Run(run);
        let record = AuditRecord {
            time_ms: period_ms,
            period_ms: LOGGING_PERIOD_MS,
            caller: AuditCaller::parse(&request.facts, &request.actor),
            action: LOGGING_ACTION.to_owned(),
            object_type: object.kind().to_owned(),
            object: object.to_string(),
            detail: String::new(),
            request_id: String::new(),
        };
        change.put(key.clone(), write_audit_record(&record));
        LoggingRecord(Some(key))
    })
}

/// Makes a change of files. `run` returns true if it changed something. The record is stored before, so that
/// no change goes without one, even if the client leaves in between. It is removed again if nothing was
/// changed. If the server stops in between, a record stays of a change that did not happen.
pub async fn recorded(object: AuditObject<'_>, run: impl AsyncFnOnce() -> Result<bool>) -> Result<bool> {
    let Some((key, value)) = record(object, "", 0) else {
        return run().await;
    };
    transact(async |change| {
        change.put(key.clone(), value.clone());
        Ok(())
    })
    .await?;
    let changed = run().await;
    if matches!(changed, Ok(true)) {
        return changed;
    }
    let withdrawn = transact(async |change| {
        change.delete(key.clone());
        Ok(())
    });
    let withdrawn = withdrawn.await;
    changed.and_then(|changed| withdrawn.map(|()| changed))
}
