//! Projects that crowd others out: those with more requests than there are cores, while a quiet project has some too.
//!
//! Projects that are all busy crowd nobody out: they share the threads in turns.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::storage::ProjectId;
use crate::storage::active_projects::ActiveProjects;

/// Tells which projects crowd others out.
#[derive(Debug)]
pub(crate) struct Crowding {
    /// Number of requests that a project may have at a time without crowding others out.
    requests_max: usize,
    /// The projects that were active with no more requests than that.
    quiet: Mutex<ActiveProjects>,
}

impl Crowding {
    /// A project crowds others out with more than so many requests at a time.
    pub(crate) fn new(requests_max: usize) -> Self {
        Self {
            requests_max,
            quiet: Mutex::default(),
        }
    }

    /// A project crowds others out with more requests than there are cores.
    pub(crate) fn of_cores() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Notes a request of a project, which then has so many. Returns true if the project crowds others out.
    pub(crate) fn note(&self, project: ProjectId, requests: usize) -> bool {
        // No code that may panic runs under the lock.
        let mut quiet = self.quiet.lock().unwrap_or_else(PoisonError::into_inner);
        if requests > self.requests_max {
            return quiet.is_another_active(project, Instant::now());
        }
        quiet.note(project, Instant::now());
        false
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, advance};

    use super::*;
    use crate::storage::active_projects::ACTIVE_TIME;

    const BUSY: ProjectId = ProjectId(1);
    const QUIET: ProjectId = ProjectId(2);

    #[tokio::test(start_paused = true)]
    async fn a_project_that_is_alone_crowds_nobody_out() {
        let crowding = Crowding::new(2);
        for requests in 1..100 {
            assert!(!crowding.note(BUSY, requests));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_project_with_many_requests_crowds_an_active_one_out_and_not_the_reverse() {
        let crowding = Crowding::new(2);
        assert!(!crowding.note(BUSY, 50));
        assert!(!crowding.note(QUIET, 1));
        assert!(crowding.note(BUSY, 50));
        assert!(crowding.note(BUSY, 3));
        assert!(!crowding.note(BUSY, 2));
        assert!(!crowding.note(QUIET, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn busy_projects_crowd_nobody_out_until_a_quiet_one_comes() {
        let crowding = Crowding::new(2);
        let other = ProjectId(3);
        for _ in 0..3 {
            assert!(!crowding.note(BUSY, 50));
            assert!(!crowding.note(other, 50));
        }
        crowding.note(QUIET, 1);
        assert!(crowding.note(BUSY, 50) && crowding.note(other, 50));
    }

    #[tokio::test(start_paused = true)]
    async fn a_project_is_active_for_a_second() {
        let crowding = Crowding::new(2);
        crowding.note(QUIET, 1);
        assert!(crowding.note(BUSY, 50));
        advance(ACTIVE_TIME).await;
        assert!(crowding.note(BUSY, 50));
        advance(Duration::from_millis(1)).await;
        assert!(!crowding.note(BUSY, 50));
        crowding.note(QUIET, 1);
        assert!(crowding.note(BUSY, 50));
    }
}
