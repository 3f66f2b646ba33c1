//! The model of what one caller made: what must be read of it. It knows MLflow's rules and no HTTP.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use mlforge_bench::numbers::mix;

/// Keys with values, of params and tags.
pub(crate) type Pairs = BTreeMap<String, String>;

/// Everything that a caller made. Things keep their place in these lists for good, so an index names one.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// What all names of this caller begin with.
    pub(crate) prefix: String,
    /// In the order in which they were made.
    pub(crate) experiments: Vec<Experiment>,
    /// In the order in which they were made.
    pub(crate) runs: Vec<Run>,
    /// In the order in which they were made.
    pub(crate) models: Vec<Model>,
    /// Those that are neither complete nor given up.
    pub(crate) uploads: Vec<Upload>,
    /// The last one that was acknowledged as complete.
    pub(crate) completed: Option<Upload>,
}

/// An experiment.
#[derive(Debug, Default)]
pub(crate) struct Experiment {
    /// As in answers.
    pub(crate) id: String,
    /// The present one.
    pub(crate) name: String,
    /// The one before, which names nothing any more.
    pub(crate) former_name: Option<String>,
    /// Softly.
    pub(crate) is_deleted: bool,
    /// By key.
    pub(crate) tags: Pairs,
}

/// A run with everything logged to it.
#[derive(Debug, Default)]
pub(crate) struct Run {
    /// As in answers.
    pub(crate) id: String,
    /// Its index among the experiments.
    pub(crate) experiment: usize,
    /// Also the tag `mlflow.runName`.
    pub(crate) name: String,
    /// MLflow's word.
    pub(crate) status: &'static str,
    /// Milliseconds.
    pub(crate) start_time: i64,
    /// Milliseconds.
    pub(crate) end_time: Option<i64>,
    /// Softly, on its own or with its experiment.
    pub(crate) is_deleted: bool,
    /// By key.
    pub(crate) params: Pairs,
    /// By key, without the name.
    pub(crate) tags: Pairs,
    /// Histories by key; no two points of one are the same.
    pub(crate) metrics: BTreeMap<String, BTreeSet<Point>>,
    /// Artifacts by path: the pieces that they are made of.
    pub(crate) files: BTreeMap<String, Vec<Contents>>,
}

/// A number that can be compared, as a metric has it.
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
    /// Milliseconds.
    pub(crate) timestamp: i64,
    /// As the caller counts.
    pub(crate) step: i64,
    /// Never NaN.
    pub(crate) value: Number,
}

/// The point that a run shows: the one with the highest step, then time, then value.
pub(crate) fn latest<'a>(history: impl IntoIterator<Item = &'a Point>) -> Option<Point> {
    let rank = |point: &&Point| (point.step, point.timestamp, point.value);
    history.into_iter().max_by_key(rank).copied()
}

/// A file's bytes, made anew from a seed when they are needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Other bytes for another seed.
    pub(crate) seed: u64,
    /// How many bytes.
    pub(crate) length: usize,
}

impl Contents {
    /// The bytes.
    pub(crate) fn bytes(self) -> Bytes {
        let words = (0_u64..).map(|index| mix(self.seed.wrapping_add(index)));
        words.flat_map(u64::to_le_bytes).take(self.length).collect()
    }
}

/// A registered model.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The present one.
    pub(crate) name: String,
    /// The one before, which names nothing any more.
    pub(crate) former_name: Option<String>,
    /// For good.
    pub(crate) is_deleted: bool,
    /// Empty when there is none.
    pub(crate) description: String,
    /// By key.
    pub(crate) tags: Pairs,
    /// The number of a version by alias.
    pub(crate) aliases: BTreeMap<String, u64>,
    /// By number, those that exist.
    pub(crate) versions: BTreeMap<u64, Version>,
    /// The highest number ever given.
    pub(crate) last_number: u64,
}

