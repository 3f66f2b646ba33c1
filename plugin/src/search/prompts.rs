//! Prompts are models and versions with a reserved tag. Searches hide them unless they are asked for.

use super::filter::{Clause, Filter, Predicate};
use super::schema::Subject;
use crate::domain::prompt::PROMPT_TAG;

/// True if a search is for prompts, or for all that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Prompts alone.
    Prompts,
    /// Models alone.
    Models,
}

impl<A> Filter<A> {
    /// What a search is for, as MLflow's server finds out: the first clause on the reserved tag says it; without one it
    /// is for models. In a search for models such clauses say no more: a model has no such tag.
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

/// `= 'true'` or `!= 'false'`.
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
