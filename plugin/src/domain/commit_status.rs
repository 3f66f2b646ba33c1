//! Statuses of commits. The run of an experiment that ended last gives its commit a status on the forge.

use super::attempts::Attempts;
use super::id::RunId;
use super::job::SHOWN_COMMIT_TAG;

/// The tags that name the commit of a run: MLflow's own, then that of the run's CI job. The first with a full hash counts.
pub const COMMIT_TAGS: [&str; 2] = ["mlflow.source.git.commit", SHOWN_COMMIT_TAG];

/// Numbers of hex digits of a full hash: SHA-1 and SHA-256.
const HASH_DIGITS: [usize; 2] = [40, 64];

/// The full hash of a commit, in small hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitHash(String);

impl CommitHash {
    /// Reads a full hash. `None`: the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_hash = HASH_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| CommitHash(text.to_ascii_lowercase()))
    }

    /// The commit that the tags of a run name. `None`: they name none.
    pub fn of_tags<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        COMMIT_TAGS.into_iter().find_map(|key| Self::parse(tag(key)?))
    }

    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The way in which a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It was successful.
    Finished,
    /// It failed.
    Failed,
    /// It was stopped.
    Killed,
}

/// A run that ended, as the forge is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedRun {
    /// The run.
    pub id: RunId,
    /// The run's name.
    pub name: String,
    /// The name of its experiment.
    pub experiment: String,
    /// The way in which it ended.
    pub end: RunEnd,
    /// The commit that it names.
    pub commit: CommitHash,
}

/// A commit status that is still to be set. Experiment and commit are in its key, and the rest is read from the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PendingStatus {
    /// The run that ended.
    pub run: RunId,
    /// The attempts to set the status.
    pub attempts: Attempts,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA: &str = "2293ada6b400935a1378653304eaf6221e0fdb8f";

    #[test]
    fn a_commit_is_named_by_a_full_hash_only() {
        let of = |text: &str| CommitHash::parse(text).map(|hash| hash.as_str().to_owned());
        assert_eq!(of(SHA).as_deref(), Some(SHA));
        assert_eq!(of(&format!(" {}\n", SHA.to_uppercase())).as_deref(), Some(SHA));
        let long = "0f".repeat(32);
        assert_eq!(of(&long), Some(long));
        for bad in [
            "",
            "2293ada",
            &SHA[1..],
            &format!("{SHA}0"),
            &"g".repeat(40),
            &"é".repeat(20),
            "../../x",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_commit_of_mlflow_counts_before_that_of_the_ci_job() {
        let other = "c".repeat(40);
        let named = |own: &str, of_job: &str| {
            let hash = CommitHash::of_tags(|key| match key {
                "mlflow.source.git.commit" => Some(own).filter(|own| !own.is_empty()),
                "mlforge.ci.commit" => Some(of_job).filter(|of_job| !of_job.is_empty()),
                _ => None,
            });
            hash.map(|hash| hash.as_str().to_owned())
        };
        assert_eq!(named(SHA, &other).as_deref(), Some(SHA));
        assert_eq!(named("", &other), Some(other.clone()));
        // An abbreviation names no commit for sure.
        assert_eq!(named("2293ada", &other), Some(other));
        assert_eq!(named("", ""), None);
    }
}