/// A model version.
#[derive(Debug, Default)]
pub(crate) struct Version {
    /// Unique in the model while the version exists.
    pub(crate) semver: SemVer,
    /// The id of its run.
    pub(crate) run: String,
    /// MLflow's word.
    pub(crate) stage: String,
    /// By key, without the one that shows the semantic version.
    pub(crate) tags: Pairs,
}

/// A semantic version: a release or a release candidate, by precedence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SemVer {
    /// Major, minor, patch.
    pub(crate) numbers: [u64; 3],
    /// `rc.` and this number; a release has none.
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
    /// What a version is called that nobody gave a semantic version.
    pub(crate) fn next_semver(&self) -> SemVer {
        let highest = self.versions.values().map(|version| version.semver.numbers).max();
        let numbers = highest.map_or([1, 0, 0], |[major, minor, patch]| [major, minor, patch + 1]);
        SemVer {
            numbers,
            candidate: None,
        }
    }

    /// Whether a version has this semantic version.
    pub(crate) fn has(&self, semver: SemVer) -> bool {
        self.versions.values().any(|version| version.semver == semver)
    }

    /// The latest version: the highest release, or the highest candidate where there is none.
    pub(crate) fn latest(&self) -> Option<u64> {
        let rank = |version: &Version| {
            let SemVer { numbers, candidate } = version.semver;
            (candidate.is_none(), numbers, candidate)
        };
        let highest = self.versions.iter().max_by_key(|(_, version)| rank(version));
        highest.map(|(number, _)| *number)
    }

    /// Removes a version, and the aliases that name it.
    pub(crate) fn remove(&mut self, number: u64) {
        self.versions.remove(&number);
        self.aliases.retain(|_, named| *named != number);
    }
}

/// A file that is on its way in parts.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// Of the server.
    pub(crate) id: String,
    /// The index of the run that the file is of.
    pub(crate) run: usize,
    /// The file's path among the run's.
    pub(crate) path: String,
    /// In order.
    pub(crate) parts: Vec<Part>,
}

/// A part of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// What it holds.
    pub(crate) contents: Contents,
    /// Where it is sent to, from the first slash on.
    pub(crate) address: String,
    /// The header that lets it in.
    pub(crate) ticket: (String, String),
    /// What the server calls it, once it was acknowledged.
    pub(crate) etag: Option<String>,
}

impl Expected {
    /// What a caller has who made nothing yet.
    pub(crate) fn new(prefix: String) -> Self {
        Self {
            prefix,
            ..Self::default()
        }
    }

    /// Where a run's artifacts lie, as addresses have it.
    pub(crate) fn root(&self, run: &Run) -> String {
        let experiment = self.experiments.get(run.experiment);
        let experiment = experiment.map_or("", |experiment| &experiment.id);
        format!("{experiment}/{}/artifacts", run.id)
    }

    /// Whether a run is a version of a model that exists.
    pub(crate) fn is_version(&self, run: &Run) -> bool {
        let models = self.models.iter().filter(|model| !model.is_deleted);
        let mut versions = models.flat_map(|model| model.versions.values());
        versions.any(|version| version.run == run.id)
    }

    /// The runs of an experiment with their indices.
    pub(crate) fn runs_of(&self, experiment: usize) -> impl Iterator<Item = (usize, &Run)> {
        let of_it = move |(_, run): &(usize, &Run)| run.experiment == experiment;
        self.runs.iter().enumerate().filter(of_it)
    }

    /// Deletes or restores an experiment, and all of its runs whatever they were before.
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
    fn contents_have_their_length_and_repeat() {
        let contents = Contents { seed: 5, length: 13 };
        assert_eq!(contents.bytes().len(), 13);
        assert_eq!(contents.bytes(), contents.bytes());
        assert_ne!(contents.bytes(), Contents { seed: 6, length: 13 }.bytes());
        assert_ne!(contents.bytes().slice(8..), contents.bytes().slice(..5));
    }
}
