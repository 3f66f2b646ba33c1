//! Two more tokio runtimes, on threads of lower priorities than the common ones.
//!
//! One is for CPU-bound requests (searches and histories), so that they do not delay short ones. Maintenance runs there, too. The
//! other one, of the lowest priority, is for all requests of projects that crowd others out (`limits/crowding.rs`).
//!
//! A search keeps a core busy for milliseconds. On the common threads it would delay whatever else waits for that thread. Linux
//! also lets a thread finish its time slice before one that has just become ready. So these threads have a lower priority.
//!
//! As many requests of clients begin as there are threads. Each has an instance with the memory that it grew to, and ten that
//! share the threads end no sooner than two after two. A request that takes longer than its slot goes on beside those that
//! follow. Projects that want a slot take turns.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::http::request_id::for_current_request;
use crate::limits::fair_queue::FairQueue;
use crate::storage::ProjectId;

/// With a single thread, a long search would delay all others.
const THREADS_MIN: usize = 2;
/// Time after which running work gives up its slot.
const SLOT_HELD_MAX: Duration = Duration::from_millis(50);

/// The priority of a runtime's threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// For requests that take long. Against a common thread on the same core, such a thread gets a tenth of the time.
    Long,
    /// For the requests of projects that crowd others out. Such a thread gets a 68th of the time. Under Linux's policy for idle work
    /// it would leave a core sooner, but stand still while other programs keep all cores busy.
    Crowding,
}

impl Priority {
    /// Increment of the nice value.
    fn nice(self) -> i32 {
        match self {
            Self::Long => 10,
            Self::Crowding => 19,
        }
    }

    fn thread_name(self) -> &'static str {
        match self {
            Self::Long => "mlforge-long",
            Self::Crowding => "mlforge-crowd",
        }
    }
}

/// The runtime. Tasks that still run are dropped with it.
pub(crate) struct LowPriorityRuntime {
    /// `None` once dropped.
    threads: Option<Runtime>,
    slots: FairQueue,
}

impl LowPriorityRuntime {
    /// Starts as many threads as there are cores.
    pub(crate) fn start(priority: Priority) -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(THREADS_MIN, usize::from);
        let count = cores.max(THREADS_MIN);
        let threads = Builder::new_multi_thread()
            .worker_threads(count)
            .thread_name(priority.thread_name())
            .on_thread_start(move || lower_priority(priority))
            .enable_all()
            .build()?;
        Ok(Self {
            threads: Some(threads),
            slots: FairQueue::new(count),
        })
    }

    /// Runs `work` on these threads, and stops it when the returned future is dropped. `None`: it panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        // A set of one: unlike a handle, it takes its task along when it is dropped.
        let mut task = JoinSet::new();
        task.spawn_on(for_current_request(work), self.threads.as_ref()?.handle());
        task.join_next().await?.ok()
    }

    /// Runs `work` once the project gets a slot.
    pub(crate) async fn run_in_slot<T: Send + 'static>(
        &self,
        project: ProjectId,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.run(in_slot(self.slots.clone(), project, work)).await
    }
}

/// Begins `work` once it has a slot. It frees the slot after `SLOT_HELD_MAX`, or when it is done.
async fn in_slot<T>(slots: FairQueue, project: ProjectId, work: impl Future<Output = T>) -> T {
    let slot = slots.slot(project).await;
    let mut work = pin!(work);
    match timeout(SLOT_HELD_MAX, work.as_mut()).await {
        Ok(done) => done,
        Err(_) => {
            drop(slot);
            work.await
        }
    }
}

impl Drop for LowPriorityRuntime {
    fn drop(&mut self) {
        // Waiting for the threads is forbidden where futures are dropped, and one of them may be this one.
        if let Some(threads) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread, if the system can do that for one thread.
#[cfg_attr(
    not(target_os = "linux"),
    expect(unused_variables, reason = "no such priority there")
)]
fn lower_priority(priority: Priority) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{getpriority_process, setpriority_process};
        // To Linux, "this process" is this thread. Where it refuses, searches are as important as all else.
        if let Ok(common) = getpriority_process(None) {
            _ = setpriority_process(None, common.saturating_add(priority.nice()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_or_is_not_awaited_harms_nobody() {
        let low_priority = LowPriorityRuntime::start(Priority::Long).unwrap();
        let panicked: Option<()> = low_priority.run(async { panic!("on purpose") }).await;
        assert_eq!(panicked, None);
        let (alive, dropped) = tokio::sync::oneshot::channel::<()>();
        let endless = low_priority.run(async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(std::time::Duration::ZERO, endless).await.is_err());
        assert!(dropped.await.is_err());
        assert_eq!(low_priority.run(async { 1 }).await, Some(1));
    }

    #[tokio::test(start_paused = true)]
    async fn work_begins_when_the_former_ended_or_had_its_slice() {
        let slots = FairQueue::new(1);
        let began = tokio::time::Instant::now();
        let begin = || in_slot(slots.clone(), ProjectId(1), async { began.elapsed() });
        assert_eq!(begin().await, Duration::ZERO);
        assert_eq!(begin().await, Duration::ZERO);
        let endless = in_slot(slots.clone(), ProjectId(1), std::future::pending::<()>());
        let next = async {
            tokio::select! {
                biased;
                () = endless => Duration::MAX,
                waited = begin() => waited,
            }
        };
        assert_eq!(timeout(10 * SLOT_HELD_MAX, next).await, Ok(SLOT_HELD_MAX));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_go_behind_those_around_them() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let here = priority();
        for of_runtime in [Priority::Long, Priority::Crowding] {
            let runtime = LowPriorityRuntime::start(of_runtime).unwrap();
            let there = runtime.run(async move { priority() }).await;
            assert_eq!(there, Some((here + of_runtime.nice()).min(19)));
        }
    }
}
