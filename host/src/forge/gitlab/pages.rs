//! URLs of GitLab's pages. The public URL of a GitLab may differ from the one at which this server asks it, so it is
//! taken from GitLab's own answers.

use quick_cache::sync::Cache;
use reqwest::Url;

/// Maximum number of projects whose pages are known. With paths of usual length they take about 1 MB.
const PROJECTS_MAX: usize = 10_000;

/// The pages of the projects that callers asked for.
pub(super) struct Pages {
    /// By project id.
    projects: Cache<u64, Page>,
}

/// The page of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// GitLab's public URL. Empty: it is unknown.
    forge: String,
    /// The project's URL.
    project: String,
}

impl Pages {
    pub(super) fn new() -> Self {
        Self {
            projects: Cache::new(PROJECTS_MAX),
        }
    }

    pub(super) fn get(&self, project: u64) -> Option<Page> {
        self.projects.get(&project)
    }

    /// Keeps the page of a project. After a renaming it replaces the former one.
    pub(super) fn keep(&self, project: u64, page: &Page) {
        if self.projects.get(&project).as_ref() != Some(page) {
            self.projects.insert(project, page.clone());
        }
    }
}

impl Page {
    /// The page of the project with this path, below this public URL.
    pub(super) fn below(forge: &str, path: &str) -> Option<Self> {
        let forge = forge.trim_end_matches('/');
        Some(Self {
            forge: forge.to_owned(),
            project: below(forge, &path.split('/').collect::<Vec<_>>())?,
        })
    }

    /// The page with this URL of the project with this path. `None`: the URL does not end with the path.
    pub(super) fn of_project(url: &str, path: &str) -> Option<Self> {
        Some(Self {
            forge: url.strip_suffix(path)?.trim_end_matches('/').to_owned(),
            project: url.to_owned(),
        })
    }

    /// The page of the project to which the job with this URL belongs.
    pub(super) fn of_job(url: &str) -> Option<Self> {
        let (project, _) = url.split_once("/-/jobs/")?;
        Some(Self {
            forge: String::new(),
            project: project.to_owned(),
        })
    }

    pub(super) fn url(&self) -> String {
        self.project.clone()
    }

    /// The path of the project. `None`: GitLab's public URL is unknown.
    pub(super) fn path(&self) -> Option<&str> {
        let forge = Some(self.forge.as_str()).filter(|forge| !forge.is_empty())?;
        self.project.strip_prefix(forge)?.strip_prefix('/')
    }

    pub(super) fn user(&self, login: &str) -> Option<String> {
        below(&self.forge, &[login])
    }

    pub(super) fn job(&self, id: &str) -> Option<String> {
        below(&self.project, &["-", "jobs", id])
    }

    pub(super) fn commit(&self, hash: &str) -> Option<String> {
        below(&self.project, &["-", "commit", hash])
    }

    pub(super) fn pipeline(&self, id: &str) -> Option<String> {
        below(&self.project, &["-", "pipelines", id])
    }

    pub(super) fn merge_request(&self, number: &str) -> Option<String> {
        below(&self.project, &["-", "merge_requests", number])
    }
}

/// The URL with these segments below another. Each is percent-encoded.
fn below(base: &str, segments: &[&str]) -> Option<String> {
    let mut url: Url = base.parse().ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
    Some(url.into())
}
