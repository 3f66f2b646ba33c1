//! The model of all objects of one caller, as they must be read. It knows MLflow's rules and no HTTP.

mod contents;
mod trace;

pub(crate) use contents::Contents;
pub(crate) use trace::Trace;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Keys with values, as of params and tags.
pub(crate) type Pairs = BTreeMap<String, String>;

/// All objects that a caller made. Their indices in these lists never change, so an index names one.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// The prefix of all names of this caller.
    pub(crate) prefix: String,
    /// In the order of creation.
    pub(crate) experiments: Vec<Experiment>,
    /// In the order of creation.
    pub(crate) runs: Vec<Run>,
    /// In the order of creation.
    pub(crate) models: Vec<Model>,
    /// In the order of creation.
    pub(crate) traces: Vec<Trace>,
    /// The uploads that are neither completed nor aborted.
    pub(crate) uploads: Vec<Upload>,
    /// The last upload whose completion was acknowledged.
    pub(crate) completed: Option<Upload>,
}

/// An experiment.
#[derive(Debug, Default)]
pub(crate) struct Experiment {
    /// The id in answers.
    pub(crate) id: String,
    /// The present name.
    pub(crate) name: String,
    /// The former name, which names nothing any more.
    pub(crate) former_name: Option<String>,
    /// True if it was soft-deleted.
    pub(crate) is_deleted: bool,
    /// Values by key.
    pub(crate) tags: Pairs,
}

/// A run with everything logged to it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// The id in answers.
    pub(crate) id: String,
    /// Its index among the experiments.
    pub(crate) experiment: usize,
    /// The name, which is also the tag `mlflow.runName`.
    pub(crate) name: String,
    /// The status, in MLflow's words.
    pub(crate) status: &'static str,
    /// Milliseconds since the Unix epoch.
    pub(crate) start_time: i64,
    /// Milliseconds since the Unix epoch.
    pub(crate) end_time: Option<i64>,
    /// True if it was soft-deleted, on its own or with its experiment.
    pub(crate) is_deleted: bool,
    /// Values by key.
    pub(crate) params: Pairs,
    /// Values by key, without the name.
    pub(crate) tags: Pairs,
    /// Histories by key. No two points of a history are equal.
    pub(crate) metrics: BTreeMap<String, BTreeSet<Point>>,
    /// Artifacts by path, each as the pieces of its contents.
    pub(crate) files: BTreeMap<String, Vec<Contents>>,
}

/// A value of a metric that can be compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) f64);

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// A point of a metric, in the order of histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Point {
    /// Milliseconds since the Unix epoch.
    pub(crate) timestamp: i64,
    /// The step, as the caller counts.
    pub(crate) step: i64,
    /// The value; never NaN.
    pub(crate) value: Number,
}

/// The point that a run shows: the one with the highest step, then time, then value.
pub(crate) fn latest<'a>(history: impl IntoIterator<Item = &'a Point>) -> Option<Point> {
    let rank = |point: &&Point| (point.step, point.timestamp, point.value);
    history.into_iter().max_by_key(rank).copied()
}

/// A registered model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The present name.
    pub(crate) name: String,
    /// The former name, which names nothing any more.
    pub(crate) former_name: Option<String>,
    /// True if it was deleted for good.
    pub(crate) is_deleted: bool,
    /// The description; empty: there is none.
    pub(crate) description: String,
    /// Values by key.
    pub(crate) tags: Pairs,
    /// Numbers of versions by alias.
    pub(crate) aliases: BTreeMap<String, u64>,
    /// The existing versions by number.
    pub(crate) versions: BTreeMap<u64, Version>,
    /// The highest number ever given.
    pub(crate) last_number: u64,
}

/// A model version.
#[derive(Debug, Default)]
pub(crate) struct Version {
    /// The semantic version; unique in the model while the version exists.
    pub(crate) semver: SemVer,
    /// The id of its run.
    pub(crate) run: String,
    /// The stage, in MLflow's words.
    pub(crate) stage: String,
    /// Values by key, without the tag that shows the semantic version.
    pub(crate) tags: Pairs,
}

/// A semantic version: a release or a release candidate, by precedence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SemVer {
    /// Major, minor, patch.
    pub(crate) numbers: [u64; 3],
    /// The number after `rc.`; a release has none.
    pub(crate) candidate: Option<u64>,
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.numbers;
        write!(f, "{major}.{minor}.{patch}")?;
        self.candidate.map_or(Ok(()), |candidate| write!(f, "-rc.{candidate}"))
    }
}

impl Model {
    /// The semantic version of the next version without a given one.
    pub(crate) fn next_semver(&self) -> SemVer {
        let highest = self.versions.values().map(|version| version.semver.numbers).max();
        let numbers = highest.map_or([1, 0, 0], |[major, minor, patch]| [major, minor, patch + 1]);
        SemVer {
            numbers,
            candidate: None,
        }
    }

    /// True if a version has this semantic version.
    pub(crate) fn has(&self, semver: SemVer) -> bool {
        self.versions.values().any(|version| version.semver == semver)
    }

    /// The latest version: the highest release, or the highest candidate if there is no release.
    pub(crate) fn latest(&self) -> Option<u64> {
        let rank = |version: &Version| {
            let SemVer { numbers, candidate } = version.semver;
            (candidate.is_none(), numbers, candidate)
        };
        let highest = self.versions.iter().max_by_key(|(_, version)| rank(version));
        highest.map(|(number, _)| *number)
    }

    /// Removes a version and the aliases that name it.
    pub(crate) fn remove(&mut self, number: u64) {
        self.versions.remove(&number);
        self.aliases.retain(|_, named| *named != number);
    }
}

