//! Searches for prompts, which are models and versions with a reserved tag. Searches find them only on
//! request.

use super::filter::{Clause, Filter, Predicate};
use super::schema::Subject;
use crate::domain::prompt::PROMPT_TAG;

/// The kind of models, or of versions, that a search finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only prompts.
    Prompts,
    /// Only models that are no prompts.
    Models,
}

impl<A> Filter<A> {
    /// The kind that a search asks for, by the rule of MLflow's server. The first clause on the reserved tag
    /// decides. Without one the search is for models. A search for models then drops all such clauses, since
    /// a model has no such tag.
    pub(super) fn split_kind(mut self) -> (Kind, Self) {
        let is_reserved = |clause: &Clause<A>| matches!(&clause.subject, Subject::Tag(key) if key == PROMPT_TAG);
        let first = self.clauses.iter().find(|clause| is_reserved(clause));
        if first.is_some_and(|clause| asks_for_prompts(&clause.test)) {
            return (Kind::Prompts, self);
        }
        self.clauses.retain(|clause| !is_reserved(clause));
        (Kind::Models, self)
    }
}

/// True for `= 'true'` and `!= 'false'`.
fn asks_for_prompts(test: &Predicate) -> bool {
    let Predicate::Text { among, wanted } = test else {
        return false;
    };
    let word = if *wanted { "true" } else { "false" };
    among.iter().any(|value| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::search::models::ModelSearch;

    #[test]
    fn prompts_are_found_only_when_asked_for() {
        for (filter, kind, clauses) in [
            ("", Kind::Models, 0),
            ("name = 'a'", Kind::Models, 1),
            ("tag.`mlflow.prompt.is_prompt` != 'true'", Kind::Models, 0),
            ("name = 'a' AND tags.mlflow.prompt.is_prompt = 'false'", Kind::Models, 1),
            ("tags.mlflow.prompt.is_prompt LIKE 'true'", Kind::Models, 0),
            ("tags.mlflow.prompt.is_prompt = 'True'", Kind::Prompts, 1),
            (
                "tags.mlflow.prompt.is_prompt != 'false' AND name = 'a'",
                Kind::Prompts,
                2,
            ),
            (
                "tags.mlflow.prompt.is_prompt != 'true' AND tags.mlflow.prompt.is_prompt = 'true'",
                Kind::Models,
                0,
            ),
        ] {
            let search = ModelSearch::parse(filter).unwrap();
            assert_eq!((search.kind, search.filter.clauses.len()), (kind, clauses), "{filter}");
        }
    }
}
