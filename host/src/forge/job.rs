//! CI jobs of a project, and pages of the forge.

/// How a client names the CI job in which it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JobRef {
    /// The job's id, as GitLab's variable `CI_JOB_ID`.
    Id(String),
    /// A job of a run of a workflow, as the variables `GITHUB_RUN_ID` and `GITHUB_JOB` of Gitea's and Forgejo's
    /// Actions.
    OfRun {
        /// The run's id.
        run: String,
        /// The job's key in the workflow's file. `None`: the client did not say it.
        job: Option<String>,
    },
}

/// A CI job of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    /// The job's id, as the forge writes it.
    pub id: String,
    /// The job's name, as in the pipeline's file.
    pub name: String,
    /// The job's status in the forge's own word, for example `success`.
    pub status: String,
    /// True if the status will not change any more.
    pub is_finished: bool,
    /// The branch or tag.
    pub git_ref: Option<String>,
    /// The full commit hash.
    pub commit: Option<String>,
    /// The id of the pipeline, or of the workflow's run.
    pub pipeline: Option<String>,
    /// Login of the user who started the job.
    pub user: Option<String>,
    /// The merge request, as the forge writes it, for example `!12`.
    pub merge_request: Option<String>,
    /// URL of the job's page.
    pub url: Option<String>,
    /// URL of the commit's page.
    pub commit_url: Option<String>,
    /// URL of the pipeline's page.
    pub pipeline_url: Option<String>,
    /// URL of the merge request's page.
    pub merge_request_url: Option<String>,
}

/// An entity that has a page on the forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A user, by login.
    User(String),
    /// A commit, by full hash.
    Commit(String),
    /// A merge request, by number.
    MergeRequest(String),
}
