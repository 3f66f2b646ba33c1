//! Traces of a caller.

use std::collections::{BTreeMap, BTreeSet};

use super::Pairs;

/// A trace, which the caller gave its id.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The id of OpenTelemetry: 32 hex digits.
    pub(crate) otel_id: String,
    /// Its index among the experiments.
    pub(crate) experiment: usize,
    /// True if it was deleted for good.
    pub(crate) is_deleted: bool,
    /// The numbers of its spans. The root is 1.
    pub(crate) spans: BTreeSet<u64>,
    /// Values by key, without those of the server.
    pub(crate) tags: Pairs,
    /// The values of its feedback by the ids that the caller gave them.
    pub(crate) feedback: BTreeMap<String, i64>,
}

impl Trace {
    /// The id in answers.
    pub(crate) fn id(&self) -> String {
        format!("tr-{}", self.otel_id)
    }
}
