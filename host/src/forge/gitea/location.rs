//! The names of repositories, and their pages.

use std::sync::Arc;

use http::HeaderMap;
use quick_cache::sync::Cache;
use reqwest::Url;

use super::api::{Answer, Api};
use crate::forge::{ForgeError, ProjectRef};
use crate::storage::ProjectId;

/// Maximum number of repositories whose location is remembered. With names of usual length they take about 3 MB.
const LOCATIONS_MAX: usize = 10_000;
/// Maximum length of a name. Gitea permits 40 for users and 100 for repositories.
const NAME_BYTES_MAX: usize = 255;
/// Lengths of a commit's hash, SHA-1 and SHA-256, and the shortest abbreviation.
const HASH_DIGITS: std::ops::RangeInclusive<usize> = 7..=64;

/// The current name of a repository, and its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// Name of the user or organization.
    pub(super) owner: String,
    /// Name of the repository.
    pub(super) name: String,
    /// URL of the page.
    pub(super) page: String,
}

/// The locations of the repositories about which decisions were made. Each decision renews its own.
///
/// A location may be out of date after a rename. The forge then redirects, so links still lead there. Whoever relies on
/// the answer to a request checks the repository's id in it.
pub(super) struct Locations {
    entries: Cache<ProjectId, Arc<Location>>,
}

impl Default for Locations {
    fn default() -> Self {
        Self {
            entries: Cache::new(LOCATIONS_MAX),
        }
    }
}

impl Locations {
    pub(super) fn get(&self, id: ProjectId) -> Option<Arc<Location>> {
        self.entries.get(&id)
    }

    pub(super) fn insert(&self, id: ProjectId, location: Location) -> Arc<Location> {
        let location = Arc::new(location);
        self.entries.insert(id, Arc::clone(&location));
        location
    }

    /// Returns the location that is remembered, or else asks the forge, which costs one request. `None`: there is no such
    /// repository.
    pub(super) async fn find(
        &self,
        api: &Api,
        id: ProjectId,
        headers: &HeaderMap,
    ) -> Result<Option<Arc<Location>>, ForgeError> {
        if let Some(location) = self.get(id) {
            return Ok(Some(location));
        }
        let Answer::Found(repository) = api.repository(&ProjectRef::Id(id.0), headers).await? else {
            return Ok(None);
        };
        Ok(Some(self.insert(id, repository.location(api)?)))
    }
}

impl Location {
    /// The full path, as the forge writes it.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(super) fn project_ref(&self) -> ProjectRef {
        ProjectRef::Path(self.path())
    }

    /// URL of a commit's page. `None`: no commit has such a hash.
    pub(super) fn commit_page(&self, hash: &str) -> Option<String> {
        let is_hash = HASH_DIGITS.contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hash.then(|| self.below(&["commit", hash])).flatten()
    }

    /// URL of a pull request's page. `None`: no pull request has such a number.
    pub(super) fn pull_request_page(&self, number: &str) -> Option<String> {
        is_number(number).then(|| self.below(&["pulls", number])).flatten()
    }

    /// URL of a page below the repository's.
    pub(super) fn below(&self, segments: &[&str]) -> Option<String> {
        let mut url: Url = self.page.parse().ok()?;
        url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        Some(url.into())
    }
}

/// True if a user, an organization or a repository may have this name: letters of ASCII, digits, `-`, `_` and `.`.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !matches!(text, "" | "." | "..") && text.len() <= NAME_BYTES_MAX && text.bytes().all(is_allowed)
}

/// True if the text is a number in decimal digits.
pub(super) fn is_number(text: &str) -> bool {
    text.parse::<u64>().is_ok() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A URL of the forge that a page may link to. `None`: it is none of HTTP.
pub(super) fn page_url(text: String) -> Option<String> {
    let url: Url = text.parse().ok()?;
    matches!(url.scheme(), "http" | "https").then_some(text)
}
