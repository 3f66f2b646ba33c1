//! Statuses of commits, which GitLab shows as jobs of an external stage in the commit's pipeline.

use serde_json::json;

use super::GitlabForge;
use crate::forge::{CommitState, CommitStatus, ForgeError};
use crate::storage::ProjectId;

/// Maximum number of characters of a link that GitLab takes.
const URL_CHARS_MAX: usize = 255;

impl GitlabForge {
    /// Sets a status with the service token: 1 call, and 1 more if no caller has asked for the project yet. A link that is
    /// too long is left out.
    pub(super) async fn post_status(&self, project: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        let Some(service) = &self.service else {
            return Ok(false);
        };
        let page = self.page(project).await?;
        let state = match status.state {
            CommitState::Success => "success",
            CommitState::Failure => "failed",
            CommitState::Canceled => "canceled",
        };
        let mut body = json!({"state": state, "name": status.context, "description": status.description});
        let url = page.as_ref().and_then(|page| Some(status.url(page.path()?)));
        if let (Some(url), Some(body)) = (url.filter(|url| url.len() <= URL_CHARS_MAX), body.as_object_mut()) {
            body.insert("target_url".to_owned(), url.into());
        }
        self.api.set_status(project.0, &status.commit, &body, service).await
    }
}
