//! A compiled component on its engine. It is made once, before the first request. `instance/` runs requests.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use wasmtime::component::{Component, HasData, InstancePre, Linker, ResourceTable};
use wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store, UpdateDeadline,
    WasmBacktraceDetails,
};
use wasmtime_wasi::p2::bindings::io as wasi_io;
use wasmtime_wasi_http::p2::bindings as p2;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyIndices};
use wasmtime_wasi_http::p3::bindings::http::types as http_types;
use wasmtime_wasi_http::p3::bindings::{Service, ServiceIndices};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

use super::bindings::{
    DirectService, DirectServiceIndices, HostImports, MaintenanceService, MaintenanceServiceIndices, wasi_0_2,
};
use super::instance::error::InstanceError;
use super::store_data::{Imports, StoreData};
use crate::limits::Limits;

/// Time between two interruptions of a running component, so that other tasks run and deadlines are checked.
const TICK: Duration = Duration::from_millis(10);
/// Room in the pool for instances that are being dropped.
const SPARE_INSTANCES: u32 = 32;
/// Components in one: the plugin itself may be composed with one that supplies some of its imports.
const COMPOSED_MAX: u32 = 2;
/// One encoded component is several core instances: its module, shims and fix-ups.
const CORE_INSTANCES_EACH: u32 = 5 * COMPOSED_MAX;
/// Tables of one component: that of its module and that of the shims.
const TABLES_EACH: u32 = 2 * COMPOSED_MAX;
/// Memories of one component. A memory that is not used costs addresses, but no memory of the machine.
const MEMORIES_EACH: u32 = COMPOSED_MAX;

/// A compiled component. Cheap to clone, and several hosts may share it: compiling is what costs.
#[derive(Clone)]
pub struct Plugin {
    linked: InstancePre<StoreData>,
    service: HttpIndices,
    /// The export `direct`, if there is one.
    direct: Option<Arc<DirectServiceIndices>>,
    /// The export `maintenance`, if there is one.
    maintenance: Option<Arc<MaintenanceServiceIndices>>,
}

/// The export for requests of `wasi:http`, which is there in one of two versions.
#[derive(Clone)]
enum HttpIndices {
    /// `wasi:http/handler@0.3`.
    P3(Arc<ServiceIndices>),
    /// `wasi:http/incoming-handler@0.2`.
    P2(Arc<ProxyIndices>),
}

impl HttpIndices {
    fn of(linked: &InstancePre<StoreData>) -> wasmtime::Result<Self> {
        match ServiceIndices::new(linked) {
            Ok(service) => Ok(Self::P3(Arc::new(service))),
            Err(_) => Ok(Self::P2(Arc::new(ProxyIndices::new(linked)?))),
        }
    }

    fn load(
        &self,
        store: &mut Store<StoreData>,
        instance: &wasmtime::component::Instance,
    ) -> wasmtime::Result<HttpService> {
        Ok(match self {
            Self::P3(service) => HttpService::P3(service.load(store, instance)?),
            Self::P2(proxy) => HttpService::P2(proxy.load(store, instance)?),
        })
    }
}

/// The export for requests of `wasi:http` of an instance.
pub(crate) enum HttpService {
    P3(Service),
    P2(Proxy),
}

impl HttpService {
    /// The export of WASI 0.3.
    pub(crate) fn of_wasi_0_3(&self) -> Result<&Service, InstanceError> {
        match self {
            Self::P3(service) => Ok(service),
            Self::P2(_) => Err(InstanceError::InvalidResponse("no export of WASI 0.3".into())),
        }
    }
}

/// The exports of an instance.
pub(crate) struct Exports {
    pub(crate) service: HttpService,
    /// The export `direct`, for buffered requests.
    pub(crate) direct: Option<DirectService>,
    pub(crate) maintenance: Option<MaintenanceService>,
}

impl Plugin {
    /// This component, called by `wasi:http` alone, as by a host that does not know `direct`.
    #[must_use]
    pub fn by_wasi_http_alone(self) -> Self {
        Self { direct: None, ..self }
    }

    /// True if it exports `direct`.
    pub(crate) fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    /// Compiles a component, or takes it from `cache`, a directory that only this user can write.
    /// Fails when it imports anything but `wasi:http/types`, the system clock, random bytes and `mlforge:plugin`, or the same of WASI
    /// 0.2 with `mlforge:plugin-sync`.
    ///
    /// Of the limits, only the number of instances and the memory of one count here. Hosts that share the component share these
    /// instances, so the numbers must cover all of them together.
    pub fn compile(component: &[u8], cache: Option<&Path>, limits: &Limits) -> anyhow::Result<Self> {
        let engine = engine(cache, limits)?;
        let component = Component::from_binary(&engine, component)
            .map_err(plain)
            .context("cannot compile the component")?;
        let linked = linker(&engine).and_then(|linker| linker.instantiate_pre(&component));
        let linked = linked
            .map_err(plain)
            .context("the component imports what this host does not lend")?;
        let service = HttpIndices::of(&linked)
            .map_err(plain)
            .context("the component exports neither wasi:http/handler@0.3 nor wasi:http/incoming-handler@0.2")?;
        keep_ticking(&engine).context("cannot start the clock of the engine")?;
        let direct = DirectServiceIndices::new(&linked).ok().map(Arc::new);
        let maintenance = MaintenanceServiceIndices::new(&linked).ok().map(Arc::new);
        Ok(Self {
            linked,
            service,
            direct,
            maintenance,
        })
    }

