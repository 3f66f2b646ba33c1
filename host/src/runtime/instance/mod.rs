//! A live instance of the component. It belongs to one project for ever and works on one request at a time.

mod buffered;
pub(crate) mod error;
mod maintenance;
mod streamed;
mod wasi_0_2;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use wasmtime::Store;
use wasmtime::component::Accessor;

pub(crate) use buffered::{BufferedRequest, ResponseBody};
pub(crate) use streamed::{ResponseSender, StreamedRequest};

use super::component::{Exports, Plugin};
use super::services::HostServices;
use super::store_data::{Memory, RequestContext, Shortage, StoreData};
use crate::limits::Limits;
use crate::limits::budget::{CallerId, Share};
use crate::limits::idle_timeout::IdleTimeout;
use crate::storage::ProjectId;
use error::InstanceError;

/// Time that a component may go on after its answer. The client waits for it.
const POST_RETURN_TIME_MAX: Duration = Duration::from_secs(1);

/// Ends when the component has taken the request's body.
type Sent = Pin<Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>>;

/// The requests that an instance serves. A query instance caches blocks, so it serves queries only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InstanceKind {
    /// Everything but queries, maintenance included.
    General,
    /// Searches and histories.
    Query,
}

/// The end of the time that a request may take.
enum TimeLimit {
    Deadline(Instant),
    /// The longest time without a byte that moves.
    Idle(IdleTimeout, Duration),
}

impl TimeLimit {
    /// Waits for `work`; `None`: it took too long.
    async fn run<T>(self, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::Deadline(deadline) => timeout_at(deadline, work).await.ok(),
            Self::Idle(timeout, pause) => timeout.run(pause, work).await,
        }
    }
}

/// Store and exports of an instance.
pub(crate) struct Instance {
    store: Store<StoreData>,
    exports: Exports,
    project: ProjectId,
    kind: InstanceKind,
    /// Number of requests that it has begun.
    requests: u32,
    /// True while a request runs, and after one that did not end.
    busy: bool,
}

impl Instance {
    /// Makes an instance for a project. `share` counts its memory.
    pub(crate) async fn create(
        plugin: &Plugin,
        services: &Arc<HostServices>,
        share: Share,
        limits: &Limits,
        project: ProjectId,
        kind: InstanceKind,
    ) -> Result<Self, InstanceError> {
        let memory = Memory::new(share, limits.instance_bytes_max);
        let mut store = plugin.store(StoreData::new(Arc::clone(services), memory));
        let exports = match plugin.instantiate(&mut store).await {
            Ok(exports) => exports,
            Err(error) => return Err(explained(error.into(), &store)),
        };
        Ok(Self {
            store,
            exports,
            project,
            kind,
            requests: 0,
            busy: false,
        })
    }

    pub(crate) fn project(&self) -> ProjectId {
        self.project
    }

    pub(crate) fn kind(&self) -> InstanceKind {
        self.kind
    }

    /// Its memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.store.data().memory.bytes()
    }

    /// True if it ended its last request, holds nothing of it, and has neither grown nor worked too much.
    pub(crate) fn is_reusable(&self, limits: &Limits) -> bool {
        !self.busy
            && self.requests < limits.instance_requests_max
            && self.bytes() <= limits.instance_reuse_bytes_max
            && self.store.data().table.is_empty()
    }

    /// Runs `body` with the rights of one request, and waits for what the component does after its answer. When this future
    /// is dropped half-way, the instance is of no more use.
    async fn run_bound<T>(
        &mut self,
        caller: Option<CallerId>,
        context: RequestContext,
        limit: TimeLimit,
        body: impl AsyncFnOnce(&Accessor<StoreData>, &Exports) -> Result<T, InstanceError>,
    ) -> Result<T, InstanceError> {
        self.begin(caller, context)?;
        let mut answer = None;
        let exports = &self.exports;
        let run = self.store.run_concurrent(async |accessor| {
            answer = Some(body(accessor, exports).await?);
            // The component may still have something to do for this request, with this request's rights.
            let rest = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
            Ok(timeout(POST_RETURN_TIME_MAX, rest).await.is_ok())
        });
        let ended = limit.run(run).await;
        self.settle(answer, ended)
    }

    /// Ends a request. `ended` says whether the component is idle again, or why it stopped; `None`: it took too long.
    fn settle<T>(
        &mut self,
        answer: Option<T>,
        ended: Option<wasmtime::Result<Result<bool, InstanceError>>>,
    ) -> Result<T, InstanceError> {
        self.end();
        let fault = match ended {
            Some(Ok(Ok(finished))) => {
                self.busy = !finished;
                None
            }
            Some(Ok(Err(fault))) => Some(explained(fault, &self.store)),
            Some(Err(trap)) => Some(explained(InstanceError::Trapped(trap), &self.store)),
            None => Some(InstanceError::TimedOut),
        };
        match (answer, fault) {
            (Some(answer), None) => Ok(answer),
            (Some(answer), Some(fault)) => {
                // A fault after a whole answer does not change it.
                tracing::error!(target: "mlforge::component", project = self.project.0, ?fault, "fault after the answer");
                Ok(answer)
            }
            (None, fault) => Err(fault.unwrap_or_else(|| InstanceError::InvalidResponse("no answer".into()))),
        }
    }

    /// Begins a request, unless its caller has no room for the memory that the instance has already.
    fn begin(&mut self, caller: Option<CallerId>, context: RequestContext) -> Result<(), InstanceError> {
        let data = self.store.data_mut();
        data.memory.charge_to(caller).map_err(InstanceError::NoRoom)?;
        data.bind(context);
        self.requests += 1;
        self.busy = true;
        Ok(())
    }

    /// Ends it. While the instance is idle, its memory counts for no caller.
    fn end(&mut self) {
        let data = self.store.data_mut();
        data.unbind();
        data.memory.uncharge();
    }
}

/// Tells a trap for want of memory from any other. Few components survive it when memory is refused.
fn explained(fault: InstanceError, store: &Store<StoreData>) -> InstanceError {
    match (fault, store.data().memory.refused()) {
        (InstanceError::Trapped(_), Some(Shortage::Starved(exhausted))) => InstanceError::NoRoom(exhausted),
        (InstanceError::Trapped(_), Some(Shortage::OwnBound(bytes_max))) => InstanceError::MemoryBound(bytes_max),
        (fault, _) => fault,
    }
}
