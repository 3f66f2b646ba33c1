//! Assessments: what a person, a model or a program says of a trace or of one of its spans.

use std::collections::BTreeMap;

use super::id::hex;
use super::{SESSION, Trace};
use crate::error::{Error, Result};

/// Largest number of assessments of one trace.
pub const ASSESSMENTS_MAX: usize = 10_000;

/// The id of a new assessment, made of random bytes.
pub fn new_id(bytes: [u8; 16]) -> String {
    format!("a-{}", hex(&bytes))
}

/// The kind of an assessment's source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceType {
    /// Unknown.
    #[default]
    Unspecified,
    /// A person.
    Human,
    /// A language model.
    Judge,
    /// A program.
    Code,
}

impl SourceType {
    /// All kinds, with the numbers and names of MLflow's protocol.
    pub const ALL: [(u8, &'static str, SourceType); 4] = [
        (0, "SOURCE_TYPE_UNSPECIFIED", SourceType::Unspecified),
        (1, "HUMAN", SourceType::Human),
        (2, "LLM_JUDGE", SourceType::Judge),
        (3, "CODE", SourceType::Code),
    ];

    /// The kind with this name. An unknown name is an unknown kind, as in MLflow.
    pub fn of_name(name: &str) -> Self {
        let found = Self::ALL.iter().find(|(_, other, _)| *other == name);
        found.map(|(_, _, kind)| *kind).unwrap_or_default()
    }

    /// MLflow's word for it.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, _, kind)| *kind == self);
        found.map_or("SOURCE_TYPE_UNSPECIFIED", |(_, name, _)| name)
    }
}

/// The content of an assessment. Values are JSON texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A judgement.
    Feedback {
        /// The value.
        value: String,
        /// The reason why there is no value, as JSON.
        error: Option<String>,
    },
    /// The right answer.
    Expectation {
        /// The value.
        value: String,
    },
    /// The right answer as the client wrote it down.
    Serialized {
        /// The format, for example `JSON_FORMAT`.
        format: String,
        /// The text.
        text: String,
    },
    /// A known problem.
    Issue {
        /// Its name.
        name: String,
    },
}

impl Content {
    /// The word for the kind of content, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Content::Feedback { .. } => "Feedback",
            Content::Expectation { .. } | Content::Serialized { .. } => "Expectation",
            Content::Issue { .. } => "Issue",
        }
    }

    /// The value as JSON text, as searches see it.
    pub fn value(&self) -> &str {
        match self {
            Content::Feedback { value, .. } | Content::Expectation { value } => value,
            Content::Serialized { text, .. } => text,
            Content::Issue { name } => name,
        }
    }
}

/// The statement of a person, a program or a model about a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Its id, which is unique in its trace.
    pub id: String,
    /// Its name; may be empty.
    pub name: String,
    /// The span that it is about, as hex digits. `None`: the whole trace.
    pub span: Option<String>,
    /// The kind of its source.
    pub source_type: SourceType,
    /// The source: a user, a model or a program.
    pub source: String,
    /// The creation, in milliseconds since the Unix epoch.
    pub created_ms: i64,
    /// The last change, in milliseconds since the Unix epoch.
    pub updated_ms: i64,
    /// The content.
    pub content: Content,
    /// The reasons for it.
    pub rationale: Option<String>,
    /// Further facts.
    pub metadata: BTreeMap<String, String>,
    /// The id of the assessment that it replaces.
    pub overrides: Option<String>,
    /// False if another one replaces it.
    pub valid: bool,
}

impl Assessment {
    /// The session for which it counts, besides its own trace.
    pub fn session(&self) -> Option<&str> {
        self.metadata.get(SESSION).map(String::as_str)
    }
}

impl Trace {
    /// Adds an assessment. One that replaces another makes that one invalid. An assessment whose id is there
    /// already takes its place, so that a repeated request changes nothing.
    pub fn add_assessment(&mut self, mut new: Assessment) -> Result<()> {
        if let Some(overridden) = &new.overrides {
            let found = self.assessments.iter_mut().find(|other| other.id == *overridden);
            found.ok_or_else(|| unknown(overridden, self.id.as_str()))?.valid = false;
        }
        if let Some(old) = self.assessments.iter_mut().find(|other| other.id == new.id) {
            new.valid = old.valid;
            *old = new;
            return Ok(());
        }
        if self.assessments.len() >= ASSESSMENTS_MAX {
            return Err(Error::Invalid(format!(
                "Trace '{}' has {ASSESSMENTS_MAX} assessments already, and no trace has more.",
                self.id
            )));
        }
        self.assessments.push(new);
        Ok(())
    }

    /// The assessment with an id.
    pub fn assessment(&self, id: &str) -> Result<&Assessment> {
        let found = self.assessments.iter().find(|assessment| assessment.id == id);
        found.ok_or_else(|| unknown(id, self.id.as_str()))
    }

    /// The assessment with an id, to be changed.
    pub fn assessment_mut(&mut self, id: &str) -> Result<&mut Assessment> {
        let trace = self.id.clone();
        let found = self.assessments.iter_mut().find(|assessment| assessment.id == id);
        found.ok_or_else(|| unknown(id, trace.as_str()))
    }

    /// Removes an assessment. The one that it replaced is valid again. Returns false if there was none.
    pub fn remove_assessment(&mut self, id: &str) -> bool {
        let Some(at) = self.assessments.iter().position(|assessment| assessment.id == id) else {
            return false;
        };
        let removed = self.assessments.remove(at);
        let replaced = |other: &&mut Assessment| Some(&other.id) == removed.overrides.as_ref();
        if let Some(valid_again) = self.assessments.iter_mut().find(replaced) {
            valid_again.valid = true;
        }
        true
    }
}

fn unknown(id: &str, trace: &str) -> Error {
    Error::NotFound(format!("Assessment with ID '{id}' not found for trace '{trace}'"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::domain::id::ExperimentId;
    use crate::domain::trace::id::TraceId;

    fn feedback(id: &str, overrides: Option<&str>) -> Assessment {
        Assessment {
            id: id.to_owned(),
            name: "q".to_owned(),
            span: None,
            source_type: SourceType::Human,
            source: "ada".to_owned(),
            created_ms: 1,
            updated_ms: 1,
            content: Content::Feedback {
                value: "true".to_owned(),
                error: None,
            },
            rationale: None,
            metadata: BTreeMap::new(),
            overrides: overrides.map(str::to_owned),
            valid: true,
        }
    }

    #[test]
    fn an_override_makes_invalid_and_its_removal_valid() {
        let mut trace = Trace::new(TraceId::stored("t"), ExperimentId(1), "l", 0);
        trace.add_assessment(feedback("a", None)).unwrap();
        trace.add_assessment(feedback("b", Some("a"))).unwrap();
        assert!(!trace.assessment("a").unwrap().valid);
        // A repeated request adds nothing.
        trace.add_assessment(feedback("a", None)).unwrap();
        assert_eq!((trace.assessments.len(), trace.assessments[0].valid), (2, false));
        assert!(trace.remove_assessment("b") && !trace.remove_assessment("b"));
        assert!(trace.assessment("a").unwrap().valid);
        let missing = trace.add_assessment(feedback("c", Some("nope")));
        assert!(matches!(missing, Err(Error::NotFound(text)) if text.contains("'nope'")));
    }
}
