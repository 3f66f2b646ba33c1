//! The threads on which requests compute, and the choice between them.
//!
//! Short requests compute on the common threads, in turns of their projects. Requests that take long, and those of projects that
//! crowd others out, have threads of lower priorities. A request of another project then need not wait until these leave a core.

use std::io;

use super::low_priority::{LowPriorityRuntime, Priority};
use super::turns::{InTurn, Turns};
use crate::limits::crowding::Crowding;
use crate::storage::ProjectId;

/// The threads of a host.
pub(crate) struct Threads {
    long: LowPriorityRuntime,
    /// For the requests of projects that crowd others out.
    crowded: LowPriorityRuntime,
    turns: Turns,
    /// Turns of their own, for requests that take long too.
    crowded_turns: Turns,
    crowding: Crowding,
}

impl Threads {
    /// Starts the threads of lower priorities.
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            long: LowPriorityRuntime::start(Priority::Long)?,
            crowded: LowPriorityRuntime::start(Priority::Crowding)?,
            turns: Turns::of_cores(),
            crowded_turns: Turns::of_crowding(),
            crowding: Crowding::of_cores(),
        })
    }

    /// Notes a request of a project, which then has so many. Returns true if the project crowds others out.
    pub(crate) fn is_crowding(&self, project: ProjectId, requests: usize) -> bool {
        self.crowding.note(project, requests)
    }

    /// Runs a short request on the common threads, whenever it is the project's turn.
    pub(crate) fn run_short<F: Future + Unpin>(&self, project: ProjectId, work: F) -> InTurn<F> {
        self.turns.in_turn(project, work)
    }

    /// Runs a short request of a project that crowds others out. `None`: it panicked.
    pub(crate) async fn run_crowding<F>(&self, project: ProjectId, work: F) -> Option<F::Output>
    where
        F: Future<Output: Send> + Unpin + Send + 'static,
    {
        self.crowded.run(self.crowded_turns.in_turn(project, work)).await
    }

    /// Runs a request that takes long, once the project gets a slot. `None`: it panicked.
    pub(crate) async fn run_long<T: Send + 'static>(
        &self,
        project: ProjectId,
        is_crowding: bool,
        work: impl Future<Output = T> + Unpin + Send + 'static,
    ) -> Option<T> {
        if is_crowding {
            let work = self.crowded_turns.in_turn(project, work);
            return self.crowded.run_in_slot(project, work).await;
        }
        self.long.run_in_slot(project, work).await
    }

    /// Runs a pass of maintenance, beside the requests that take long. `None`: it panicked.
    pub(crate) async fn run_maintenance<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.long.run(work).await
    }
}
