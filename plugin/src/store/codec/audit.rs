//! The stored form of audit records.

use super::{Reader, Writer};
use crate::domain::audit::{AuditCaller, AuditRecord, LOGGING_PERIOD_MS};
use crate::error::Result;

/// Writes an audit record; its time and its period are in the key.
pub fn write_audit_record(record: &AuditRecord) -> Vec<u8> {
    let AuditCaller {
        actor_id,
        actor,
        token_id,
        address,
    } = &record.caller;
    Writer::new()
        .compact_text(actor_id)
        .compact_text(actor)
        .compact_text(token_id)
        .compact_text(address)
        .compact_text(&record.action)
        .compact_text(&record.object_type)
        .compact_text(&record.object)
        .compact_text(&record.detail)
        .compact_text(&record.request_id)
        .0
}

/// Reads an audit record, given the time and the kind in its key.
pub fn read_audit_record(time_ms: i64, is_logging: bool, bytes: &[u8]) -> Result<AuditRecord> {
    let mut reader = Reader::new("audit record", bytes)?;
    let mut text = || reader.compact_str().map(str::to_owned);
    let record = AuditRecord {
        time_ms,
        period_ms: if is_logging { LOGGING_PERIOD_MS } else { 0 },
        caller: AuditCaller {
            actor_id: text()?,
            actor: text()?,
            token_id: text()?,
            address: text()?,
        },
        action: text()?,
        object_type: text()?,
        object: text()?,
        detail: text()?,
        request_id: text()?,
    };
    reader.end(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_audit_record_reads_back(time_ms in any::<i64>(), is_logging in any::<bool>(), texts in any::<[String; 9]>()) {
            let [actor_id, actor, token_id, address, action, object_type, object, detail, request_id] = texts;
            let record = AuditRecord {
                time_ms,
                period_ms: if is_logging { LOGGING_PERIOD_MS } else { 0 },
                caller: AuditCaller { actor_id, actor, token_id, address },
                action, object_type, object, detail, request_id,
            };
            prop_assert_eq!(read_audit_record(time_ms, is_logging, &write_audit_record(&record)), Ok(record));
        }

        #[test]
        fn damaged_bytes_are_an_error_and_no_panic(mut bytes in any::<Vec<u8>>()) {
            if let Some(first) = bytes.first_mut() {
                *first = super::super::VERSION;
            }
            let _ = read_audit_record(0, false, &bytes);
        }
    }
}
