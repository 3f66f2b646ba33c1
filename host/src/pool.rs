//! Instances that wait for the next request of their project.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::instance::Instance;
use crate::limits::Limits;
use crate::storage::ProjectId;

/// How many instances wait, for which projects, and how long.
pub(crate) struct Pool {
    resting: Mutex<Resting>,
    idle_max: usize,
    idle_per_project_max: usize,
    idle_time: Duration,
    warm_time: Duration,
    warm_bytes_max: usize,
}

#[derive(Default)]
struct Resting {
    /// Longest waiting first.
    queue: VecDeque<(Instant, Instance)>,
    sweeper: Option<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            resting: Mutex::default(),
            idle_max: limits.idle_max,
            idle_per_project_max: limits.idle_per_project_max,
            idle_time: limits.idle_time,
            warm_time: limits.warm_time,
            warm_bytes_max: limits.warm_bytes_max,
        })
    }

    /// The instance of this project that waits for the shortest time: its memory is the warmest. Those that have answered
    /// searches and histories keep what they read for the next of them, so only such are taken for one, and for nothing else.
    pub(crate) fn take(&self, project: ProjectId, for_long: bool) -> Option<Instance> {
        let mut resting = self.lock();
        let place = resting
            .queue
            .iter()
            .rposition(|(_, instance)| instance.project() == project && instance.is_for_long() == for_long)?;
        resting.queue.remove(place).map(|(_, instance)| instance)
    }

    /// Keeps an instance for the next request; whichever waits for the longest time makes room.
    pub(crate) fn put(self: &Arc<Self>, instance: Instance) {
        let mut resting = self.lock();
        let surplus = resting.make_room(self, instance.project());
        resting.queue.push_back((Instant::now(), instance));
        if resting.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            resting.sweeper = Some(tokio::spawn(sweep(Arc::downgrade(self), self.idle_time)));
        }
        drop(resting);
        drop(surplus);
    }

    /// Makes room: drops all that wait; `false` when nothing did.
    pub(crate) fn drop_all(&self) -> bool {
        let all = std::mem::take(&mut self.lock().queue);
        !all.is_empty()
    }

    /// Drops what has waited for too long; `false` when nothing waits any more.
    fn drop_expired(&self) -> bool {
        let mut resting = self.lock();
        let expired = resting.take_expired(self);
        let some_wait = !resting.queue.is_empty();
        if !some_wait {
            resting.sweeper = None;
        }
        drop(resting);
        drop(expired);
        some_wait
    }

    fn lock(&self) -> MutexGuard<'_, Resting> {
        // No code that may panic runs under the lock.
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Resting {
    /// Takes out what has waited for too long. Of each project the instance that answered the last search may go on waiting, as
    /// far as there is memory for it.
    fn take_expired(&mut self, pool: &Pool) -> Vec<Instance> {
        let (mut searched, mut warm_bytes) = (BTreeSet::new(), 0_usize);
        let mut expired = Vec::new();
        for (since, instance) in std::mem::take(&mut self.queue).into_iter().rev() {
            let waited = since.elapsed();
            let is_last = instance.is_for_long() && searched.insert(instance.project());
            let bytes = warm_bytes.saturating_add(instance.bytes());
            let stays_warm = is_last && waited < pool.warm_time && bytes <= pool.warm_bytes_max;
            if waited < pool.idle_time {
                self.queue.push_front((since, instance));
            } else if stays_warm {
                warm_bytes = bytes;
                self.queue.push_front((since, instance));
            } else {
                expired.push(instance);
            }
        }
        expired
    }

    /// What has to go so that one more of this project can stay; dropping it takes time, so not under the lock.
    fn make_room(&mut self, pool: &Pool, project: ProjectId) -> Option<(Instant, Instance)> {
        let mut siblings = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, (_, instance))| instance.project() == project);
        let oldest = siblings.next().map(|(place, _)| place);
        let count = oldest.map_or(0, |_| siblings.count() + 1);
        match oldest {
            Some(place) if count >= pool.idle_per_project_max => self.queue.remove(place),
            _ if self.queue.len() >= pool.idle_max => self.queue.pop_front(),
            _ => None,
        }
    }
}

/// Runs while instances wait.
async fn sweep(pool: Weak<Pool>, idle_time: Duration) {
    loop {
        sleep(idle_time / 2).await;
        if !pool.upgrade().is_some_and(|pool| pool.drop_expired()) {
            return;
        }
    }
}
