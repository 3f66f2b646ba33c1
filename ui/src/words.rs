//! The catalogue: every text of every page, in each language. A text stands in a line with its translation, so none can lack
//! one. `{0}`, `{1}` … are places for values.

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
mod errors;
mod experiment_page;
mod experiments;
mod logged_models;
mod prompts;
mod registry;
mod runs;

pub use charts::ChartWords;
mod manage;
mod projects;
mod sign_in;

pub use account::AccountWords;
pub use audit::AuditWords;
pub use common::CommonWords;
pub use compare::CompareWords;
pub use errors::ErrorWords;
pub use experiment_page::ExperimentPageWords;
pub use experiments::ExperimentWords;
pub use logged_models::LoggedModelWords;
pub use manage::ManageWords;
pub use projects::ProjectWords;
pub use prompts::PromptWords;
pub use registry::RegistryWords;
pub use runs::RunWords;
pub use sign_in::SignInWords;

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
    /// The list of experiments.
    experiments: ExperimentWords;
    /// Charts.
    charts: ChartWords;
    /// The comparison of runs, and the charts of an experiment.
    compare: CompareWords;
    /// The pages of a run.
    runs: RunWords;
    /// Logged models.
    logged_models: LoggedModelWords;
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

/// The parts of a text: what stands between the places, and the number of the place after it.
fn parts(text: &str) -> impl Iterator<Item = (&str, Option<usize>)> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let place = text.split_once('{').and_then(|(before, after)| {
            let (number, after) = after.split_once('}')?;
            Some((before, number.parse().ok()?, after))
        });
        Some(match place {
            Some((before, number, after)) => {
                rest = Some(after);
                (before, Some(number))
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
        filled.push_str(place.and_then(|place| values.get(place)).copied().unwrap_or_default());
    }
    filled
}

/// Puts markup into the places of a text.
pub fn filled(text: &str, values: &[Markup]) -> Markup {
    html! {
        @for (before, place) in parts(text) {
            (before)
            @if let Some(value) = place.and_then(|place| values.get(place)) { (value) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_stands_in_both_languages_with_the_same_places() {
        let places = |text| {
            let mut places: Vec<_> = parts(text).filter_map(|(_, place)| place).collect();
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
    fn values_stand_in_their_places_in_either_order() {
        assert_eq!(fill("{0} of {1}", &["a", "b"]), "a of b");
        assert_eq!(fill("{1} of {0}{2}", &["a", "b"]), "b of a");
        let markup = filled("x {0} y", &[html! { b { "<" } }]);
        assert_eq!(markup.into_string(), "x <b>&lt;</b> y");
    }
}
