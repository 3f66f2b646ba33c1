//! The data of an instance's wasmtime store: the request that it works on, and its share of memory. Every import asks here what
//! the running request may touch; there is no other way to a project's data.

use std::sync::Arc;
use std::time::SystemTime;

use wasmtime::ResourceLimiter;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi_http::{
    Error as HttpError, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::retry_locks::RetryLock;
use super::services::HostServices;
use crate::auth::upload_token::TokenIssuer;
use crate::forge::{Access, Credential};
use crate::limits::budget::{CallerId, Exhausted, Share};
use crate::limits::idle_timeout::IdleTimeout;
use crate::storage::ProjectId;
use crate::storage::quota::Reservation;

/// Handles (bodies, headers, staged blobs) that an instance may hold at a time.
const HANDLES_MAX: usize = 10_000;
/// Elements of one table, which only holds function references.
const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Core instances, tables and memories: one component is made of several modules, and only one of them is its own.
const PARTS_MAX: usize = 50;

/// The rights of the running request.
#[derive(Clone)]
pub(crate) struct RequestContext {
    pub(crate) project: ProjectId,
    pub(crate) may_write: bool,
    /// True if the host itself works.
    pub(crate) is_maintenance: bool,
    /// The caller's credential, for questions to the forge. `None`: the host itself works, or no question is expected.
    pub(crate) credential: Option<Arc<Credential>>,
    /// The forge's answer about the caller. `None`: as above.
    pub(crate) access: Option<Arc<Access>>,
    /// The means to issue upload tokens. `None`: it has none.
    pub(crate) token_issuer: Option<Arc<TokenIssuer>>,
    /// The idle timeout of its transfer, which every byte restarts.
    pub(crate) progress: IdleTimeout,
    /// Reservation in the project's quota for the file that it brings.
    pub(crate) reservation: Option<Reservation>,
    /// The time that it sees. `None`: that of the host's clock.
    pub(crate) now: Option<SystemTime>,
}

/// The data of a store.
pub(crate) struct StoreData {
    services: Arc<HostServices>,
    binding: Option<RequestContext>,
    /// The retry lock of the running request, if it lost a race.
    pub(crate) turn: Option<RetryLock>,
    pub(crate) table: ResourceTable,
    pub(crate) memory: Memory,
    http: WasiHttpCtx,
    hooks: NoOutgoingHttp,
}

/// Names `StoreData` as the data of all imports.
pub(crate) struct Imports;

impl HasData for Imports {
    type Data<'a> = &'a mut StoreData;
}

impl StoreData {
    pub(crate) fn new(services: Arc<HostServices>, memory: Memory) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Self {
            services,
            binding: None,
            turn: None,
            table,
            memory,
            http: WasiHttpCtx::new(),
            hooks: NoOutgoingHttp,
        }
    }

    /// Begins a request.
    pub(crate) fn bind(&mut self, binding: RequestContext) {
        self.binding = Some(binding);
    }

    /// Ends a request. No data can be reached until the next one.
    pub(crate) fn unbind(&mut self) {
        self.binding = None;
        self.turn = None;
    }

    /// The project that the running request may read. `None`: no request runs.
    pub(crate) fn readable(&self) -> Option<(Arc<HostServices>, ProjectId)> {
        self.binding
            .as_ref()
            .map(|binding| (Arc::clone(&self.services), binding.project))
    }

    /// The project that the running request may change. `None`: its caller is a reader.
    pub(crate) fn writable(&self) -> Option<(Arc<HostServices>, ProjectId)> {
        self.binding
            .as_ref()
            .filter(|binding| binding.may_write)
            .map(|binding| (Arc::clone(&self.services), binding.project))
    }

    /// The project on which the host itself works. `None`: a caller's request runs.
    pub(crate) fn maintained(&self) -> Option<(Arc<HostServices>, ProjectId)> {
        self.binding
            .as_ref()
            .filter(|binding| binding.is_maintenance)
            .map(|binding| (Arc::clone(&self.services), binding.project))
    }

    /// The credential of the running request.
    pub(crate) fn credential(&self) -> Option<Arc<Credential>> {
        self.binding.as_ref().and_then(|binding| binding.credential.clone())
    }

    /// The forge's answer about the caller of the running request.
    pub(crate) fn access(&self) -> Option<&Access> {
        self.binding.as_ref().and_then(|binding| binding.access.as_deref())
    }

    /// The running request's means to issue upload tokens.
    pub(crate) fn token_issuer(&self) -> Option<Arc<TokenIssuer>> {
        self.binding.as_ref().and_then(|binding| binding.token_issuer.clone())
    }

    /// The idle timeout of the running request.
    pub(crate) fn progress(&self) -> Option<IdleTimeout> {
        self.binding.as_ref().map(|binding| binding.progress.clone())
    }

    /// Reservation of the running request in the project's quota.
    pub(crate) fn reservation(&self) -> Option<Reservation> {
        self.binding.as_ref().and_then(|binding| binding.reservation.clone())
    }

    /// The time of the running request.
    pub(crate) fn now(&self) -> SystemTime {
        let replayed = self.binding.as_ref().and_then(|binding| binding.now);
        replayed.unwrap_or_else(|| (self.services.clock)())
    }

    /// Clock and randomness, which need no right.
    pub(crate) fn services(&self) -> &HostServices {
        &self.services
    }
}

