//! The audit log: who changed what in a project, when, and from where.

use std::fmt;

use super::artifact::ArtifactPath;
use super::id::{ExperimentId, RunId};
use super::logged_model::LoggedModelId;
use super::percent::decoded;
use super::trace::id::TraceId;

/// The period that one record of logging covers, in milliseconds: an hour of UTC.
pub const LOGGING_PERIOD_MS: i64 = 3_600_000;

/// The action of a record of logging. It stands for log-metric, log-parameter, and log-batch without tags.
pub const LOGGING_ACTION: &str = "runs/log";

/// The caller of a request, as the forge and the host know them. A fact that they do not know is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditCaller {
    /// The user's id on the forge, which is stable.
    pub actor_id: String,
    /// The user's login at the time.
    pub actor: String,
    /// The id of the access token, or the beginning of its hash. Never the token.
    pub token_id: String,
    /// The network address.
    pub address: String,
}

impl AuditCaller {
    /// Reads the text in which the host sends these facts, except the login: the token's id, the address and
    /// the user's id, percent-encoded, with spaces between them.
    pub fn parse(facts: &str, actor: &str) -> Self {
        let mut facts = facts.split(' ').map(decoded);
        let mut next = || facts.next().unwrap_or_default();
        AuditCaller {
            token_id: next(),
            address: next(),
            actor_id: next(),
            actor: actor.to_owned(),
        }
    }
}

/// One record of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Time of the change, in milliseconds since the Unix epoch. For a record of logging, the start of its
    /// period.
    pub time_ms: i64,
    /// The period that the record covers from its time on, in milliseconds. 0: it is of one change.
    pub period_ms: i64,
    /// The caller.
    pub caller: AuditCaller,
    /// The action, named as MLflow names the endpoint, for example `runs/create`.
    pub action: String,
    /// The kind of the object, for example `run`.
    pub object_type: String,
    /// The id, name or path of the object.
    pub object: String,
    /// A further detail of the change: a new name, a stage, the key of a tag, an alias. May be empty.
    pub detail: String,
    /// The id of the request. Empty in a record of logging.
    pub request_id: String,
}

/// A filter of audit records. Absent conditions hold for every record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// The login or the id of the user.
    pub actor: Option<String>,
    /// The action.
    pub action: Option<String>,
    /// The id, name or path of the object.
    pub object: Option<String>,
    /// The earliest time, in milliseconds since the Unix epoch.
    pub since_ms: Option<i64>,
    /// The latest time, in milliseconds since the Unix epoch.
    pub until_ms: Option<i64>,
}

impl AuditFilter {
    /// True if a record meets all conditions. A record of logging meets those of time if its period does in
    /// part.
    pub fn matches(&self, record: &AuditRecord) -> bool {
        let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
        let last_ms = record.time_ms.saturating_add((record.period_ms - 1).max(0));
        (is(&self.actor, &record.caller.actor) || is(&self.actor, &record.caller.actor_id))
            && is(&self.action, &record.action)
            && is(&self.object, &record.object)
            && self.since_ms.is_none_or(|since_ms| since_ms <= last_ms)
            && self.until_ms.is_none_or(|until_ms| record.time_ms <= until_ms)
    }
}

/// The object of a change.
#[derive(Clone, Copy, Debug)]
pub enum AuditObject<'a> {
    /// An experiment.
    Experiment(ExperimentId),
    /// A run.
    Run(RunId),
    /// A logged model.
    LoggedModel(LoggedModelId),
    /// A registered model, by its name.
    Model(&'a str),
    /// A model version, by the model's name and its number.
    Version(&'a str, u64),
    /// An artifact, or a directory of artifacts.
    Artifact(&'a ArtifactPath),
    /// A trace.
    Trace(&'a TraceId),
}

impl AuditObject<'_> {
    /// The word for the kind of the object.
    pub fn kind(&self) -> &'static str {
        match self {
            AuditObject::Experiment(_) => "experiment",
            AuditObject::Run(_) => "run",
            AuditObject::LoggedModel(_) => "logged_model",
            AuditObject::Model(_) => "registered_model",
            AuditObject::Version(..) => "model_version",
            AuditObject::Artifact(_) => "artifact",
            AuditObject::Trace(_) => "trace",
        }
    }
}

/// Its id, name or path. A version is `name/number`.
impl fmt::Display for AuditObject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditObject::Experiment(id) => id.fmt(f),
            AuditObject::Run(id) => id.fmt(f),
            AuditObject::LoggedModel(id) => id.fmt(f),
            AuditObject::Model(name) => f.write_str(name),
            AuditObject::Version(name, number) => write!(f, "{name}/{number}"),
            AuditObject::Artifact(path) => path.fmt(f),
            AuditObject::Trace(id) => id.fmt(f),
        }
    }
}

/// The start of the logging period that a time lies in.
pub fn logging_period_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(LOGGING_PERIOD_MS).saturating_mul(LOGGING_PERIOD_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(time_ms: i64, period_ms: i64) -> AuditRecord {
        AuditRecord {
            time_ms,
            period_ms,
            caller: AuditCaller::parse("t%201 ::1 42", "ada"),
            action: "runs/create".to_owned(),
            object_type: "run".to_owned(),
            object: "r".to_owned(),
            detail: String::new(),
            request_id: String::new(),
        }
    }

    #[test]
    fn the_facts_of_a_caller_are_read_and_may_be_absent() {
        let caller = record(0, 0).caller;
        assert_eq!(
            [caller.token_id, caller.address, caller.actor_id, caller.actor],
            ["t 1", "::1", "42", "ada"]
        );
        assert_eq!(AuditCaller::parse("  ", ""), AuditCaller::default());
        assert_eq!(AuditCaller::parse("", ""), AuditCaller::default());
    }

    #[test]
    fn a_user_is_found_by_login_and_by_id() {
        let matches = |actor: &str| {
            let actor = Some(actor.to_owned());
            let filter = AuditFilter {
                actor,
                ..AuditFilter::default()
            };
            filter.matches(&record(0, 0))
        };
        assert_eq!(["ada", "42", "t 1", ""].map(matches), [true, true, false, false]);
    }

    #[test]
    fn a_period_matches_each_of_its_moments() {
        let matches = |period_ms, since_ms, until_ms| {
            let filter = AuditFilter {
                since_ms: Some(since_ms),
                until_ms: Some(until_ms),
                ..AuditFilter::default()
            };
            filter.matches(&record(100, period_ms))
        };
        assert!(matches(0, 100, 100) && !matches(0, 101, 200) && !matches(0, 0, 99));
        assert!(matches(50, 149, 200) && !matches(50, 150, 200) && matches(50, 0, 100) && !matches(50, 0, 99));
        assert_eq!(logging_period_of(LOGGING_PERIOD_MS + 1), LOGGING_PERIOD_MS);
        assert_eq!(logging_period_of(-1), -LOGGING_PERIOD_MS);
    }
}
