//! Turns of projects on the threads that compute.
//!
//! As many instances compute at a time as there are cores, and the others wait in a queue in which projects take turns. Else a
//! request would wait for all those that another project sent before it. A request gives up its turn whenever it waits for
//! something, for example for a commit, so many can wait for the same sync.
//!
//! This needs a runtime with more threads than turns: the one that is left puts requests into the queue.
//!
//! A project that crowds others out leaves them one core, and pauses after each of its turns. Linux lets a thread finish its time
//! slice of a millisecond or two, whatever its priority, unless the thread sleeps. So a thread that waits for the core gets it
//! after the current turn.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread::sleep;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::limits::fair_queue::{FairQueue, Slot};
use crate::storage::ProjectId;

/// The pause at the end of a turn of a project that crowds others out. Linux makes it twice as long, by its timer slack.
const PAUSE: Duration = Duration::from_micros(50);

/// The turns of all projects.
pub(crate) struct Turns {
    queue: FairQueue,
    /// The time for which the thread sleeps at the end of each turn. `None`: it does not.
    pause: Option<Duration>,
}

/// Work of a project that is polled only in the project's turn.
pub(crate) struct InTurn<F> {
    queue: FairQueue,
    project: ProjectId,
    /// The place in the queue. `None`: the work needs none now.
    waiting: Option<oneshot::Receiver<Slot>>,
    pause: Option<Duration>,
    work: F,
}

impl Turns {
    /// Turns on this many threads.
    pub(crate) fn new(threads: usize) -> Self {
        Self {
            queue: FairQueue::new(threads),
            pause: None,
        }
    }

    /// Turns on as many threads as there are cores.
    pub(crate) fn of_cores() -> Self {
        Self::new(cores())
    }

    /// Turns on all cores but one, if there are several, each with a pause at its end.
    pub(crate) fn of_crowding() -> Self {
        Self {
            pause: Some(PAUSE),
            ..Self::new(cores().saturating_sub(1).max(1))
        }
    }

    /// Does work whenever it is the project's turn.
    pub(crate) fn in_turn<F: Future + Unpin>(&self, project: ProjectId, work: F) -> InTurn<F> {
        InTurn {
            queue: self.queue.clone(),
            project,
            waiting: None,
            pause: self.pause,
            work,
        }
    }
}

impl<F: Future + Unpin> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let found = match self.waiting.take() {
            Some(waiting) => Err(waiting),
            None => self.queue.try_slot(self.project),
        };
        let slot = match found {
            Ok(slot) => Some(slot),
            Err(mut waiting) => match Pin::new(&mut waiting).poll(context) {
                Poll::Ready(slot) => slot.ok(),
                Poll::Pending => {
                    self.waiting = Some(waiting);
                    return Poll::Pending;
                }
            },
        };
        let polled = Pin::new(&mut self.work).poll(context);
        if let Some(pause) = self.pause {
            sleep(pause);
        }
        drop(slot);
        polled
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Instant;

    use super::*;

    const FLOODING: ProjectId = ProjectId(1);
    const QUIET: ProjectId = ProjectId(2);

    /// Takes the only thread, so that all others queue; the returned guard gives it back.
    fn busy(turns: &Turns) -> Slot {
        turns.queue.try_slot(ProjectId(9)).unwrap()
    }

    #[tokio::test]
    async fn a_quiet_project_waits_for_one_turn_of_a_flooding_one() {
        let (turns, order) = (Turns::new(1), Arc::new(Mutex::new(Vec::new())));
        let held = busy(&turns);
        let spawn = |project: ProjectId| {
            let order = Arc::clone(&order);
            let work = Box::pin(async move { order.lock().unwrap().push(project) });
            tokio::spawn(turns.in_turn(project, work))
        };
        let mut tasks: Vec<_> = (0..100).map(|_| spawn(FLOODING)).collect();
        tasks.push(spawn(QUIET));
        // The runtime polls some of many tasks at a time.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        let place = order.lock().unwrap().iter().position(|project| *project == QUIET);
        assert_eq!(place, Some(1));
    }

    #[tokio::test]
    async fn work_that_waits_has_no_turn() {
        let turns = Turns::new(1);
        let (wake, woken) = oneshot::channel::<()>();
        let waits = tokio::spawn(turns.in_turn(FLOODING, Box::pin(woken)));
        tokio::task::yield_now().await;
        assert_eq!(turns.in_turn(QUIET, Box::pin(async { 7 })).await, 7);
        // It is woken while another one has the turn, and goes on after it.
        let held = busy(&turns);
        wake.send(()).unwrap();
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(held);
        assert_eq!(waits.await.unwrap(), Ok(()));
        assert_eq!(turns.queue.free(), 1);
    }

    #[tokio::test]
    async fn nobody_has_a_turn_while_its_thread_pauses() {
        let pause = Duration::from_millis(2);
        let turns = Turns {
            pause: Some(pause),
            ..Turns::new(1)
        };
        let ended = |_| turns.in_turn(FLOODING, Box::pin(async { Instant::now() }));
        let (first, second) = (ended(1).await, ended(2).await);
        assert!(second.duration_since(first) >= pause);
        assert_eq!(turns.queue.free(), 1);
    }

    #[tokio::test]
    async fn work_that_is_given_up_in_the_queue_keeps_no_turn() {
        let turns = Turns::new(1);
        let held = busy(&turns);
        let waits = tokio::spawn(turns.in_turn(FLOODING, Box::pin(async {})));
        tokio::task::yield_now().await;
        waits.abort();
        assert!(waits.await.is_err());
        drop(held);
        assert_eq!(turns.queue.free(), 1);
    }
}