impl WasiHttpView for StoreData {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            ctx: &mut self.http,
            table: &mut self.table,
            hooks: &mut self.hooks,
        }
    }
}

/// Refuses outgoing HTTP. The linker offers no HTTP client either.
struct NoOutgoingHttp;

type Outgoing = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ),
    HttpError,
>;

impl WasiHttpHooks for NoOutgoingHttp {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), HttpError>> + Send>,
    ) -> Box<dyn Future<Output = Outgoing> + Send> {
        Box::new(async { Err(HttpError::HttpRequestDenied) })
    }
}

/// The linear memory of an instance, bounded by the instance's own limit and by its share of the budget.
pub(crate) struct Memory {
    share: Share,
    bytes_max: usize,
    last_growth: usize,
    refused: Option<Shortage>,
}

/// The reason why an instance was refused more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// The budget had no room: a less busy host would have had it.
    Starved(Exhausted),
    /// The limit of one instance, in bytes.
    OwnBound(usize),
}

impl Memory {
    /// No memory yet. It never has more than `bytes_max`.
    pub(crate) fn new(share: Share, bytes_max: usize) -> Self {
        Self {
            share,
            bytes_max,
            last_growth: 0,
            refused: None,
        }
    }

    /// Counts the memory for the caller of the next request.
    pub(crate) fn charge_to(&mut self, caller: Option<CallerId>) -> Result<(), Exhausted> {
        self.refused = None;
        self.share.hand_to(caller)
    }

    /// Counts the memory for its project only.
    pub(crate) fn uncharge(&mut self) {
        // A share without a caller is never refused.
        _ = self.share.hand_to(None);
    }

    /// Size of the memory, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.share.taken()
    }

    /// The reason why memory was refused during this request. A full budget wins over the instance's own
    /// limit, because the client may then try again.
    pub(crate) fn refused(&self) -> Option<Shortage> {
        self.refused
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let growth = desired.saturating_sub(current);
        self.last_growth = 0;
        if self.share.taken().saturating_add(growth) > self.bytes_max {
            self.refused.get_or_insert(Shortage::OwnBound(self.bytes_max));
            return Ok(false);
        }
        match self.share.grow(growth) {
            Ok(()) => self.last_growth = growth,
            Err(exhausted) => {
                self.refused = Some(Shortage::Starved(exhausted));
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.share.shrink(std::mem::take(&mut self.last_growth));
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        PARTS_MAX
    }

    fn tables(&self) -> usize {
        PARTS_MAX
    }

    fn memories(&self) -> usize {
        PARTS_MAX
    }
}
