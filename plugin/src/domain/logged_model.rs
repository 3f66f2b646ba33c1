//! Logged models: what a run, or somebody without one, made and gave a name, before any registry knows of it.

use std::fmt;

use super::experiment::{Experiment, Pair};
use super::id::{ExperimentId, RunId};
use super::limits::{LOGGED_MODEL_NAME_CHARS_MAX, LOGGED_MODEL_TYPE_CHARS_MAX, USER_ID_CHARS_MAX};
use super::metric::Point;
use super::name::validate_length;
use crate::error::{Error, Result};

/// The tag in which a logged model keeps, as JSON, the versions that were made from it.
pub const VERSIONS_TAG: &str = "mlflow.modelVersions";

/// What no name may hold: it stands in addresses and in filters.
const FORBIDDEN_IN_NAMES: [char; 6] = ['/', ':', '.', '%', '"', '\''];

/// A logged model's id: 16 random bytes, written as `m-` and 32 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LoggedModelId(pub [u8; 16]);

impl LoggedModelId {
    /// Reads what `Display` wrote; anything else names no model.
    pub fn parse(text: &str) -> Result<Self> {
        let digits = text.strip_prefix("m-").and_then(|digits| RunId::parse(digits).ok());
        digits
            .map(|RunId(bytes)| LoggedModelId(bytes))
            .ok_or_else(|| not_found(text))
    }

    /// The answer for an id that names no logged model of this project.
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

/// How far a logged model has come. Every change is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedStatus {
    /// Nobody said.
    Unspecified,
    /// Its files are on their way.
    Pending,
    /// It is whole.
    Ready,
    /// Its files did not come.
    Failed,
}

impl LoggedStatus {
    /// All, with the numbers and names of MLflow's protocol.
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

    /// The word of filters for it.
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
    /// The experiment that it belongs to, for ever.
    pub experiment: ExperimentId,
    /// Not unique.
    pub name: String,
    /// As the client sent it; may be empty.
    pub kind: String,
    /// The run that made it, as the client sent it; may be empty.
    pub source_run: String,
    /// How far it has come.
    pub status: LoggedStatus,
    /// Where its files lie.
    pub artifact_uri: String,
    /// Milliseconds since the Unix epoch.
    pub creation_time_ms: i64,
    /// Milliseconds since the Unix epoch; status and deletion refresh it, tags, params and metrics do not.
    pub last_update_time_ms: i64,
    /// Softly: it is found by those alone who know its id and ask for deleted ones too.
    pub is_deleted: bool,
}

/// What a caller says of a logged model to be made.
#[derive(Clone, Debug, Default)]
pub struct NewLoggedModel {
    /// Empty: a nickname.
    pub name: String,
    /// As sent; may be empty.
    pub kind: String,
    /// As sent; may be empty.
    pub source_run: String,
    /// Each key once.
    pub params: Vec<Pair>,
    /// Of equal keys the last counts.
    pub tags: Vec<Pair>,
}

impl LoggedModel {
    /// A new logged model of an active experiment.
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

/// What a metric was measured on; both texts are empty for nothing in particular.
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
    /// What it was measured on.
    pub dataset: MeasuredOn,
    /// The run that logged it.
    pub run: RunId,
    /// What was logged.
    pub point: Point,
}

/// A logged model with everything that a search looks at.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownLoggedModel {
    /// The model itself.
    pub model: LoggedModel,
    /// By key.
    pub params: Vec<Pair>,
    /// By key.
    pub tags: Vec<Pair>,
    /// The newest points, by metric and dataset.
    pub newest: Vec<LoggedPoint>,
}

/// A logged model with everything that is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FullLoggedModel {
    /// What a search looks at too.
    pub known: KnownLoggedModel,
    /// All points, or the newest alone if there are very many.
    pub points: Vec<LoggedPoint>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_id_reads_back_and_nothing_else_is_one() {
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
    fn a_name_holds_nothing_that_addresses_and_filters_give_a_meaning() {
        for good in ["", "a b", "größe", "a-b_c@1", &"x".repeat(500)] {
            assert_eq!(validate_name(good), Ok(()), "{good}");
        }
        for bad in ["a/b", "a:b", "a.b", "a%b", "a\"b", "a'b", &"x".repeat(501)] {
            assert!(matches!(validate_name(bad), Err(Error::Invalid(_))), "{bad}");
        }
    }
}
