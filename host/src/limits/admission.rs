//! Admission of requests: permits and budgets that all requests share, with a share for each project and each
//! caller. Every wait has a time limit, and dropping a permit returns it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Duration, timeout};

use super::budget::{Bounds, Budget, Claim, Exhausted, Load, Share};
use super::fair_queue::{FairQueue, Slot};
use crate::limits::Limits;
use crate::storage::ProjectId;

/// Number of semaphores above which the unused ones are dropped before another one is added.
const IDLE_SEMAPHORES_MAX: usize = 1_000;

/// All permits and budgets of a host.
pub(crate) struct Admission {
    /// Counts requests from the moment at which their caller is known until the last byte of their answer is
    /// sent. Each keeps a connection busy.
    under_way: Budget,
    /// Counts the requests that run or wait for a permit to run.
    queue: Budget,
    running: Permits,
    /// Permits of requests that carry files. Such requests take long, so they have permits of their own.
    transfers: Permits,
    /// Counts the bytes of the bodies of requests and answers.
    pub(crate) bodies: Budget,
    /// Counts the linear memory of instances, in bytes.
    pub(crate) memory: Budget,
    queue_timeout: Duration,
}

/// The use of the permits and budgets of [`Admission`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdmissionLoad {
    /// Requests of known callers.
    pub(crate) under_way: Load,
    /// Requests that run, or wait for a permit to run.
    pub(crate) admitted: Load,
    /// Requests that run.
    pub(crate) running: Load,
    /// Requests that carry files.
    pub(crate) transfers: Load,
    /// Bytes of bodies.
    pub(crate) body_bytes: Load,
    /// Bytes of the memory of instances.
    pub(crate) instance_bytes: Load,
}

/// The permit of a running request, and its place in the bounded queue.
pub(crate) struct RunPermit {
    _running: Permit,
    _queued: Share,
}

impl Admission {
    pub(crate) fn new(limits: &Limits) -> Self {
        let body_bytes_max = limits.body_bytes_max.max(limits.answer_bytes_max);
        let budget = |total, request_max| Budget::new(Bounds::of(total, request_max, limits));
        let permits = |total| Permits::new(Bounds::of(total, 1, limits));
        Self {
            under_way: budget(limits.connections_max, 1),
            queue: budget(
                limits
                    .concurrent_requests_max
                    .saturating_add(limits.queued_requests_max),
                1,
            ),
            running: permits(limits.concurrent_requests_max),
            transfers: permits(limits.transfers_max),
            bodies: budget(limits.bodies_bytes_max, body_bytes_max),
            memory: budget(limits.instances_bytes_max, limits.instance_bytes_max),
            queue_timeout: limits.queue_timeout,
        }
    }

    /// Counts a request, once its caller is known, until the share is dropped.
    pub(crate) fn enter(&self, claim: Claim) -> Result<Share, Exhausted> {
        self.under_way.take(claim, 1)
    }

    /// The use of all permits and budgets at this moment.
    pub(crate) fn load(&self) -> AdmissionLoad {
        AdmissionLoad {
            under_way: self.under_way.load(),
            admitted: self.queue.load(),
            running: self.running.load(),
            transfers: self.transfers.load(),
            body_bytes: self.bodies.load(),
            instance_bytes: self.memory.load(),
        }
    }

    /// Waits for a permit to run, at most for `Limits::queue_timeout`. Fails at once when the queue is full.
    pub(crate) async fn run_permit(&self, claim: Claim) -> Result<RunPermit, Exhausted> {
        let queued = self.queue.take(claim, 1)?;
        let running = self.running.acquire(claim, self.queue_timeout).await?;
        Ok(RunPermit {
            _running: running,
            _queued: queued,
        })
    }

    /// Number of requests of a project that run or wait for a permit to run.
    pub(crate) fn admitted_of(&self, project: ProjectId) -> usize {
        self.queue.taken_by(project)
    }

    /// Waits for a permit to carry a file, at most for `Limits::queue_timeout`.
    pub(crate) async fn transfer_permit(&self, claim: Claim) -> Result<Permit, Exhausted> {
        self.transfers.acquire(claim, self.queue_timeout).await
    }
}

/// A number of permits, of which one project and one caller can have at most a share.
///
/// A request queues for its caller's share first, then for its project's, then for the whole. So a request
/// that waits for its own share delays no other. In the queue for the whole, projects take turns.
pub(crate) struct Permits {
    all: FairQueue,
    /// Number of permits in all.
    max: usize,
    projects: Keyed<crate::storage::ProjectId>,
    callers: Keyed<crate::limits::budget::CallerId>,
}

/// One of the permits. Dropping it returns it.
#[derive(Debug)]
pub(crate) struct Permit {
    _of_caller: Option<OwnedSemaphorePermit>,
    _of_project: Option<OwnedSemaphorePermit>,
    _of_all: Slot,
}

impl Permits {
    pub(crate) fn new(bounds: Bounds) -> Self {
        // A share as large as the whole needs no semaphore of its own.
        let part = |part: usize| (part < bounds.all).then_some(part);
        Self {
            all: FairQueue::new(bounds.all),
            max: bounds.all,
            projects: Keyed::new(part(bounds.project)),
            callers: Keyed::new(part(bounds.caller)),
        }
    }

    fn load(&self) -> Load {
        Load {
            used: self.max.saturating_sub(self.all.free()),
            max: self.max,
        }
    }

