//! Versions of one model that several callers make and delete. Some are made from runs that others delete and
//! restore.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Ended;
use crate::api::{pairs, text};
use crate::events::{Event, Events, Fate, Moment, Register};

/// The requests for versions, and their outcomes.
#[derive(Clone, Default)]
pub(super) struct Versions {
    /// The creations of versions.
    pub(super) creations: Events<Wanted>,
    /// Versions by number: those whose creation was acknowledged or found later.
    pub(super) made: BTreeMap<u64, Made>,
    /// The deletions of versions, by number. No version is deleted twice.
    pub(super) deletions: Events<u64>,
    /// The runs that some of the versions are made from.
    pub(super) runs: Vec<VersionedRun>,
}

/// The request for a version.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// A text that occurs in no other version.
    pub(super) token: String,
    /// The semantic version. `None`: the next one.
    pub(super) semver: Option<String>,
    /// The index of the run. `None`: a new one.
    pub(super) run: Option<usize>,
}

/// A version as the server shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Made {
    token: String,
    semver: String,
    /// The id of its run.
    pub(super) run: String,
}

impl Made {
    /// Reads a version and its number from an answer.
    pub(super) fn read(version: &Value) -> Result<(u64, Self)> {
        let mut tags = pairs(version, "/tags")?;
        let mut tag = |key: &str| {
            tags.remove(key)
                .with_context(|| format!("a version without the tag {key}"))
        };
        let made = Self {
            token: tag("token")?,
            semver: tag("gitlab.version")?,
            run: text(version, "/run_id")?.to_owned(),
        };
        Ok((text(version, "/version")?.parse()?, made))
    }
}

/// A run that may be a version.
#[derive(Clone)]
pub(super) struct VersionedRun {
    /// The id in answers.
    pub(super) id: String,
    /// The requests that soft-delete or restore it.
    pub(super) is_deleted: Register<bool>,
}

impl Versions {
    /// No requests yet; versions may be made from these runs.
    pub(super) fn new(runs: Vec<VersionedRun>) -> Self {
        Self {
            runs,
            ..Self::default()
        }
    }

    /// Records that the server has stopped.
    pub(super) fn settle(&mut self, now: Moment) {
        self.creations.settle(now);
        self.deletions.settle(now);
        for run in &mut self.runs {
            run.is_deleted.writes.settle(now);
        }
    }

    /// Records the end of a creation. Fails if it may not end so.
    pub(super) fn created(&mut self, index: usize, begin: Moment, ended: &Ended) -> Result<()> {
        self.creations.end(index, ended.fate, ended.now);
        let wanted = &self.creations.0.get(index).context("no such creation")?.what;
        match ended.fate {
            Fate::Done => {
                let (number, made) = Made::read(ended.reply.json.pointer("/model_version").context("no version")?)?;
                ensure!(made.token == wanted.token, "another version was answered: {made:?}");
                let twin = self.made.insert(number, made);
                ensure!(twin.is_none(), "version {number} was made twice: {twin:?}");
            }
            Fate::Refused => {
                let mut others = self.creations.possible().map(|event| &event.what);
                let is_taken = wanted.semver.is_some() && others.any(|other| other.semver == wanted.semver);
                let run = wanted.run.and_then(|run| self.runs.get(run));
                let is_gone = run.is_some_and(|run| run.is_deleted.may_be(&true, begin, ended.now));
                ensure!(is_taken || is_gone, "it was refused without a reason: {}", ended.said);
            }
            Fate::Unknown => {}
        }
        Ok(())
    }

    /// Checks that numbers have no gaps, and that exactly the acknowledged versions exist that were not
    /// deleted.
    pub(super) fn are_possible(&self, found: &BTreeMap<u64, Made>) -> Result<()> {
        let mut numbers: BTreeSet<u64> = self.made.keys().copied().collect();
        numbers.extend(found.keys());
        let last = numbers.last().copied().unwrap_or_default();
        let hole = (1..=last).find(|number| !numbers.contains(number));
        ensure!(hole.is_none(), "there is no version {hole:?}, but later ones");
        for (number, made) in &self.made {
            let mut deletions = self.deletions.possible().filter(|event| event.what == *number);
            match (found.get(number), deletions.next()) {
                (Some(found), deletion) => {
                    ensure!(found == made, "version {number} is {found:?}, expected {made:?}");
                    let is_gone = deletion.is_some_and(|event| event.fate == Fate::Done);
                    ensure!(!is_gone, "version {number} was deleted and is there: {made:?}");
                }
                (None, None) => bail!("version {number} is lost: {made:?}"),
                (None, Some(_)) => {}
            }
        }
        let tokens = self.creations.possible().map(|event| event.what.token.as_str());
        let tokens: BTreeSet<&str> = tokens.collect();
        let strange = found.values().find(|made| !tokens.contains(made.token.as_str()));
        ensure!(strange.is_none(), "a version that was refused is there: {strange:?}");
        let semvers: BTreeSet<&str> = found.values().map(|made| made.semver.as_str()).collect();
        ensure!(
            semvers.len() == found.len(),
            "two versions have the same semantic version"
        );
        Ok(())
    }

