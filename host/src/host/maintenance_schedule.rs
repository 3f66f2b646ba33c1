//! The schedule of maintenance: projects in a queue by due time. A project with more to do after its turn goes after all others
//! that are due. A project whose maintenance fails waits longer each time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::storage::ProjectId;

/// Delay after a change, and before another look at a project with runs that are still being changed.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest delay after repeated failures.
const FAILED_PAUSE_MAX: Duration = Duration::from_secs(60);

/// The scheduled projects and their due times.
#[derive(Debug, Default)]
pub(crate) struct MaintenanceSchedule {
    turns: BTreeMap<ProjectId, Due>,
    /// Number of projects put into the queue so far.
    sequence: u64,
}

#[derive(Debug)]
struct Due {
    at: Instant,
    /// Orders projects that are due at the same time: first in, first out.
    sequence: u64,
    progress: Progress,
}

/// The progress of maintenance in a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The position at which the next pass goes on. `None`: the start.
    pub(crate) after: Option<Vec<u8>>,
    /// True if runs before that position were left for later.
    pub(crate) is_left: bool,
    /// Number of consecutive failures.
    pub(crate) failures: u32,
}

/// The end of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TurnEnd {
    /// Everything is done.
    Done,
    /// Some runs are still being changed.
    Waiting,
    /// There is more to do.
    More(Progress),
    /// A pass failed.
    Failed(Progress),
}

/// The next project.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// This project is due. It is taken out of the queue.
    Now(ProjectId, Progress),
    /// No project is due before this delay.
    In(Duration),
    /// No project is scheduled.
    Never,
}

impl MaintenanceSchedule {
    /// Schedules a project, unless it is scheduled.
    pub(crate) fn note(&mut self, project: ProjectId, now: Instant) {
        if !self.turns.contains_key(&project) {
            self.put(project, now + PAUSE, Progress::default());
        }
    }

    /// Takes the next project.
    pub(crate) fn next(&mut self, now: Instant) -> Next {
        let next = self.turns.iter().min_by_key(|(_, due)| (due.at, due.sequence));
        let Some((project, at)) = next.map(|(project, due)| (*project, due.at)) else {
            return Next::Never;
        };
        if at > now {
            // At most the delay of a project that is scheduled meanwhile.
            return Next::In((at - now).min(PAUSE));
        }
        let due = self.turns.remove(&project);
        Next::Now(project, due.map(|due| due.progress).unwrap_or_default())
    }

    /// Schedules a project again after its turn, if it has more to do.
    pub(crate) fn end_turn(&mut self, project: ProjectId, end: TurnEnd, now: Instant) {
        match end {
            TurnEnd::Done => {}
            TurnEnd::Waiting => self.note(project, now),
            TurnEnd::More(progress) => self.put(project, now, progress),
            TurnEnd::Failed(progress) => {
                let pause = PAUSE.saturating_mul(2_u32.saturating_pow(progress.failures));
                let failures = progress.failures.saturating_add(1);
                // From the start, as after a change.
                let progress = Progress {
                    failures,
                    ..Progress::default()
                };
                self.put(project, now + pause.min(FAILED_PAUSE_MAX), progress);
            }
        }
    }

    /// Number of scheduled projects.
    pub(crate) fn len(&self) -> usize {
        self.turns.len()
    }

    /// The time for which the project that is due first has waited. Zero: none is due.
    pub(crate) fn lag(&self, now: Instant) -> Duration {
        let first = self.turns.values().map(|due| due.at).min();
        first.map_or(Duration::ZERO, |at| now.saturating_duration_since(at))
    }

    fn put(&mut self, project: ProjectId, at: Instant, progress: Progress) {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        self.turns.insert(project, Due { at, sequence, progress });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn take(schedule: &mut MaintenanceSchedule, now: Instant) -> (u64, Progress) {
        match schedule.next(now) {
            Next::Now(project, progress) => (project.0, progress),
            other => panic!("{other:?}"),
        }
    }

    fn more(after: &str) -> TurnEnd {
        TurnEnd::More(Progress {
            after: Some(after.as_bytes().to_vec()),
            ..Progress::default()
        })
    }

    #[test]
    fn a_project_that_always_has_more_to_do_lets_every_other_have_its_turn() {
        let (mut schedule, now) = (MaintenanceSchedule::default(), Instant::now());
        for project in [1, 2, 3] {
            schedule.note(ProjectId(project), now);
        }
        let now = now + SECOND;
        let mut order = Vec::new();
        for _ in 0..9 {
            let (project, progress) = take(&mut schedule, now);
            assert_eq!(progress.after.is_some(), order.contains(&project));
            order.push(project);
            schedule.end_turn(ProjectId(project), more("x"), now);
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn a_project_that_is_changed_comes_between_the_turns_of_a_busy_one() {
        let (mut schedule, begin) = (MaintenanceSchedule::default(), Instant::now());
        schedule.note(ProjectId(1), begin);
        schedule.note(ProjectId(2), begin + SECOND);
        assert_eq!(schedule.next(begin), Next::In(SECOND));
        assert_eq!((schedule.len(), schedule.lag(begin)), (2, Duration::ZERO));
        assert_eq!(schedule.lag(begin + 4 * SECOND), 3 * SECOND);
        let (mut now, mut order) = (begin + SECOND, Vec::new());
        for _ in 0..4 {
            let (project, _) = take(&mut schedule, now);
            order.push(project);
            now += SECOND;
            let end = if project == 1 { more("x") } else { TurnEnd::Done };
            schedule.end_turn(ProjectId(project), end, now);
        }
        assert_eq!(order, [1, 2, 1, 1]);
    }

    #[test]
    fn a_change_during_a_turn_is_seen_to_afterwards() {
        let (mut schedule, now) = (MaintenanceSchedule::default(), Instant::now());
        schedule.note(ProjectId(1), now);
        take(&mut schedule, now + SECOND);
        schedule.note(ProjectId(1), now + SECOND);
        schedule.end_turn(ProjectId(1), TurnEnd::Done, now + SECOND);
        assert_eq!(take(&mut schedule, now + 2 * SECOND).0, 1);
        schedule.end_turn(ProjectId(1), TurnEnd::Waiting, now + 2 * SECOND);
        assert_eq!(schedule.next(now + 2 * SECOND), Next::In(SECOND));
        take(&mut schedule, now + 3 * SECOND);
        schedule.end_turn(ProjectId(1), TurnEnd::Done, now + 3 * SECOND);
        assert_eq!(schedule.next(now + 9 * SECOND), Next::Never);
    }

    #[test]
    fn a_project_that_fails_waits_longer_each_time_and_holds_up_nobody() {
        let (mut schedule, mut now) = (MaintenanceSchedule::default(), Instant::now());
        schedule.note(ProjectId(1), now);
        let mut waited = Vec::new();
        for _ in 0..8 {
            let began = now;
            while let Next::In(pause) = schedule.next(now) {
                now += pause;
            }
            waited.push((now - began).as_secs());
            // It was taken by the call above that answered something else.
            let progress = Progress {
                failures: u32::try_from(waited.len() - 1).unwrap_or(0),
                ..Progress::default()
            };
            schedule.end_turn(ProjectId(1), TurnEnd::Failed(progress), now);
        }
        assert_eq!(waited, [1, 1, 2, 4, 8, 16, 32, 60]);
        schedule.note(ProjectId(2), now);
        assert_eq!(take(&mut schedule, now + SECOND).0, 2);
    }
}
