//! The catalogue: every text of every page, in each language. A text stands in a line with its translation, so none can lack
//! one. `{0}`, `{1}` … are places for values. `{0|run|runs}` is a word that goes with the value: the first if it is 1. Korean has
//! no such forms.

use maud::{Markup, html};

use crate::Language;

/// A group of texts: a structure with a field for each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($key:ident: $english:literal, $korean:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            $(#[doc = $english] pub $key: &'static str,)*
        }

        impl $name {
            pub(super) const ENGLISH: $name = $name { $($key: $english),* };
            pub(super) const KOREAN: $name = $name { $($key: $korean),* };
            #[cfg(test)]
            pub(super) const PAIRS: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $korean)),*];
        }
    };
}

mod account;
mod audit;
mod charts;
mod common;
mod compare;
mod data;
mod errors;
mod experiment_page;
mod experiments;
mod filters;
mod logged_models;
mod prompts;
mod registry;
mod runs;

pub use charts::ChartWords;
mod manage;
mod projects;
mod sign_in;
mod traces;

pub use account::AccountWords;
pub use audit::AuditWords;
pub use common::CommonWords;
pub use compare::CompareWords;
pub use data::DataWords;
pub use errors::ErrorWords;
pub use experiment_page::ExperimentPageWords;
pub use experiments::ExperimentWords;
pub use filters::FilterWords;
pub use logged_models::LoggedModelWords;
pub use manage::ManageWords;
pub use projects::ProjectWords;
pub use prompts::PromptWords;
pub use registry::RegistryWords;
pub use runs::RunWords;
pub use sign_in::SignInWords;
pub use traces::TraceWords;

/// Declares the groups: a module, its structure, and the field of `Words`.
macro_rules! groups {
    ($($(#[$doc:meta])* $field:ident: $group:ident;)*) => {
        /// All texts in one language.
        #[derive(Debug)]
        pub struct Words {
            /// The language.
            pub language: Language,
            $($(#[$doc])* pub $field: $group,)*
        }

        static ENGLISH: Words = Words {
            language: Language::English,
            $($field: $group::ENGLISH,)*
        };
        static KOREAN: Words = Words {
            language: Language::Korean,
            $($field: $group::KOREAN,)*
        };

        #[cfg(test)]
        const ALL_PAIRS: &[&[(&str, &str, &str)]] = &[$($group::PAIRS),*];
    };
}

groups! {
    /// Texts of many pages.
    common: CommonWords;
    /// Texts about requests that failed.
    errors: ErrorWords;
    /// The page of an experiment, and the trash.
    experiment_page: ExperimentPageWords;
    /// Filters that cannot be read.
    filters: FilterWords;
    /// The list of experiments.
    experiments: ExperimentWords;
    /// Charts.
    charts: ChartWords;
    /// The comparison of runs, and the charts of an experiment.
    compare: CompareWords;
    /// Data and saved models.
    data: DataWords;
    /// The pages of a run.
    runs: RunWords;
    /// Logged models.
    logged_models: LoggedModelWords;
    /// Traces.
    traces: TraceWords;
    /// Prompts.
    prompts: PromptWords;
    /// Models and their versions.
    registry: RegistryWords;
    /// The page on which readers sign in.
    sign_in: SignInWords;
    /// The page of a reader's account.
    account: AccountWords;
    /// The list of projects.
    projects: ProjectWords;
    /// The audit log.
    audit: AuditWords;
    /// Tokens and members of users of the server.
    manage: ManageWords;
}

impl Words {
    /// The texts in a language.
    pub fn of(language: Language) -> &'static Words {
        match language {
            Language::English => &ENGLISH,
            Language::Korean => &KOREAN,
        }
    }
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place<'a> {
    /// The number of its value.
    number: usize,
    /// The words that stand here instead of the value: for a value of one, and for any other. `None`: the value stands here.
    words: Option<(&'a str, &'a str)>,
}

impl<'a> Place<'a> {
    /// Reads what stands between the braces: `0`, or `0|run|runs`.
    fn parse(text: &'a str) -> Option<Self> {
        let (number, words) = match text.split_once('|') {
            Some((number, words)) => (number, Some(words.split_once('|')?)),
            None => (text, None),
        };
        let number = number.parse().ok()?;
        Some(Place { number, words })
    }

    /// The word that goes with a count. `None`: the count itself stands here.
    fn word(self, count: &str) -> Option<&'a str> {
        self.words.map(|(one, other)| if count == "1" { one } else { other })
    }
}

/// The parts of a text: what stands between the places, and the place after it.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<Place<'_>>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let place = text.split_once('{').and_then(|(before, after)| {
            let (place, after) = after.split_once('}')?;
            Some((before, Place::parse(place)?, after))
        });
        Some(match place {
            Some((before, place, after)) => {
                rest = Some(after);
                (before, Some(place))
            }
            None => (text, None),
        })
    })
}

