//! Logged models: models that a run or a user stored and named, independent of the registry.

use std::fmt;

use super::experiment::{Experiment, Pair};
use super::id::{ExperimentId, RunId};
use super::limits::{LOGGED_MODEL_NAME_CHARS_MAX, LOGGED_MODEL_TYPE_CHARS_MAX, USER_ID_CHARS_MAX};
use super::metric::Point;
use super::name::validate_length;
use crate::error::{Error, Result};

/// The tag in which a logged model stores, as JSON, the model versions created from it.
pub const VERSIONS_TAG: &str = "mlflow.modelVersions";

/// Characters that no name holds, because names stand in URLs and in filters.
const FORBIDDEN_IN_NAMES: [char; 6] = ['/', ':', '.', '%', '"', '\''];

/// A logged model's id: 16 random bytes, written as `m-` and 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoggedModelId(pub [u8; 16]);

impl LoggedModelId {
    /// Reads an id as `Display` writes it. Any other text is not found.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix("m-").and_then(|digits| RunId::parse(digits).ok());
        digits
            .map(|RunId(bytes)| LoggedModelId(bytes))
            .ok_or_else(|| not_found(text))
    }

    /// The error for an id that names no logged model of this project.
    pub fn not_found(self) -> Error {
        not_found(&self.to_string())
    }
}

fn not_found(id: &str) -> Error {
    Error::NotFound(format!("Logged model with ID '{id}' not found."))
}

impl fmt::Display for LoggedModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m-{}", RunId(self.0))
    }
}

/// The upload status of a logged model. Every change is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedStatus {
    /// The client never set it.
    Unspecified,
    /// Its files are being uploaded.
    Pending,
    /// Its files are complete.
    Ready,
    /// Its files could not be uploaded.
    Failed,
}

impl LoggedStatus {
    /// All statuses, with the numbers and names of MLflow's protocol.
    pub const ALL: [(i64, &'static str, LoggedStatus); 4] = [
        (0, "LOGGED_MODEL_STATUS_UNSPECIFIED", LoggedStatus::Unspecified),
        (1, "LOGGED_MODEL_PENDING", LoggedStatus::Pending),
        (2, "LOGGED_MODEL_READY", LoggedStatus::Ready),
        (3, "LOGGED_MODEL_UPLOAD_FAILED", LoggedStatus::Failed),
    ];

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// MLflow's number for it.
    pub fn number(self) -> i64 {
        self.row().0
    }

    /// The status in filters.
    pub fn word(self) -> &'static str {
        match self {
            LoggedStatus::Unspecified => "UNSPECIFIED",
            LoggedStatus::Pending => "PENDING",
            LoggedStatus::Ready => "READY",
            LoggedStatus::Failed => "FAILED",
        }
    }

    fn row(self) -> (i64, &'static str, LoggedStatus) {
        let found = Self::ALL.into_iter().find(|(_, _, status)| *status == self);
        found.unwrap_or((0, "LOGGED_MODEL_STATUS_UNSPECIFIED", LoggedStatus::Unspecified))
    }
}

/// A logged model without its tags, params and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedModel {
    /// Its id.
    pub id: LoggedModelId,
    /// Its experiment, which never changes.
    pub experiment: ExperimentId,
    /// The name, which need not be unique.
    pub name: String,
    /// The model's type, as the client sent it; may be empty.
    pub kind: String,
    /// The run that made it, as the client sent it; may be empty.
    pub source_run: String,
    /// The upload status.
    pub status: LoggedStatus,
    /// The URI of its files.
    pub artifact_uri: String,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// Milliseconds since the Unix epoch; status and deletion refresh it, tags, params and metrics do not.
    pub last_update_time_ms: i64,
    /// True if it is soft-deleted. It is then shown only to callers that know its id and ask for deleted ones
    /// too.
    pub is_deleted: bool,
}

