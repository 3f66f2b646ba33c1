//! Runs of Actions workflows, and their jobs.
//!
//! Gitea tells both since 1.25. Forgejo tells runs, and its newest versions the jobs of a run, in words of their own.

use http::HeaderMap;
use serde::Deserialize;

use super::api::{Answer, Api};
use super::location::{Location, is_number, page_url};
use crate::forge::{ForgeError, Job, JobRef};
use crate::storage::ProjectId;

/// Number of jobs of a run that are asked for, and Gitea's own maximum. The key of a job further down is not found.
const JOBS_MAX: &str = "50";
/// The words for a status that does not change any more: Gitea's, then Forgejo's.
const FINISHED: [&str; 5] = ["completed", "success", "failure", "cancelled", "skipped"];

/// The answer to `GET …/actions/runs/{run}`. The aliases are Forgejo's.
#[derive(Deserialize)]
struct Run {
    id: u64,
    #[serde(default)]
    html_url: String,
    #[serde(default)]
    status: String,
    /// Gitea: the word for the end of a completed run.
    #[serde(default)]
    conclusion: String,
    #[serde(default, alias = "commit_sha")]
    head_sha: String,
    /// Gitea: the branch. It is empty for tags and pull requests.
    #[serde(default)]
    head_branch: String,
    /// Gitea: the workflow's file, `@`, and the full name of the branch, tag or pull request.
    #[serde(default)]
    path: String,
    /// Forgejo: the branch or tag, or `#` and the number of a pull request.
    #[serde(default)]
    prettyref: String,
    #[serde(default, alias = "trigger_user")]
    trigger_actor: Option<User>,
    #[serde(default)]
    repository: Option<RepositoryId>,
    /// Gitea 1.24, instead of `repository`.
    #[serde(default)]
    repository_id: Option<u64>,
    /// Gitea: the repository of the commit.
    #[serde(default)]
    head_repository: Option<RepositoryId>,
    /// Forgejo.
    #[serde(default)]
    is_fork_pull_request: Option<bool>,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct RepositoryId {
    id: u64,
}

/// A job of a run.
#[derive(Deserialize)]
struct RunJob {
    id: u64,
    /// The run's id. Forgejo leaves it out in lists.
    #[serde(default)]
    run_id: u64,
    /// The display name, which is the key in the workflow's file unless the file gives another.
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    conclusion: String,
    #[serde(default)]
    html_url: String,
}

/// The answer to `GET …/actions/runs/{run}/jobs`.
#[derive(Deserialize)]
#[serde(untagged)]
enum RunJobs {
    Gitea { jobs: Option<Vec<RunJob>> },
    Forgejo(Vec<RunJob>),
}

/// Asks for a CI job of a repository: two requests, for a job in a run both at once. `None`: the repository has no such
/// job or run.
///
/// # Errors
/// Fails also when the credential may not read Actions. Another one may, so that is not the end of it.
pub(super) async fn job(
    api: &Api,
    project: ProjectId,
    location: &Location,
    job: &JobRef,
    headers: &HeaderMap,
) -> Result<Option<Job>, ForgeError> {
    let actions = Actions { api, location, headers };
    let (run, job, key) = match job {
        JobRef::Id(id) if is_number(id) => {
            let Some(job) = actions.job(id).await? else {
                return Ok(None);
            };
            (actions.run(&job.run_id.to_string()).await?, Some(job), None)
        }
        JobRef::OfRun { run, job: key } if is_number(run) => {
            let (run, jobs) = tokio::try_join!(actions.run(run), actions.jobs(run))?;
            let key = key.as_deref();
            (run, key.and_then(|key| find(jobs, key)), key)
        }
        JobRef::Id(_) | JobRef::OfRun { .. } => return Ok(None),
    };
    // The repository's name may have passed to another one.
    let run = run.filter(|run| run.repository() == Some(project.0));
    Ok(run.map(|run| run.job(job, key, location)))
}

/// Tests if a run of a repository is surely not for a pull request from a fork, with one request.
pub(super) async fn is_of_repository(
    api: &Api,
    project: ProjectId,
    location: &Location,
    run: &str,
    headers: &HeaderMap,
) -> Result<bool, ForgeError> {
    if !is_number(run) {
        return Ok(false);
    }
    let run = Actions { api, location, headers }.run(run).await?;
    Ok(run.is_some_and(|run| {
        let is_of_fork = match (run.is_fork_pull_request, &run.head_repository) {
            (Some(is_of_fork), _) => is_of_fork,
            (None, Some(head)) => head.id != project.0,
            (None, None) => true,
        };
        run.repository() == Some(project.0) && !is_of_fork
    }))
}

/// The number in the full name of a pull request's reference, `refs/pull/<number>/head`. `None`: it is none.
pub(super) fn pull_request(reference: &str) -> Option<&str> {
    let number = reference.strip_prefix("refs/pull/")?.split('/').next()?;
    is_number(number).then_some(number)
}

/// Requests below `/repos/{owner}/{repo}/actions`.
struct Actions<'a> {
    api: &'a Api,
    location: &'a Location,
    headers: &'a HeaderMap,
}

