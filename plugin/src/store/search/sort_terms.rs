//! Terms of an order whose values stand in the sort key of a run: its start time and its id.

use crate::domain::id::RunId;
use crate::search::filter::Field;
use crate::search::order::{Order, Term};
use crate::search::runs::RunAttribute;
use crate::search::schema::Subject;
use crate::store::keys;

/// True for a term by start times.
pub(super) fn is_start_time(term: &Term<RunAttribute>) -> bool {
    term.subject == Subject::Attribute(RunAttribute::StartTime)
}

/// Returns the key of a default order's cursor.
pub(super) fn key_of_cursor(order: &Order<RunAttribute>, sort_key: &[u8]) -> Vec<u8> {
    let mut key = Vec::new();
    if let Some(sort_key) = sort_key.first_chunk() {
        let (start_time_ms, id) = keys::run_of_sort_key(sort_key);
        let terms = order.terms();
        let value = |index: usize| from_sort_key(&terms.get(index)?.subject, start_time_ms, id);
        order.write_terms(&mut key, 0..terms.len(), value);
    }
    key
}

/// True for a subject whose value the sort key of a run has.
pub(super) fn is_in_sort_key(subject: &Subject<RunAttribute>) -> bool {
    matches!(
        subject,
        Subject::Attribute(RunAttribute::StartTime | RunAttribute::RunId)
    )
}

/// Returns the value of such a subject. `None`: it is another.
pub(super) fn from_sort_key(subject: &Subject<RunAttribute>, start_time_ms: i64, id: RunId) -> Option<Field<'static>> {
    match subject {
        Subject::Attribute(RunAttribute::StartTime) => Some(Field::Integer(start_time_ms)),
        Subject::Attribute(RunAttribute::RunId) => Some(Field::Text(id.to_string().into())),
        _ => None,
    }
}
