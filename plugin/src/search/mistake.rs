//! The mistake in a filter that cannot be read, and its place.

use std::ops::Range;

use super::lex::shown;
use crate::error::Error;

/// The mistake in a filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterMistake {
    /// The problem. It begins as MLflow's message does.
    pub problem: String,
    /// The form that would be right. Empty: the problem says it.
    pub right: String,
    /// The bytes of the filter that are wrong. Empty, at the end of the filter: something is missing there. `None`: the whole
    /// filter is wrong.
    pub at: Option<Range<usize>>,
    /// The place in words.
    place: String,
}

/// The result of reading a filter or a part of one.
pub(super) type Parsed<T> = std::result::Result<T, FilterMistake>;

impl FilterMistake {
    /// A mistake of the whole filter.
    pub(super) fn of_all(problem: String) -> Self {
        FilterMistake {
            problem,
            right: String::new(),
            at: None,
            place: String::new(),
        }
    }

    /// A mistake at some bytes of a filter, which is `text`.
    pub(super) fn at(text: &str, at: Range<usize>, problem: &str, right: &str) -> Self {
        let position = text.get(..at.start).unwrap_or_default().chars().count() + 1;
        let place = match text.get(at.start..).filter(|rest| !rest.is_empty()) {
            Some(rest) => format!("at character {position}: \"{}\"", shown(rest)),
            None => format!("at character {position}, the end of the filter"),
        };
        FilterMistake {
            problem: problem.to_owned(),
            right: right.to_owned(),
            at: Some(at),
            place,
        }
    }
}

/// The message for callers: the problem, its position, and the correct form.
impl From<FilterMistake> for Error {
    fn from(mistake: FilterMistake) -> Self {
        let FilterMistake {
            problem, right, place, ..
        } = mistake;
        Error::Invalid(match (place.as_str(), right.as_str()) {
            ("", _) => problem,
            (_, "") => format!("{problem} ({place})"),
            _ => format!("{problem} ({place}; {right})"),
        })
    }
}