/// Puts values into the places of a text.
pub fn fill(text: &str, values: &[&str]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    for (before, place) in parts(text) {
        filled.push_str(before);
        if let Some(place) = place {
            let value = values.get(place.number).copied().unwrap_or_default();
            filled.push_str(place.word(value).unwrap_or(value));
        }
    }
    filled
}

/// Puts markup into the places of a text.
pub fn filled(text: &str, values: &[Markup]) -> Markup {
    html! {
        @for (before, place) in parts(text) {
            (before)
            @if let Some(place) = place && let Some(value) = values.get(place.number) {
                @match place.word(&value.0) {
                    Some(word) => (word),
                    None => (value),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_stands_in_both_languages_with_the_same_places() {
        let places = |text| {
            let mut places: Vec<_> = parts(text).filter_map(|(_, place)| Some(place?.number)).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        for (key, english, korean) in ALL_PAIRS.iter().copied().flatten() {
            assert!(!english.trim().is_empty() && !korean.trim().is_empty(), "{key}");
            assert_eq!(places(english), places(korean), "{key}");
        }
    }

    #[test]
    fn a_word_goes_with_its_count() {
        let text = "{0} {0|line is|lines are} the same";
        assert_eq!(fill(text, &["1"]), "1 line is the same");
        assert_eq!(fill(text, &["0"]), "0 lines are the same");
        assert_eq!(fill(text, &["1,001"]), "1,001 lines are the same");
        let markup = |count: &str| filled(text, &[html! { (count) }]).into_string();
        assert_eq!(
            (markup("1").as_str(), markup("2").as_str()),
            ("1 line is the same", "2 lines are the same")
        );
        assert_eq!(fill("{x} {", &[]), "{x} {");
    }

    /// Words of English texts that go with a count have both forms. These texts have a count that is never one, or a name.
    #[test]
    fn no_english_text_has_a_count_with_one_form_only() {
        let never_one = [
            "days_ago",
            "how_to",
            "too_many",
            "axes",
            "only_rows",
            "too_many_versions",
            "filter_bytes",
            "comparisons",
            "list_length",
            "pattern_length",
            "listed_attributes",
            "user_taken",
            "path_taken",
        ];
        for (key, english, _) in ALL_PAIRS.iter().copied().flatten() {
            let counted = parts(english)
                .zip(parts(english).skip(1))
                .any(|((_, place), (after, _))| {
                    let word = after
                        .strip_prefix(' ')
                        .and_then(|after| after.split([' ', '.', ',', ':']).next());
                    let is_count = place.is_some_and(|place| place.words.is_none());
                    let is_plural =
                        word.is_some_and(|word| word.len() > 3 && word.ends_with('s') && !word.ends_with("ss"));
                    is_count && (is_plural || after.starts_with(" more ") && !english.contains("{0|"))
                });
            assert!(!counted || never_one.contains(key), "{key}: {english}");
        }
    }

    #[test]
    fn values_stand_in_their_places_in_either_order() {
        assert_eq!(fill("{0} of {1}", &["a", "b"]), "a of b");
        assert_eq!(fill("{1} of {0}{2}", &["a", "b"]), "b of a");
        let markup = filled("x {0} y", &[html! { b { "<" } }]);
        assert_eq!(markup.into_string(), "x <b>&lt;</b> y");
    }
}
