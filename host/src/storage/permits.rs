//! Permits for work that takes memory or threads. No project can hold all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use super::{ProjectId, StorageError};

/// A semaphore for all projects, and a smaller one for each project.
pub(super) struct ProjectPermits {
    all: Arc<Semaphore>,
    each: usize,
    /// Semaphores of the projects that hold permits or wait for some.
    projects: Mutex<BTreeMap<ProjectId, Weak<Semaphore>>>,
}

/// Permits, returned when dropped.
#[derive(Debug)]
pub(super) struct Permits {
    _of_project: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl ProjectPermits {
    /// Creates `all` permits. Each project may hold `each` of them.
    pub(super) fn new(all: usize, each: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            each,
            projects: Mutex::default(),
        }
    }

    /// Waits for `count` permits, first come, first served. It takes those of the project first, so a project
    /// at its limit delays no other. `count` must not exceed the limit of a project.
    pub(super) async fn take(&self, project: ProjectId, count: u32) -> Result<Permits, StorageError> {
        let of_project = self.project(project).acquire_many_owned(count).await.map_err(closed)?;
        let of_all = Arc::clone(&self.all).acquire_many_owned(count).await.map_err(closed)?;
        Ok(Permits {
            _of_project: of_project,
            _of_all: of_all,
        })
    }

    fn project(&self, project: ProjectId) -> Arc<Semaphore> {
        // No code that may panic runs under the lock.
        let mut projects = self.projects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = projects.get(&project).and_then(Weak::upgrade) {
            return semaphore;
        }
        projects.retain(|_, semaphore| semaphore.strong_count() > 0);
        let semaphore = Arc::new(Semaphore::new(self.each));
        projects.insert(project, Arc::downgrade(&semaphore));
        semaphore
    }
}

fn closed(_: AcquireError) -> StorageError {
    StorageError::Unavailable("the storage is closed".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use std::pin::pin;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_project_cannot_take_more_than_its_share() {
        let permits = ProjectPermits::new(3, 2);
        let waits = async |project| {
            timeout(Duration::from_secs(1), permits.take(ProjectId(project), 1))
                .await
                .is_err()
        };
        let one = permits.take(ProjectId(1), 2).await.unwrap();
        assert!(waits(1).await && !waits(2).await);
        let mut waiting = pin!(permits.take(ProjectId(1), 2));
        assert!(timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        let other = permits.take(ProjectId(2), 1).await.unwrap();
        assert!(waits(2).await);
        drop((one, other));
        drop(waiting.await.unwrap());
        assert_eq!(permits.project(ProjectId(3)).available_permits(), 2);
        assert_eq!(permits.projects.lock().unwrap().len(), 1);
    }
}