    /// Checks the runs. None was deleted while it was a version, and no version was made of a deleted one: a
    /// deletion or restoration lies between the two.
    pub(super) fn check_runs(&self) -> Result<()> {
        for creation in self.creations.done() {
            let Some((number, run)) = self.versioned(&creation.what) else {
                continue;
            };
            for deletion in run.is_deleted.writes.done().filter(|write| write.what) {
                let restored = run.is_deleted.writes.possible().filter(|write| !write.what);
                let restored = is_between(restored, deletion.begin, creation.end);
                let gone = self.deletions.possible().filter(|event| event.what == number);
                let gone = is_between(gone, creation.begin, deletion.end);
                let what = || format!("run {} is version {number}, and was deleted", run.id);
                ensure!(restored || gone, "{}: {creation:?}, {deletion:?}", what());
            }
        }
        Ok(())
    }

    /// The number of the version that is made from one of the runs, and that run.
    fn versioned(&self, wanted: &Wanted) -> Option<(u64, &VersionedRun)> {
        let run = self.runs.get(wanted.run?)?;
        let (number, _) = self.made.iter().find(|(_, made)| made.token == wanted.token)?;
        Some((*number, run))
    }
}

/// True if one of some events may have happened between two moments.
fn is_between<'a, T: 'a>(mut events: impl Iterator<Item = &'a Event<T>>, begin: Moment, end: Moment) -> bool {
    events.any(|event| event.begin < end && event.end > begin)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A version made from a run at moments 2 to 4, and the deletion of that run.
    fn versions(deleted: (Moment, Moment)) -> Versions {
        let mut versions = Versions::new(vec![VersionedRun {
            id: "r".to_owned(),
            is_deleted: Register::new(false),
        }]);
        let wanted = Wanted {
            token: "t".to_owned(),
            semver: None,
            run: Some(0),
        };
        let made = Made {
            token: "t".to_owned(),
            semver: "1.0.0".to_owned(),
            run: "r".to_owned(),
        };
        let creation = versions.creations.begin(wanted, 2);
        versions.creations.end(creation, Fate::Done, 4);
        versions.made.insert(1, made);
        set_deleted(&mut versions, true, deleted);
        versions
    }

    fn set_deleted(versions: &mut Versions, is_deleted: bool, (begin, end): (Moment, Moment)) {
        let writes = &mut versions.runs[0].is_deleted.writes;
        let index = writes.begin(is_deleted, begin);
        writes.end(index, Fate::Done, end);
    }

    #[test]
    fn a_run_is_not_deleted_while_it_is_a_version() {
        assert!(versions((3, 5)).check_runs().is_err() && versions((8, 9)).check_runs().is_err());
        let mut gone = versions((8, 9));
        let deletion = gone.deletions.begin(1, 6);
        gone.deletions.end(deletion, Fate::Done, 7);
        assert!(gone.check_runs().is_ok());
    }

    #[test]
    fn no_version_is_made_of_a_deleted_run() {
        let mut restored = versions((0, 1));
        assert!(restored.check_runs().is_err());
        set_deleted(&mut restored, false, (1, 3));
        assert!(restored.check_runs().is_ok());
    }

    #[test]
    fn numbers_have_no_holes_and_nothing_is_lost() {
        let versions = versions((0, 1));
        let made = versions.made.clone();
        assert!(versions.are_possible(&made).is_ok() && versions.are_possible(&BTreeMap::new()).is_err());
        let mut moved = versions.clone();
        let one = moved.made.remove(&1);
        moved.made.extend(one.map(|made| (2, made)));
        assert!(moved.are_possible(&moved.made).is_err());
    }
}
