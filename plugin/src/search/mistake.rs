//! The mistake in a filter that cannot be read, and its place.

use std::ops::Range;

use super::lex::shown;
use super::problem::{Form, Phrase, Problem};
use crate::error::Error;

/// The mistake in a filter that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterMistake {
    /// The problem.
    pub problem: Phrase<Problem>,
    /// The form that would be right.
    pub right: Phrase<Form>,
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
    pub(super) fn of_all(problem: Phrase<Problem>) -> Self {
        FilterMistake {
            problem,
            right: Form::Said.into(),
            at: None,
            place: String::new(),
        }
    }

    /// A mistake at some bytes of a filter, which is `text`.
    pub(super) fn at(text: &str, at: Range<usize>, problem: Phrase<Problem>, right: Phrase<Form>) -> Self {
        let position = text.get(..at.start).unwrap_or_default().chars().count() + 1;
        let place = match text.get(at.start..).filter(|rest| !rest.is_empty()) {
            Some(rest) => format!("at character {position}: \"{}\"", shown(rest)),
            None => format!("at character {position}, the end of the filter"),
        };
        FilterMistake {
            problem,
            right,
            at: Some(at),
            place,
        }
    }

    /// The error for callers. Its message has the problem, its position, and the correct form.
    pub(super) fn into_error(self) -> Error {
        let FilterMistake {
            problem, right, place, ..
        } = self;
        Error::Invalid(match (place.as_str(), right.kind) {
            ("", _) => problem.to_string(),
            (_, Form::Said) => format!("{problem} ({place})"),
            _ => format!("{problem} ({place}; {right})"),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::indexing_slicing)]
    use crate::search::runs::RunFilter;

    #[test]
    fn a_mistake_names_the_part_that_is_wrong() {
        for (filter, wrong) in [
            ("params.a == 'b'", "=="),
            ("metrics.ü > 'x'", "'x'"),
            ("tags.a = 'b' OR tags.c = 'd'", "OR"),
            ("tags.`a b = 'c'", "."),
            ("metrics.loss >", ""),
            ("nothing.x = 1", "nothing.x"),
        ] {
            let mistake = RunFilter::read(filter).expect_err(filter);
            let at = mistake.at.clone().expect("a part");
            assert_eq!(filter.get(at.clone()), Some(wrong), "{filter}");
            assert_eq!(at.is_empty(), at.start == filter.len(), "{filter}");
            let position = filter[..at.start].chars().count() + 1;
            let message = mistake.into_error().to_string();
            assert!(message.contains(&format!("at character {position}")), "{message}");
        }
        assert_eq!(RunFilter::read("  ").expect_err("blank").at, None);
    }
}
