//! Idle instances of each project. The most recently used one is taken first, so that its memory is warm.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::instance::{Instance, InstanceKind};
use super::instance_counts::InstanceCounts;
use crate::limits::Limits;
use crate::storage::ProjectId;

/// Idle instances may take at most one in this many parts of the memory of all instances.
const IDLE_PART: usize = 4;

/// The idle instances of all projects, with the limits of their number, memory and age.
pub(crate) struct Pool {
    idle: Mutex<IdleInstances>,
    pub(crate) counts: InstanceCounts,
    idle_max: usize,
    idle_per_project_max: usize,
    instance_idle_timeout: Duration,
    query_instance_idle_timeout: Duration,
    query_instances_idle_bytes_max: usize,
    /// Maximum memory of all idle instances together, in bytes. The rest is left to busy ones.
    idle_bytes_max: usize,
}

#[derive(Default)]
struct IdleInstances {
    /// The idle instances, the longest idle first.
    queue: VecDeque<(Instant, Instance)>,
    sweeper: Option<JoinHandle<()>>,
}

impl Pool {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            idle: Mutex::default(),
            counts: InstanceCounts::default(),
            idle_max: limits.idle_max,
            idle_per_project_max: limits.idle_per_project_max,
            instance_idle_timeout: limits.instance_idle_timeout,
            query_instance_idle_timeout: limits.query_instance_idle_timeout,
            query_instances_idle_bytes_max: limits.query_instances_idle_bytes_max,
            idle_bytes_max: limits.instances_bytes_max / IDLE_PART,
        })
    }

    /// Takes the most recently used idle instance of a project and kind, because its memory is warm. Query
    /// instances keep data that they read for searches and histories, so they serve only those.
    pub(crate) fn take(&self, project: ProjectId, kind: InstanceKind) -> Option<Instance> {
        let mut idle = self.lock();
        let place = idle
            .queue
            .iter()
            .rposition(|(_, instance)| instance.project() == project && instance.kind() == kind)?;
        let found = idle.queue.remove(place).map(|(_, instance)| instance);
        drop(idle);
        self.counts.of(kind).reused.increment();
        found
    }

    /// Keeps an instance for the next request. If there is no room, the instances that are idle longest are
    /// dropped.
    pub(crate) fn put(self: &Arc<Self>, instance: Instance) {
        if instance.bytes() > self.idle_bytes_max {
            return;
        }
        let mut idle = self.lock();
        let surplus = idle.make_room(self, &instance);
        idle.queue.push_back((Instant::now(), instance));
        if idle.sweeper.as_ref().is_none_or(JoinHandle::is_finished) {
            idle.sweeper = Some(tokio::spawn(sweep(Arc::downgrade(self), self.instance_idle_timeout)));
        }
        drop(idle);
        drop(surplus);
    }

    /// Number and memory in bytes of the idle instances of a kind.
    pub(crate) fn idle(&self, kind: InstanceKind) -> (usize, usize) {
        let idle = self.lock();
        let of_kind = idle.queue.iter().filter(|(_, instance)| instance.kind() == kind);
        of_kind.fold((0, 0), |(count, bytes), (_, instance)| {
            (count + 1, bytes.saturating_add(instance.bytes()))
        })
    }

    /// Drops all idle instances, or those of one project. Returns `false` when there was none.
    pub(crate) fn drop_all(&self, of: Option<ProjectId>) -> bool {
        let mut idle = self.lock();
        let is_dropped = |instance: &Instance| of.is_none_or(|project| instance.project() == project);
        let (dropped, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut idle.queue)
            .into_iter()
            .partition(|(_, instance)| is_dropped(instance));
        idle.queue = kept;
        drop(idle);
        !dropped.is_empty()
    }

    /// Drops the instances that are idle for too long. Returns `false` when no idle instance is left.
    fn drop_expired(&self) -> bool {
        let mut idle = self.lock();
        let expired = idle.take_expired(self);
        let some_wait = !idle.queue.is_empty();
        if !some_wait {
            idle.sweeper = None;
        }
        drop(idle);
        drop(expired);
        some_wait
    }

    fn lock(&self) -> MutexGuard<'_, IdleInstances> {
        // No code that may panic runs under the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdleInstances {
    /// Removes the instances that are idle for too long. The last query instance of each project may stay
    /// longer, if there is memory for it.
    fn take_expired(&mut self, pool: &Pool) -> Vec<Instance> {
        let (mut searched, mut warm_bytes) = (BTreeSet::new(), 0_usize);
        let mut expired = Vec::new();
        for (since, instance) in std::mem::take(&mut self.queue).into_iter().rev() {
            let waited = since.elapsed();
            let is_last = instance.kind() == InstanceKind::Query && searched.insert(instance.project());
            let bytes = warm_bytes.saturating_add(instance.bytes());
            let stays_warm =
                is_last && waited < pool.query_instance_idle_timeout && bytes <= pool.query_instances_idle_bytes_max;
            if waited < pool.instance_idle_timeout {
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

    /// Removes instances to make room for one more. The caller drops them after it releases the lock, since
    /// that takes time.
    fn make_room(&mut self, pool: &Pool, newcomer: &Instance) -> Vec<(Instant, Instance)> {
        let mut surplus = Vec::new();
        let mut siblings = self
            .queue
            .iter()
            .enumerate()
            .filter(|(_, (_, instance))| instance.project() == newcomer.project());
        let oldest = siblings.next().map(|(place, _)| place);
        let count = oldest.map_or(0, |_| siblings.count() + 1);
        if count >= pool.idle_per_project_max {
            surplus.extend(oldest.and_then(|place| self.queue.remove(place)));
        }
        let mut bytes: usize = self.queue.iter().map(|(_, instance)| instance.bytes()).sum();
        bytes = bytes.saturating_add(newcomer.bytes());
        while self.queue.len() >= pool.idle_max || bytes > pool.idle_bytes_max {
            let Some(oldest) = self.queue.pop_front() else { break };
            bytes = bytes.saturating_sub(oldest.1.bytes());
            surplus.push(oldest);
        }
        surplus
    }
}

/// Drops expired instances periodically. It ends when no idle instance is left.
async fn sweep(pool: Weak<Pool>, instance_idle_timeout: Duration) {
    loop {
        sleep(instance_idle_timeout / 2).await;
        if !pool.upgrade().is_some_and(|pool| pool.drop_expired()) {
            return;
        }
    }
}