impl Actions<'_> {
    async fn run(&self, run: &str) -> Result<Option<Run>, ForgeError> {
        present(self.api.get(&self.below(&["runs", run]), self.headers).await?)
    }

    /// The jobs of a run. There are none on a forge that does not tell them.
    async fn jobs(&self, run: &str) -> Result<Vec<RunJob>, ForgeError> {
        let segments = self.below(&["runs", run, "jobs"]);
        let query = [("limit", JOBS_MAX)];
        let answer = self.api.get_with_query(&segments, &query, self.headers).await?;
        Ok(match present(answer)? {
            Some(RunJobs::Gitea { jobs }) => jobs.unwrap_or_default(),
            Some(RunJobs::Forgejo(jobs)) => jobs,
            None => Vec::new(),
        })
    }

    /// A job by its number, which Forgejo does not tell.
    async fn job(&self, job: &str) -> Result<Option<RunJob>, ForgeError> {
        present(self.api.get(&self.below(&["jobs", job]), self.headers).await?)
    }

    fn below<'a>(&'a self, segments: &[&'a str]) -> Vec<&'a str> {
        let repository = ["repos", &self.location.owner, &self.location.name, "actions"];
        repository.into_iter().chain(segments.iter().copied()).collect()
    }
}

impl Run {
    fn repository(&self) -> Option<u64> {
        self.repository
            .as_ref()
            .map(|repository| repository.id)
            .or(self.repository_id)
    }

    /// The job, or what the run tells of it if the forge does not tell the job.
    fn job(self, job: Option<RunJob>, key: Option<&str>, location: &Location) -> Job {
        let reference = self.reference();
        let pull_request = self.pull_request(reference.as_deref()).map(ToOwned::to_owned);
        let (status, conclusion) = match &job {
            Some(job) => (&job.status, &job.conclusion),
            None => (&self.status, &self.conclusion),
        };
        let run_url = page_url(self.html_url);
        Job {
            id: job.as_ref().map_or(self.id, |job| job.id).to_string(),
            name: match &job {
                Some(job) => job.name.clone(),
                None => key.unwrap_or_default().to_owned(),
            },
            is_finished: FINISHED.contains(&status.as_str()),
            status: if conclusion.is_empty() {
                status.clone()
            } else {
                conclusion.clone()
            },
            commit_url: location.commit_page(&self.head_sha),
            commit: filled(self.head_sha),
            pipeline: Some(self.id.to_string()),
            user: self.trigger_actor.map(|user| user.login),
            merge_request_url: pull_request
                .as_deref()
                .and_then(|number| location.pull_request_page(number)),
            merge_request: pull_request.map(|number| format!("#{number}")),
            git_ref: reference,
            url: job.and_then(|job| page_url(job.html_url)).or_else(|| run_url.clone()),
            pipeline_url: run_url,
        }
    }

    /// The branch or tag, or the full name of a pull request's head.
    fn reference(&self) -> Option<String> {
        let at = self.path.find("@refs/").map(|at| at + 1);
        let full = at.and_then(|at| self.path.get(at..)).unwrap_or_default();
        let short = full
            .strip_prefix("refs/heads/")
            .or_else(|| full.strip_prefix("refs/tags/"));
        [&self.head_branch, short.unwrap_or(full), &self.prettyref]
            .into_iter()
            .find(|name| !name.is_empty() && !name.starts_with('#'))
            .map(ToOwned::to_owned)
    }

    /// The number of the pull request for which the run is.
    fn pull_request<'a>(&'a self, reference: Option<&'a str>) -> Option<&'a str> {
        let of_forgejo = || self.prettyref.strip_prefix('#').filter(|number| is_number(number));
        reference.and_then(pull_request).or_else(of_forgejo)
    }
}

/// Finds the job with this key in the workflow's file. Forges tell the display names only, so a job whose file names it
/// otherwise is found only if it is the run's one job. The jobs of a matrix are `key (values)`, and cannot be told apart.
fn find(mut jobs: Vec<RunJob>, key: &str) -> Option<RunJob> {
    let is_named = |job: &RunJob| job.name == key;
    let is_of_matrix = |job: &RunJob| job.name.strip_prefix(key).is_some_and(|rest| rest.starts_with(" ("));
    if let Some(index) = jobs.iter().position(is_named) {
        return Some(jobs.swap_remove(index));
    }
    if jobs.iter().any(is_of_matrix) {
        jobs.retain(is_of_matrix);
    }
    let one = jobs.pop();
    one.filter(|_| jobs.is_empty())
}

/// # Errors
/// Fails when the credential is refused.
fn present<T>(answer: Answer<T>) -> Result<Option<T>, ForgeError> {
    match answer {
        Answer::Found(value) => Ok(Some(value)),
        Answer::NotFound => Ok(None),
        Answer::Unauthenticated | Answer::Forbidden(_) => {
            Err(ForgeError::new("the credential may not read the runs of Actions"))
        }
    }
}

fn filled(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