/// The fields of a logged model to be created.
#[derive(Clone, Debug, Default)]
pub struct NewLoggedModel {
    /// Its name. Empty: a nickname is made.
    pub name: String,
    /// Its type, as sent; may be empty.
    pub kind: String,
    /// The run that made it, as sent; may be empty.
    pub source_run: String,
    /// The params, each key once.
    pub params: Vec<Pair>,
    /// The last of equal keys counts.
    pub tags: Vec<Pair>,
    /// The id that it had on another server. `None`: it gets a new one.
    pub chosen_id: Option<LoggedModelId>,
}

impl LoggedModel {
    /// A new logged model. Fails unless the experiment is active.
    pub fn new(
        id: LoggedModelId,
        experiment: &Experiment,
        new: &NewLoggedModel,
        nickname: impl FnOnce() -> String,
        now_ms: i64,
    ) -> Result<Self> {
        validate_name(&new.name)?;
        validate_length("model_type", &new.kind, LOGGED_MODEL_TYPE_CHARS_MAX)?;
        validate_length("source_run_id", &new.source_run, USER_ID_CHARS_MAX)?;
        experiment.ensure_active()?;
        let location = experiment.artifact_location.trim_end_matches('/');
        Ok(LoggedModel {
            id,
            experiment: experiment.id,
            name: if new.name.is_empty() {
                nickname()
            } else {
                new.name.clone()
            },
            kind: new.kind.clone(),
            source_run: new.source_run.clone(),
            status: LoggedStatus::Pending,
            artifact_uri: format!("{location}/models/{id}/artifacts"),
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
            is_deleted: false,
        })
    }
}

fn validate_name(name: &str) -> Result<()> {
    if name.contains(FORBIDDEN_IN_NAMES) {
        return Err(Error::Invalid(format!(
            "Invalid model name ({name:?}) provided. Model name must be a non-empty string and cannot contain the following \
             characters: ('/', ':', '.', '%', '\"', \"'\")"
        )));
    }
    validate_length("name", name, LOGGED_MODEL_NAME_CHARS_MAX)
}

/// The dataset on which a metric was measured. Both texts are empty when no dataset was named.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasuredOn {
    /// The name of the dataset.
    pub name: String,
    /// The digest of the dataset.
    pub digest: String,
}

/// One logged value of a metric of a logged model.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedPoint {
    /// The metric's name.
    pub key: String,
    /// The dataset on which it was measured.
    pub dataset: MeasuredOn,
    /// The run that logged it.
    pub run: RunId,
    /// The logged value.
    pub point: Point,
}

/// A logged model with everything that a search reads.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownLoggedModel {
    /// The model itself.
    pub model: LoggedModel,
    /// The params, by key.
    pub params: Vec<Pair>,
    /// The tags, by key.
    pub tags: Vec<Pair>,
    /// The newest point of each metric and dataset, in their order.
    pub newest: Vec<LoggedPoint>,
}

/// A logged model with everything that is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FullLoggedModel {
    /// The fields that a search reads too.
    pub known: KnownLoggedModel,
    /// All points. Of a model with more than the limit, only the newest.
    pub points: Vec<LoggedPoint>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_an_id_as_written_is_parsed() {
        let id = LoggedModelId([0xab; 16]);
        assert_eq!(LoggedModelId::parse(&id.to_string()), Ok(id));
        let digits = "ab".repeat(16);
        for bad in [
            "",
            "m-",
            &digits,
            &format!("M-{digits}"),
            &format!("m-{digits}0"),
            &format!("m_{digits}"),
        ] {
            assert!(matches!(LoggedModelId::parse(bad), Err(Error::NotFound(text)) if text.contains(bad)));
        }
    }

    #[test]
    fn a_name_has_no_characters_special_in_urls_and_filters() {
        for good in ["", "a b", "größe", "a-b_c@1", &"x".repeat(500)] {
            assert_eq!(validate_name(good), Ok(()), "{good}");
        }
        for bad in ["a/b", "a:b", "a.b", "a%b", "a\"b", "a'b", &"x".repeat(501)] {
            assert!(matches!(validate_name(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
