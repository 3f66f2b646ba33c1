//! Projects that crowd others out: those with more requests than there are cores, while other projects have some too.

use std::sync::{Mutex, PoisonError};

use tokio::time::{Duration, Instant};

use crate::storage::ProjectId;

/// The time for which a project counts as active after a request.
const ACTIVE_TIME: Duration = Duration::from_secs(1);

/// The last requests of two projects, which tell for each project whether another one is active.
#[derive(Debug)]
pub(crate) struct Crowding {
    /// Number of requests that a project may have at a time without crowding others out.
    requests_max: usize,
    recent: Mutex<Recent>,
}

#[derive(Debug, Default)]
struct Recent {
    /// The project that had the last request of all.
    last: Option<(ProjectId, Instant)>,
    /// The last request of any other project.
    of_another: Option<Instant>,
}

impl Crowding {
    /// A project crowds others out with more than so many requests at a time.
    pub(crate) fn new(requests_max: usize) -> Self {
        Self {
            requests_max,
            recent: Mutex::default(),
        }
    }

    /// A project crowds others out with more requests than there are cores.
    pub(crate) fn of_cores() -> Self {
        Self::new(std::thread::available_parallelism().map_or(1, usize::from))
    }

    /// Notes a request of a project, which then has so many. Returns true if the project crowds others out.
    pub(crate) fn note(&self, project: ProjectId, requests: usize) -> bool {
        let now = Instant::now();
        // No code that may panic runs under the lock.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let of_another = recent.note(project, now);
        let is_alone = of_another.is_none_or(|last| now.duration_since(last) > ACTIVE_TIME);
        requests > self.requests_max && !is_alone
    }
}

impl Recent {
    /// Notes a request, and returns the time of the last one of any other project.
    fn note(&mut self, project: ProjectId, now: Instant) -> Option<Instant> {
        if let Some((last, time)) = self.last
            && last != project
        {
            self.of_another = Some(time);
        }
        self.last = Some((project, now));
        self.of_another
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

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
