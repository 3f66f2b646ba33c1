//! Traces: what one call of an application did, as a tree of spans, with what people and judges say of it.

pub mod assessment;
pub mod chat;
pub mod convention;
pub mod correlation;
pub mod id;
pub mod measure;
pub mod percentile;
pub mod preview;
pub mod span;
pub mod tree;
pub mod update;
pub mod usage;
pub mod value;

use std::collections::{BTreeMap, BTreeSet};

use assessment::Assessment;
use id::TraceId;

use super::id::ExperimentId;

/// The tag with the name of a trace.
pub const NAME_TAG: &str = "mlflow.traceName";
/// The tag with the URI of a trace's files. The server writes it.
pub const ARTIFACT_LOCATION_TAG: &str = "mlflow.artifactLocation";
/// The tag by which clients know that the server holds the spans. The server writes it.
pub const SPANS_LOCATION_TAG: &str = "mlflow.trace.spansLocation";
/// The value of that tag.
pub const TRACKING_STORE: &str = "TRACKING_STORE";
/// The metadata with the run in which a trace was made.
pub const SOURCE_RUN: &str = "mlflow.sourceRun";
/// The metadata with the logged model that made a trace.
pub const MODEL_ID: &str = "mlflow.modelId";
/// The metadata with the session of a trace, for example one chat.
pub const SESSION: &str = "mlflow.trace.session";
/// The metadata with the user of the traced application.
pub const USER: &str = "mlflow.trace.user";
/// The metadata with the tokens that the models of a trace used, as JSON.
pub const TOKEN_USAGE: &str = "mlflow.trace.tokenUsage";
/// The metadata with the cost of a trace, as JSON.
pub const COST: &str = "mlflow.trace.cost";
/// The metadata that says that a client has sent the trace's own data. The server writes it.
pub const INFO_FINALIZED: &str = "mlflow.trace.infoFinalized";

/// Tags that only the server writes. Clients that copy a trace send them along, and they are ignored.
pub const SERVER_TAGS: [&str; 4] = [
    ARTIFACT_LOCATION_TAG,
    SPANS_LOCATION_TAG,
    "mlflow.trace.archiveLocation",
    "mlflow.trace.archivalFailure",
];

/// The state of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceState {
    /// The client never said.
    #[default]
    Unspecified,
    /// It ended well.
    Ok,
    /// It ended with an error.
    Error,
    /// It has not ended.
    InProgress,
}

impl TraceState {
    /// All states, with the numbers and names of MLflow's protocol.
    pub const ALL: [(i64, &'static str, TraceState); 4] = [
        (0, "STATE_UNSPECIFIED", TraceState::Unspecified),
        (1, "OK", TraceState::Ok),
        (2, "ERROR", TraceState::Error),
        (3, "IN_PROGRESS", TraceState::InProgress),
    ];

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// MLflow's number for it.
    pub fn number(self) -> i64 {
        self.row().0
    }

    fn row(self) -> (i64, &'static str, TraceState) {
        let found = Self::ALL.into_iter().find(|(_, _, state)| *state == self);
        found.unwrap_or((0, "STATE_UNSPECIFIED", TraceState::Unspecified))
    }
}

/// A trace without its spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// Its experiment, which never changes.
    pub experiment: ExperimentId,
    /// Its state.
    pub state: TraceState,
    /// The start, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// The duration in milliseconds. `None`: unknown.
    pub duration_ms: Option<i64>,
    /// The id that the application gave the request, if it gave one.
    pub client_request_id: Option<String>,
    /// The beginning of the inputs, for people.
    pub request_preview: Option<String>,
    /// The beginning of the outputs, for people.
    pub response_preview: Option<String>,
    /// True once a client of MLflow 3 has sent the trace's own data. Spans then change only what is missing.
    pub is_final: bool,
    /// The URI of its files.
    pub artifact_uri: String,
    /// The tags, without those that only the server writes.
    pub tags: BTreeMap<String, String>,
    /// The metadata, without those that only the server writes.
    pub metadata: BTreeMap<String, String>,
    /// Feedback and expectations, in the order of their creation.
    pub assessments: Vec<Assessment>,
    /// The runs that are linked to it, besides the one in which it was made.
    pub runs: BTreeSet<String>,
    /// The prompt versions that are linked to it, as `name/version`.
    pub prompts: BTreeSet<String>,
    /// Number of batches in which its spans are stored. 0: the server has no spans of it.
    pub batches: u64,
    /// True if a stored span says how many tokens it used.
    pub has_usage: bool,
}

impl Trace {
    /// A trace of which nothing is known but its start.
    pub fn new(id: TraceId, experiment: ExperimentId, experiment_location: &str, start_ms: i64) -> Self {
        let location = experiment_location.trim_end_matches('/');
        Trace {
            artifact_uri: format!("{location}/traces/{id}/artifacts"),
            id,
            experiment,
            state: TraceState::Unspecified,
            start_ms,
            duration_ms: None,
            client_request_id: None,
            request_preview: None,
            response_preview: None,
            is_final: false,
            tags: BTreeMap::new(),
            metadata: BTreeMap::new(),
            assessments: Vec::new(),
            runs: BTreeSet::new(),
            prompts: BTreeSet::new(),
            batches: 0,
            has_usage: false,
        }
    }

    /// The name. `None`: nobody gave it one.
    pub fn name(&self) -> Option<&str> {
        self.tags.get(NAME_TAG).map(String::as_str)
    }

    /// The value of a tag, also of one that the server writes.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.shown_tags().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// All tags, by key within those of the client and those of the server.
    pub fn shown_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let spans = (self.batches > 0).then_some((SPANS_LOCATION_TAG, TRACKING_STORE));
        let of_server = [(ARTIFACT_LOCATION_TAG, self.artifact_uri.as_str())];
        pairs(&self.tags).chain(of_server).chain(spans)
    }

    /// The value of a metadata, also of one that the server writes.
    pub fn metadatum(&self, key: &str) -> Option<&str> {
        self.shown_metadata()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// All metadata, as `shown_tags` shows tags.
    pub fn shown_metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(&self.metadata).chain(self.is_final.then_some((INFO_FINALIZED, "true")))
    }

    /// The end, in milliseconds since the Unix epoch. An unknown duration counts as 0.
    pub fn end_ms(&self) -> i64 {
        self.start_ms.saturating_add(self.duration_ms.unwrap_or(0))
    }
}

fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
pub(crate) mod tests;