/// An upload in parts that is not completed.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// The server's id of the upload.
    pub(crate) id: String,
    /// The index of the run that the file belongs to.
    pub(crate) run: usize,
    /// The path of the file in the run's artifacts.
    pub(crate) path: String,
    /// The parts in order.
    pub(crate) parts: Vec<Part>,
}

/// A part of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The contents of the part.
    pub(crate) contents: Contents,
    /// The address that it is sent to, from the first slash on.
    pub(crate) address: String,
    /// The header with the upload token.
    pub(crate) upload_token: (String, String),
    /// The part's ETag, after its upload was acknowledged.
    pub(crate) etag: Option<String>,
}

impl Expected {
    /// The model of a caller who has made nothing yet.
    pub(crate) fn new(prefix: String) -> Self {
        Self {
            prefix,
            ..Self::default()
        }
    }

    /// The root of a run's artifacts in addresses.
    pub(crate) fn root(&self, run: &Run) -> String {
        let experiment = self.experiments.get(run.experiment);
        let experiment = experiment.map_or("", |experiment| &experiment.id);
        format!("{experiment}/{}/artifacts", run.id)
    }

    /// True if a run is a version of an existing model.
    pub(crate) fn is_version(&self, run: &Run) -> bool {
        let models = self.models.iter().filter(|model| !model.is_deleted);
        let mut versions = models.flat_map(|model| model.versions.values());
        versions.any(|version| version.run == run.id)
    }

    /// True if a run is a version with this semantic version, false if it is not. `None` if only a deleted
    /// model has such a version: how long mlforge remembers it is not known.
    pub(crate) fn is_original(&self, run: &str, semver: SemVer) -> Option<bool> {
        let has_it = |model: &&Model| {
            let mut versions = model.versions.values();
            versions.any(|version| version.run == run && version.semver == semver)
        };
        let mut holders = self.models.iter().filter(has_it).peekable();
        match holders.peek() {
            None => Some(false),
            Some(_) => holders.any(|model| !model.is_deleted).then_some(true),
        }
    }

    /// The runs of an experiment with their indices.
    pub(crate) fn runs_of(&self, experiment: usize) -> impl Iterator<Item = (usize, &Run)> {
        let of_it = move |(_, run): &(usize, &Run)| run.experiment == experiment;
        self.runs.iter().enumerate().filter(of_it)
    }

    /// Deletes or restores an experiment and all of its runs, in any state.
    pub(crate) fn set_experiment_deleted(&mut self, experiment: usize, is_deleted: bool) {
        if let Some(experiment) = self.experiments.get_mut(experiment) {
            experiment.is_deleted = is_deleted;
        }
        for run in self.runs.iter_mut().filter(|run| run.experiment == experiment) {
            run.is_deleted = is_deleted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(timestamp: i64, step: i64, value: f64) -> Point {
        Point {
            timestamp,
            step,
            value: Number(value),
        }
    }

    #[test]
    fn a_run_shows_the_point_of_the_highest_step_then_time_then_value() {
        let history = [point(9, 1, 9.0), point(1, 2, 5.0), point(2, 2, -1.0), point(2, 2, -2.0)];
        assert_eq!(latest(&history), Some(point(2, 2, -1.0)));
        assert_eq!(latest([]), None);
    }

    #[test]
    fn a_restored_experiment_has_active_runs_alone() {
        let mut expected = Expected::new(String::new());
        expected.experiments.push(Experiment::default());
        for is_deleted in [false, true] {
            expected.runs.push(Run {
                is_deleted,
                ..Run::default()
            });
        }
        let deleted = |expected: &Expected| expected.runs_of(0).filter(|(_, run)| run.is_deleted).count();
        expected.set_experiment_deleted(0, true);
        assert_eq!(deleted(&expected), 2);
        expected.set_experiment_deleted(0, false);
        assert_eq!(deleted(&expected), 0);
    }

    #[test]
    fn the_latest_version_is_the_highest_release() {
        let version = |numbers, candidate| Version {
            semver: SemVer { numbers, candidate },
            ..Version::default()
        };
        let mut model = Model::default();
        assert_eq!(
            (model.latest(), model.next_semver().to_string()),
            (None, "1.0.0".to_owned())
        );
        model.versions.insert(1, version([3, 0, 0], Some(1)));
        assert_eq!(model.latest(), Some(1));
        model.versions.insert(2, version([2, 0, 0], None));
        model.versions.insert(3, version([1, 9, 9], None));
        assert_eq!(model.latest(), Some(2));
        assert_eq!(model.next_semver().to_string(), "3.0.1");
        model.aliases.insert("a".to_owned(), 2);
        model.remove(2);
        assert_eq!((model.latest(), model.aliases.len()), (Some(3), 0));
    }

    #[test]
    fn a_run_is_the_original_of_its_semantic_versions() {
        let semver = |major| SemVer {
            numbers: [major, 0, 0],
            candidate: None,
        };
        let mut expected = Expected::new(String::new());
        for (major, is_deleted) in [(1, false), (2, true)] {
            let version = Version {
                semver: semver(major),
                run: "r".to_owned(),
                ..Version::default()
            };
            expected.models.push(Model {
                is_deleted,
                versions: BTreeMap::from([(1, version)]),
                ..Model::default()
            });
        }
        assert_eq!(expected.is_original("r", semver(1)), Some(true));
        assert_eq!(expected.is_original("r", semver(2)), None);
        assert_eq!(expected.is_original("r", semver(3)), Some(false));
        assert_eq!(expected.is_original("q", semver(1)), Some(false));
    }
}
