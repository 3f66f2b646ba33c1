//! A host that runs the misbehaving component.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::{Host, HostBuilder, Limits, Plugin};

use crate::{Caller, StaticForge};

/// The component that misbehaves on demand (`tests/guests/`).
pub const COMPONENT: &[u8] = include_bytes!(env!("MLFORGE_TEST_GUESTS"));
/// The cache of compiled code, shared by all test runs.
const CACHE: &str = concat!(env!("OUT_DIR"), "/compiled");

/// A host with memory storage and the forge of fixed tokens.
pub struct GuestHost {
    /// The host.
    pub host: Host,
    /// The forge of the host.
    pub forge: Arc<StaticForge>,
}

impl GuestHost {
    /// A host with the default limits.
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// A host with other limits.
    pub fn limited(limits: Limits) -> Self {
        Self::with(|builder| builder.limits(limits))
    }

    /// A host with any other settings.
    pub fn with(set: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        static PLUGIN: OnceLock<Plugin> = OnceLock::new();
        let compile = || Plugin::compile(COMPONENT, Some(Path::new(CACHE)), &Limits::default()).expect("a component");
        let forge = Arc::new(StaticForge::new());
        let builder = Host::builder()
            .plugin(PLUGIN.get_or_init(compile).clone())
            .records(Arc::new(MemoryRecords::new()))
            .blobs(Arc::new(MemoryBlobs::new()))
            .forge(Arc::<StaticForge>::clone(&forge));
        Self {
            host: set(builder).build().expect("a host"),
            forge,
        }
    }

    /// A developer of project 1.
    pub fn developer(&self) -> Caller {
        self.caller("developer", "1")
    }

    /// A caller with any token in any project.
    pub fn caller(&self, token: &str, project: &str) -> Caller {
        Caller::new(&self.host, token, project)
    }
}

impl Default for GuestHost {
    fn default() -> Self {
        Self::new()
    }
}