    /// Waits for a permit, at most for `time`. The error names the bound that was reached.
    pub(crate) async fn acquire(&self, claim: Claim, time: Duration) -> Result<Permit, Exhausted> {
        let mut exhausted = Exhausted::Caller;
        let acquire = async {
            let of_caller = match claim.caller {
                Some(caller) => self.callers.acquire(caller).await,
                None => None,
            };
            exhausted = Exhausted::Project;
            let of_project = self.projects.acquire(claim.project).await;
            exhausted = Exhausted::All;
            Permit {
                _of_caller: of_caller,
                _of_project: of_project,
                _of_all: self.all.slot(claim.project).await,
            }
        };
        timeout(time, acquire).await.map_err(|_| exhausted)
    }
}

/// A semaphore for each key that is in use.
struct Keyed<K> {
    /// The permits of each semaphore; `None`: no bound.
    permits: Option<usize>,
    semaphores: Mutex<HashMap<K, Weak<Semaphore>>>,
}

impl<K: Copy + Eq + Hash> Keyed<K> {
    fn new(permits: Option<usize>) -> Self {
        Self {
            permits,
            semaphores: Mutex::default(),
        }
    }

    async fn acquire(&self, key: K) -> Option<OwnedSemaphorePermit> {
        let permits = self.permits?;
        self.semaphore(key, permits).acquire_owned().await.ok()
    }

    fn semaphore(&self, key: K, permits: usize) -> Arc<Semaphore> {
        // No code that may panic runs under the lock.
        let mut semaphores = self.semaphores.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = semaphores.get(&key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if semaphores.len() >= IDLE_SEMAPHORES_MAX {
            semaphores.retain(|_, semaphore| semaphore.strong_count() > 0);
        }
        let semaphore = Arc::new(Semaphore::new(permits));
        semaphores.insert(key, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::Actor;
    use crate::limits::budget::CallerId;
    use crate::storage::ProjectId;

    const BOUNDS: Bounds = Bounds {
        all: 4,
        project: 2,
        caller: 1,
    };
    const TIME: Duration = Duration::from_secs(1);

    fn claim(project: u64, caller: u64) -> Claim {
        let actor = Actor::new(caller.to_string(), "");
        Claim {
            project: ProjectId(project),
            caller: Some(CallerId::of(&actor)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_project_or_caller_cannot_exceed_its_share_of_permits() {
        let permits = Permits::new(BOUNDS);
        let acquire = |project, caller| permits.acquire(claim(project, caller), TIME);
        let ada = acquire(1, 1).await.unwrap();
        assert_eq!(acquire(2, 1).await.err(), Some(Exhausted::Caller));
        let bob = acquire(1, 2).await.unwrap();
        assert_eq!(acquire(1, 3).await.err(), Some(Exhausted::Project));
        let others = (acquire(2, 4).await.unwrap(), acquire(2, 5).await.unwrap());
        assert_eq!(acquire(3, 6).await.err(), Some(Exhausted::All));
        drop(ada);
        assert!(acquire(1, 3).await.is_ok());
        drop((bob, others));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_waits_for_its_own_share_delays_no_other() {
        let permits = Arc::new(Permits::new(BOUNDS));
        let _held = (
            permits.acquire(claim(1, 1), TIME).await,
            permits.acquire(claim(1, 2), TIME).await,
        );
        let waiting: Vec<_> = (0..100)
            .map(|caller| {
                let permits = Arc::clone(&permits);
                tokio::spawn(async move { permits.acquire(claim(1, caller), TIME).await.err() })
            })
            .collect();
        tokio::task::yield_now().await;
        assert!(permits.acquire(claim(2, 1_000), Duration::ZERO).await.is_ok());
        for one in waiting {
            assert!(one.await.unwrap().is_some());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_returned_permit_goes_to_a_waiting_request() {
        let permits = Permits::new(BOUNDS);
        let held = permits.acquire(claim(1, 1), TIME).await.unwrap();
        let (next, ()) = tokio::join!(permits.acquire(claim(1, 1), TIME), async {
            tokio::task::yield_now().await;
            drop(held);
        });
        assert!(next.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn projects_take_turns_for_the_permits_of_the_whole() {
        let permits = Arc::new(Permits::new(BOUNDS));
        let mut held = Vec::new();
        for (project, caller) in [(1, 1), (1, 2), (2, 3), (2, 4)] {
            held.push(permits.acquire(claim(project, caller), TIME).await.unwrap());
        }
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = [(3, 5), (3, 6), (4, 7)]
            .map(|(project, caller)| {
                let (permits, order) = (Arc::clone(&permits), Arc::clone(&order));
                tokio::spawn(async move {
                    let _permit = permits.acquire(claim(project, caller), TIME).await.unwrap();
                    order.lock().unwrap().push(caller);
                })
            })
            .into();
        tokio::task::yield_now().await;
        drop(held.pop());
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [5, 7, 6]);
    }

    #[tokio::test]
    async fn unused_semaphores_are_dropped() {
        let permits = Permits::new(BOUNDS);
        let held = permits.acquire(claim(1, 1), TIME).await.unwrap();
        for number in 2..5_000 {
            permits.acquire(claim(number, number), TIME).await.unwrap();
        }
        let semaphores = permits.projects.semaphores.lock().unwrap();
        assert!(semaphores.len() <= IDLE_SEMAPHORES_MAX && semaphores.contains_key(&ProjectId(1)));
        drop(held);
    }
}
