//! A queue for a few slots in which projects take turns: round robin over projects, first in, first out
//! within each. A project that is alone uses all slots.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::storage::ProjectId;

/// Number of requests of a project from which on those that were abandoned leave its line before their turn.
const LINE_SWEPT_FROM: usize = 256;

/// A queue of requests for slots. Cheap to clone; all clones are the same queue.
#[derive(Clone, Debug)]
pub(crate) struct FairQueue {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// The waiting requests by project, in the order of turns. No request waits while a slot is free.
    lines: VecDeque<(ProjectId, VecDeque<oneshot::Sender<Slot>>)>,
}

/// A slot. Dropping it gives it to the next request.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The slot's queue; `None` once the slot was handed on.
    queue: Option<FairQueue>,
}

impl FairQueue {
    pub(crate) fn new(slots: usize) -> Self {
        let state = State {
            free: slots,
            lines: VecDeque::new(),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Waits for a slot and the project's turn.
    pub(crate) async fn slot(&self, project: ProjectId) -> Slot {
        match self.try_slot(project) {
            Ok(slot) => slot,
            // The sender is never dropped before it sends.
            Err(waiting) => waiting.await.unwrap_or(Slot { queue: None }),
        }
    }

    /// Takes a free slot, or queues for the project's turn.
    pub(crate) fn try_slot(&self, project: ProjectId) -> Result<Slot, oneshot::Receiver<Slot>> {
        let mut state = self.lock();
        let Some(left) = state.free.checked_sub(1) else {
            return Err(state.enqueue(project));
        };
        state.free = left;
        drop(state);
        Ok(Slot {
            queue: Some(self.clone()),
        })
    }

    /// Number of slots that nobody has.
    pub(crate) fn free(&self) -> usize {
        self.lock().free
    }

    /// Hands a slot to the next request that still waits.
    fn hand_on(&self) {
        loop {
            let mut state = self.lock();
            let Some(next) = state.next() else {
                state.free += 1;
                return;
            };
            drop(state);
            let slot = Slot {
                queue: Some(self.clone()),
            };
            match next.send(slot) {
                Ok(()) => return,
                // That request was abandoned.
                Err(mut slot) => drop(mem::take(&mut slot.queue)),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn enqueue(&mut self, project: ProjectId) -> oneshot::Receiver<Slot> {
        let (sender, receiver) = oneshot::channel();
        match self.lines.iter_mut().find(|(other, _)| *other == project) {
            Some((_, line)) => {
                if line.len() >= LINE_SWEPT_FROM {
                    line.retain(|waiting| !waiting.is_closed());
                }
                line.push_back(sender);
            }
            None => self.lines.push_back((project, VecDeque::from([sender]))),
        }
        receiver
    }

    fn next(&mut self) -> Option<oneshot::Sender<Slot>> {
        while let Some((project, mut line)) = self.lines.pop_front() {
            let next = line.pop_front();
            if !line.is_empty() {
                self.lines.push_back((project, line));
            }
            if next.is_some() {
                return next;
            }
        }
        None
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const ONE: ProjectId = ProjectId(1);
    const OTHER: ProjectId = ProjectId(2);

    #[tokio::test]
    async fn projects_take_turns() {
        let queue = FairQueue::new(1);
        let held = queue.slot(ONE).await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [(ONE, 'a'), (ONE, 'b'), (ONE, 'c'), (OTHER, 'x'), (OTHER, 'y')]
            .into_iter()
            .map(|(project, name)| {
                let (queue, order) = (queue.clone(), Arc::clone(&order));
                tokio::spawn(async move {
                    let _slot = queue.slot(project).await;
                    order.lock().unwrap().push(name);
                })
            })
            .collect();
        tokio::task::yield_now().await;
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(order.lock().unwrap().iter().collect::<String>(), "axbyc");
    }

    /// Counts the tasks inside, and their maximum.
    struct Inside(Arc<(AtomicUsize, AtomicUsize)>);

    impl Inside {
        fn enter(counts: &Arc<(AtomicUsize, AtomicUsize)>) -> Self {
            let now = counts.0.fetch_add(1, Ordering::SeqCst) + 1;
            counts.1.fetch_max(now, Ordering::SeqCst);
            Self(Arc::clone(counts))
        }
    }

    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn a_project_alone_has_all_slots_and_none_is_ever_lost() {
        let queue = FairQueue::new(3);
        let counts = Arc::default();
        let task = |number| {
            let (queue, counts) = (queue.clone(), Arc::clone(&counts));
            let work = async move {
                let _slot = queue.slot(ONE).await;
                let _inside = Inside::enter(&counts);
                tokio::task::yield_now().await;
            };
            (number, tokio::spawn(work))
        };
        let tasks: Vec<_> = (0..100).map(task).collect();
        tokio::task::yield_now().await;
        for (number, task) in tasks {
            match number % 3 {
                0 => task.abort(),
                _ => task.await.unwrap(),
            }
        }
        assert_eq!(counts.1.load(Ordering::SeqCst), 3);
        let all = (queue.slot(ONE).await, queue.slot(ONE).await, queue.slot(OTHER).await);
        assert_eq!(queue.lock().free, 0);
        drop(all);
        assert_eq!(queue.lock().free, 3);
    }

    #[tokio::test]
    async fn abandoned_requests_do_not_pile_up() {
        let queue = FairQueue::new(1);
        let _held = queue.slot(ONE).await;
        for _ in 0..10 * LINE_SWEPT_FROM {
            drop(queue.try_slot(ONE));
        }
        let waiting: usize = queue.lock().lines.iter().map(|(_, line)| line.len()).sum();
        assert!(waiting <= LINE_SWEPT_FROM, "{waiting}");
    }
}
