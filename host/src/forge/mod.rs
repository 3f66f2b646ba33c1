//! The interface to a forge, which identifies callers and knows their role in a project. It knows nothing of the
//! host's answers: `auth/mod.rs` turns a decision into one.

use async_trait::async_trait;

use crate::storage::ProjectId;

mod access;
pub(crate) mod cache;
pub(crate) mod calls;
mod client;
mod commit_status;
mod credential;
mod error;
pub mod gitea;
pub mod gitlab;
pub mod http;
mod id_token;
mod job;
pub mod local;
pub(crate) mod oauth;
mod project;
mod signature;
mod webhook;

/// Maximum number of projects that one call of [`Forge::projects`] returns.
pub const PROJECTS_LISTED_MAX: usize = 100;

pub use access::{Access, Actor, Decision, Scope};
pub use client::{ForgeAddress, ForgeClient, ForgeReply, secret_header};
pub(crate) use commit_status::EndedRun;
pub use commit_status::{CommitState, CommitStatus};
pub use credential::Credential;
pub use error::ForgeError;
pub use job::{Job, JobRef, Target};
pub use oauth::{OauthOptions, OauthProvider};
pub use project::{Project, ProjectPage, ProjectRef, Role, Visibility};
pub use webhook::{Event, Webhook, WebhookError};

/// A forge: its users, projects, roles, CI jobs, commit statuses and pages.
///
/// Only [`resolve`](Self::resolve) must be implemented. The host bounds the time of every call, and caches
/// decisions: see [`is_cached`](Self::is_cached).
#[async_trait]
pub trait Forge: Send + Sync + 'static {
    /// Identifies the caller and their role in this project.
    ///
    /// # Errors
    /// Fails when the forge does not answer, or answers in a way that is not understood. Such a request is
    /// refused, never let through.
    async fn resolve(&self, project: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError>;

    /// Finds a project that everybody may read without signing in. `None`: there is none of this name, or it is not public.
    /// The answer is cached as decisions are.
    ///
    /// # Errors
    /// Fails as [`resolve`](Self::resolve) does.
    async fn public_project(&self, project: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        let _ = project;
        Ok(None)
    }

    /// Lists projects that the caller may read, at most [`PROJECTS_LISTED_MAX`]: by number, and from the place on that a former
    /// page gave. Empty: from the first on; so is a place that no page gave. A forge may leave out projects of which the caller
    /// is no member. `Credential::Anonymous`: the public ones. `None`: the forge does not list projects for such a caller.
    /// The answer is cached as decisions are.
    ///
    /// # Errors
    /// Fails as [`resolve`](Self::resolve) does.
    async fn projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, ForgeError> {
        let _ = (credential, after);
        Ok(None)
    }

    /// True if the host may cache decisions: those that permit reading for 60 s, others for 5 s. False if a
    /// decision costs next to nothing and holds only for the moment; then the forge is asked at each request.
    fn is_cached(&self) -> bool {
        true
    }

    /// Returns a CI job of this project. `None`: the project has no such job, or the forge has no CI.
    /// A forge with a service token is asked with it, any other with the caller's credential, if there is one.
    async fn job(
        &self,
        project: ProjectId,
        job: &JobRef,
        credential: Option<&Credential>,
    ) -> Result<Option<Job>, ForgeError> {
        let _ = (project, job, credential);
        Ok(None)
    }

    /// Returns the URL of a page. `None`: the forge has no page for it. The entity need not exist.
    async fn link(&self, project: ProjectId, target: &Target) -> Result<Option<String>, ForgeError> {
        let _ = (project, target);
        Ok(None)
    }

    /// Sets a status of a commit of this project, with the forge's service token. False: the project has no such commit,
    /// or takes no status for it. A status that has the same name replaces the former one.
    ///
    /// # Errors
    /// Fails when the forge does not answer, or refuses the token. The host then asks again, with growing pauses, for a
    /// week at most. So it may set a status twice.
    async fn set_commit_status(&self, project: ProjectId, status: &CommitStatus) -> Result<bool, ForgeError> {
        let _ = (project, status);
        Ok(false)
    }

    /// The name of the cookie with which the forge's pages sign in, if the forge takes it from this host too.
    fn session_cookie(&self) -> Option<&str> {
        None
    }

    /// Checks that the forge sent a webhook, and returns the changes of which it tells.
    ///
    /// # Errors
    /// Fails when the forge sends none, when this one is not proven, or cannot be understood.
    fn events(&self, webhook: Webhook<'_>) -> Result<Vec<Event>, WebhookError> {
        let _ = webhook;
        Err(WebhookError::Unsupported)
    }

    /// Tests at the start whether the forge answers at all.
    ///
    /// # Errors
    /// Fails when it does not. The server warns, and starts.
    async fn probe(&self) -> Result<(), ForgeError> {
        Ok(())
    }
}