    /// The names of the interfaces that the component imports.
    pub fn imports(&self) -> Vec<String> {
        let kind = self.linked.component().component_type();
        kind.imports(self.linked.engine())
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// A store for one instance.
    pub(crate) fn store(&self, call: StoreData) -> Store<StoreData> {
        let mut store = Store::new(self.linked.engine(), call);
        store.limiter(|call| &mut call.memory);
        store.set_epoch_deadline(1);
        // Tokio's own yield lets the runtime look at its timers and sockets first; a plain one would not.
        store.epoch_deadline_callback(|_| Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now()))));
        store
    }

    /// Makes the instance of a store.
    pub(crate) async fn instantiate(&self, store: &mut Store<StoreData>) -> wasmtime::Result<Exports> {
        let instance = self.linked.instantiate_async(&mut *store).await?;
        let (direct, maintenance) = (self.direct.as_ref(), self.maintenance.as_ref());
        Ok(Exports {
            service: self.service.load(store, &instance)?,
            direct: direct.map(|direct| direct.load(&mut *store, &instance)).transpose()?,
            maintenance: maintenance
                .map(|maintenance| maintenance.load(store, &instance))
                .transpose()?,
        })
    }
}

/// Wasmtime's errors are not `std::error::Error`; only their text is of use to an embedder.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}

fn engine(cache: Option<&Path>, limits: &Limits) -> anyhow::Result<Engine> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        // A backtrace names functions without these tables. They would be a part of what each start loads.
        .generate_address_map(false)
        .native_unwind_info(cfg!(windows))
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling(limits)));
    if let Some(directory) = cache {
        let cache = open_cache(directory).with_context(|| format!("cannot use {} as cache", directory.display()))?;
        config.cache(Some(cache));
    }
    Engine::new(&config).or_else(|error| {
        // The pool reserves addresses for all instances in advance, which a limit on virtual memory may forbid.
        tracing::warn!(
            reason = format!("{error:#}"),
            "no pool of instances: each will be mapped when it is needed"
        );
        Engine::new(config.allocation_strategy(InstanceAllocationStrategy::OnDemand)).map_err(plain)
    })
}

fn pooling(limits: &Limits) -> PoolingAllocationConfig {
    let instances = limits
        .concurrent_requests_max
        .saturating_add(limits.transfers_max)
        .saturating_add(limits.idle_max);
    let instances = u32::try_from(instances)
        .unwrap_or(u32::MAX)
        .saturating_add(SPARE_INSTANCES);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_EACH))
        .total_tables(instances.saturating_mul(TABLES_EACH))
        .total_memories(instances.saturating_mul(MEMORIES_EACH))
        .total_stacks(instances.saturating_mul(2))
        .max_memory_size(limits.instance_bytes_max);
    pool
}

/// Opens wasmtime's cache. It checks the component's hash, the compiler's version and its configuration. Its files run as machine
/// code, so only this user may write there.
fn open_cache(directory: &Path) -> anyhow::Result<Cache> {
    make_private(directory)?;
    let mut config = CacheConfig::new();
    config.with_directory(std::path::absolute(directory)?);
    Cache::new(config).map_err(plain)
}

#[cfg(unix)]
fn make_private(directory: &Path) -> io::Result<()> {
    use std::fs::{DirBuilder, Permissions, set_permissions};
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    set_permissions(directory, Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn make_private(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<StoreData>> {
    let mut linker = Linker::new(engine);
    http_types::add_to_linker::<_, WasiHttp>(&mut linker, StoreData::http)?;
    HostImports::add_to_linker::<_, Imports>(&mut linker, |call| call)?;
    link_wasi_0_2(&mut linker)?;
    Ok(linker)
}

/// Adds what a component of WASI 0.2 imports besides the synchronous functions of `mlforge:plugin`.
fn link_wasi_0_2(linker: &mut Linker<StoreData>) -> wasmtime::Result<()> {
    p2::http::types::add_to_linker::<_, WasiHttp>(linker, &p2::LinkOptions::default().into(), StoreData::http)?;
    wasi_io::error::add_to_linker::<_, Handles>(linker, |call| &mut call.table)?;
    wasi_io::poll::add_to_linker::<_, Handles>(linker, |call| &mut call.table)?;
    wasi_io::streams::add_to_linker::<_, Handles>(linker, |call| &mut call.table)?;
    wasi_0_2::wall_clock::add_to_linker::<_, Imports>(linker, |call| call)?;
    wasi_0_2::random::add_to_linker::<_, Imports>(linker, |call| call)?;
    wasi_0_2::records::add_to_linker::<_, Imports>(linker, |call| call)?;
    wasi_0_2::blobs::add_to_linker::<_, Imports>(linker, |call| call)?;
    wasi_0_2::forge::add_to_linker::<_, Imports>(linker, |call| call)?;
    wasi_0_2::direct_transfers::add_to_linker::<_, Imports>(linker, |call| call)
}

/// Names the handles of a store as the data of `wasi:io`.
struct Handles;

impl HasData for Handles {
    type Data<'a> = &'a mut ResourceTable;
}

/// Advances the engine's epoch until the engine is dropped.
fn keep_ticking(engine: &Engine) -> io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    thread::Builder::new()
        .name("mlforge-ticks".into())
        .spawn(tick)
        .map(drop)
}
