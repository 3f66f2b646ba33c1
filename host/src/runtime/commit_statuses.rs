//! The projects in which a run has ended that may set a commit status, and the URL below which the statuses link.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::storage::ProjectId;

/// The commit statuses of a host that sets some.
pub(crate) struct CommitStatuses {
    base_url: String,
    /// Each project is here from a run's end until the host plans the pass that sets the status.
    announced: Mutex<BTreeSet<ProjectId>>,
}

impl CommitStatuses {
    /// `base_url` is that of the host for browsers, without a slash at its end.
    pub(crate) fn new(base_url: String) -> Self {
        Self {
            base_url,
            announced: Mutex::default(),
        }
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Notes that a run of a project ends.
    pub(crate) fn announce(&self, project: ProjectId) {
        self.announced().insert(project);
    }

    /// True if a run of a project has ended since the last call.
    pub(crate) fn take(&self, project: ProjectId) -> bool {
        self.announced().remove(&project)
    }

    fn announced(&self) -> MutexGuard<'_, BTreeSet<ProjectId>> {
        // No code that may panic runs under the lock.
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
