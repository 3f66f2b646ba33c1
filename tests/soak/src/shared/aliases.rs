//! Aliases of a model that several callers set while others delete the versions.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::events::{Events, Fate, Moment, Register};

/// The names of the aliases.
pub(super) const ALIASES: [&str; 2] = ["champion", "challenger"];

/// The version of each alias, and the requests that set it.
#[derive(Clone, Debug)]
pub(super) struct Aliases(BTreeMap<&'static str, Register<Option<u64>>>);

impl Aliases {
    /// All aliases, without a version.
    pub(super) fn new() -> Self {
        Self(ALIASES.map(|alias| (alias, Register::new(None))).into())
    }

    /// Records that a caller sets or deletes an alias; returns the index of the request.
    pub(super) fn begin(&mut self, alias: &'static str, version: Option<u64>, now: Moment) -> usize {
        let register = self.0.entry(alias).or_insert_with(|| Register::new(None));
        register.writes.begin(version, now)
    }

    /// Records the end of such a request.
    pub(super) fn end(&mut self, alias: &str, index: usize, fate: Fate, now: Moment) {
        if let Some(register) = self.0.get_mut(alias) {
            register.writes.end(index, fate, now);
        }
    }

    /// Records that the server has stopped.
    pub(super) fn settle(&mut self, now: Moment) {
        for register in self.0.values_mut() {
            register.writes.settle(now);
        }
    }

    /// An alias that the last request for it sets to this version.
    pub(super) fn last_of(&self, version: u64) -> Option<&'static str> {
        let is_last =
            |register: &Register<Option<u64>>| register.writes.0.last().is_some_and(|set| set.what == Some(version));
        self.0
            .iter()
            .find(|(_, register)| is_last(register))
            .map(|(alias, _)| *alias)
    }

    /// Checks that an alias may have named this version between two moments, given the deletions of versions.
    /// A deleted version takes the alias with it.
    pub(super) fn may_name(
        &self,
        alias: &str,
        named: Option<u64>,
        deletions: &Events<u64>,
        (begin, end): (Moment, Moment),
    ) -> Result<()> {
        let register = self.0.get(alias).context("no such alias")?;
        let what = || format!("alias {alias} names {named:?}; {register:?}; {deletions:?}");
        if let Some(number) = named {
            let gone = deletions.done().any(|event| event.what == number && event.end < begin);
            ensure!(!gone, "that version was deleted: {}", what());
            ensure!(
                register.may_be(&named, begin, end),
                "it was set to something else since: {}",
                what()
            );
            return Ok(());
        }
        let mut deletions = deletions.possible().filter(|event| event.begin < end);
        let went = deletions.any(|event| register.may_be(&Some(event.what), begin, end));
        ensure!(
            went || register.may_be(&None, begin, end),
            "it was set and is lost: {}",
            what()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deleting_a_version_deletes_an_alias_only_if_it_names_that_version() {
        let (mut aliases, mut deletions) = (Aliases::new(), Events::default());
        let set = aliases.begin("champion", Some(1), 1);
        aliases.end("champion", set, Fate::Done, 2);
        let may_name = |aliases: &Aliases, deletions: &Events<u64>, named| {
            aliases.may_name("champion", named, deletions, (9, 9)).is_ok()
        };
        assert!(may_name(&aliases, &deletions, Some(1)) && !may_name(&aliases, &deletions, None));
        // The first version is deleted while the alias moves to the second one.
        let deletion = deletions.begin(1, 3);
        assert!(may_name(&aliases, &deletions, Some(1)) && may_name(&aliases, &deletions, None));
        let set = aliases.begin("champion", Some(2), 4);
        aliases.end("champion", set, Fate::Done, 5);
        deletions.end(deletion, Fate::Done, 6);
        assert!(may_name(&aliases, &deletions, Some(2)));
        assert!(!may_name(&aliases, &deletions, None) && !may_name(&aliases, &deletions, Some(1)));
    }
}
