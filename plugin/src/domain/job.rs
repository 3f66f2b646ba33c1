//! CI jobs that runs and versions name in their tags, and the tags that show them.

use super::attempts::Attempts;
use super::limits::{JOB_REF_CHARS_MAX, JOB_TEXT_CHARS_MAX};
use super::name::cut;

/// The tag that holds the id of a job of GitLab.
const ID_TAG: &str = "gitlab.CI_JOB_ID";

/// The tags that hold the id of a workflow's run, each with the tag that holds the key of a job in it.
const RUN_TAGS: [(&str, &str); 3] = [
    ("GITHUB_RUN_ID", "GITHUB_JOB"),
    ("gitea.GITHUB_RUN_ID", "gitea.GITHUB_JOB"),
    ("forgejo.GITHUB_RUN_ID", "forgejo.GITHUB_JOB"),
];

/// The tags by which clients name a job.
pub const NAMING_TAGS: [&str; 7] = [
    ID_TAG,
    "GITHUB_RUN_ID",
    "GITHUB_JOB",
    "gitea.GITHUB_RUN_ID",
    "gitea.GITHUB_JOB",
    "forgejo.GITHUB_RUN_ID",
    "forgejo.GITHUB_JOB",
];

/// The tag that shows the id of the job, which every job has.
pub const SHOWN_ID_TAG: &str = "mlforge.ci.id";

/// The tag that shows the commit of the job.
pub const SHOWN_COMMIT_TAG: &str = "mlforge.ci.commit";

/// The tags that show a job. Only the server writes them.
pub const SHOWING_TAGS: [&str; 12] = [
    SHOWN_ID_TAG,
    "mlforge.ci.name",
    "mlforge.ci.status",
    "mlforge.ci.ref",
    SHOWN_COMMIT_TAG,
    "mlforge.ci.pipeline",
    "mlforge.ci.user",
    "mlforge.ci.merge_request",
    "mlforge.ci.url",
    "mlforge.ci.commit_url",
    "mlforge.ci.pipeline_url",
    "mlforge.ci.merge_request_url",
];

/// True if a client names a job with this tag.
pub fn names_job(key: &str) -> bool {
    NAMING_TAGS.contains(&key)
}

/// The name of a CI job, as a client gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobRef {
    /// The job's id.
    Id(String),
    /// A job of a run of a workflow.
    OfRun {
        /// The run's id.
        run: String,
        /// The job's key in the workflow's file. `None`: the client did not say it.
        job: Option<String>,
    },
}

impl JobRef {
    /// The job that some tags name. Of several names GitLab's counts, then that without a prefix. `None`: they
    /// name none. A text that no forge would give a job names none.
    pub fn of_tags<'a>(tag: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let word = |key: &str| {
            let is_word = |text: &&str| {
                let is_short = text.chars().count() <= JOB_REF_CHARS_MAX;
                !text.is_empty() && is_short && !text.chars().any(char::is_control)
            };
            tag(key).map(str::trim).filter(is_word).map(str::to_owned)
        };
        let of_run = |(run, job): (&str, &str)| {
            let run = word(run)?;
            Some(JobRef::OfRun { run, job: word(job) })
        };
        word(ID_TAG)
            .map(JobRef::Id)
            .or_else(|| RUN_TAGS.into_iter().find_map(of_run))
    }
}

/// A CI job, as the forge tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// True if the status will not change any more.
    pub is_finished: bool,
    /// The texts that are shown, in the order of `SHOWING_TAGS`. `None`: the forge does not tell it.
    pub texts: [Option<String>; SHOWING_TAGS.len()],
}

impl Job {
    /// The tags that show the job. `None`: there is no such tag.
    pub fn tags(&self) -> impl Iterator<Item = (&'static str, Option<String>)> {
        let text = |text: &Option<String>| {
            let text = text.as_deref().filter(|text| !text.is_empty());
            text.map(|text| cut(text.to_owned(), JOB_TEXT_CHARS_MAX))
        };
        SHOWING_TAGS.into_iter().zip(self.texts.iter().map(text))
    }

    /// The job's id. `None`: the forge does not tell it.
    pub fn id(&self) -> Option<&str> {
        self.text(SHOWN_ID_TAG)
    }

    /// True if this is the job that a client names.
    pub fn is_named_by(&self, name: &JobRef) -> bool {
        match name {
            JobRef::Id(id) => self.id() == Some(id),
            JobRef::OfRun { run, job } => {
                let is_of_run = self.text("mlforge.ci.pipeline") == Some(run);
                is_of_run && (job.is_none() || self.text("mlforge.ci.name") == job.as_deref())
            }
        }
    }

    fn text(&self, key: &str) -> Option<&str> {
        let place = SHOWING_TAGS.iter().position(|tag| *tag == key)?;
        self.texts.get(place)?.as_deref().filter(|text| !text.is_empty())
    }
}

/// A look-up of a job that is still to be made, or to be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLookup {
    /// The job.
    pub job: JobRef,
    /// The attempts since the job was named.
    pub attempts: Attempts,
}

impl JobLookup {
    /// The look-up of a job that is named now.
    pub fn new(job: JobRef, now_ms: i64) -> Self {
        JobLookup {
            job,
            attempts: Attempts::new(now_ms),
        }
    }

    /// The look-up after one more attempt.
    #[must_use]
    pub fn tried(self, now_ms: i64) -> Self {
        JobLookup {
            attempts: self.attempts.tried(now_ms),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(tags: &[(&str, &str)]) -> Option<JobRef> {
        JobRef::of_tags(|key| tags.iter().find(|(tag, _)| *tag == key).map(|(_, value)| *value))
    }

    fn of_run(run: &str, job: Option<&str>) -> Option<JobRef> {
        Some(JobRef::OfRun {
            run: run.to_owned(),
            job: job.map(str::to_owned),
        })
    }

    #[test]
    fn a_job_is_named_by_its_id_or_by_its_run_and_key() {
        let id = Some(JobRef::Id("7".to_owned()));
        assert_eq!(named(&[("gitlab.CI_JOB_ID", " 7 "), ("GITHUB_RUN_ID", "8")]), id);
        assert_eq!(named(&[("GITHUB_RUN_ID", "8")]), of_run("8", None));
        for prefix in ["", "gitea.", "forgejo."] {
            let (run, job) = (format!("{prefix}GITHUB_RUN_ID"), format!("{prefix}GITHUB_JOB"));
            assert_eq!(named(&[(&run, "8"), (&job, "build")]), of_run("8", Some("build")));
            assert_eq!(named(&[(&job, "build")]), None);
            assert!(names_job(&run) && names_job(&job));
        }
        for bad in ["", " ", "7\n8", &"7".repeat(JOB_REF_CHARS_MAX + 1)] {
            assert_eq!(named(&[("gitlab.CI_JOB_ID", bad)]), None, "{bad:?}");
        }
    }
}
