//! The projects that were active a moment ago: enough to tell whether one of them is alone.

use tokio::time::{Duration, Instant};

use super::ProjectId;

/// The time for which a project counts as active.
pub(crate) const ACTIVE_TIME: Duration = Duration::from_secs(1);

/// The last acts of two projects.
#[derive(Debug, Default)]
pub(crate) struct ActiveProjects {
    /// The project that acted last.
    last: Option<(ProjectId, Instant)>,
    /// The last act of any other project.
    of_another: Option<Instant>,
}

impl ActiveProjects {
    /// Notes an act of a project. Returns true if another one is active.
    pub(crate) fn note(&mut self, project: ProjectId, now: Instant) -> bool {
        if let Some((last, time)) = self.last
            && last != project
        {
            self.of_another = Some(time);
        }
        self.last = Some((project, now));
        self.are_several(now)
    }

    /// True if a project other than this one is active.
    pub(crate) fn is_another_active(&self, project: ProjectId, now: Instant) -> bool {
        let of_others = match self.last {
            Some((last, time)) if last != project => Some(time),
            _ => self.of_another,
        };
        of_others.is_some_and(|time| now.saturating_duration_since(time) <= ACTIVE_TIME)
    }

    /// True if more than one project is active.
    pub(crate) fn are_several(&self, now: Instant) -> bool {
        self.of_another
            .is_some_and(|time| now.saturating_duration_since(time) <= ACTIVE_TIME)
    }
}
