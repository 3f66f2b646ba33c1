//! The real component, shared by all hosts of a test binary, and the limits of these hosts.

use std::sync::OnceLock;
use std::time::Duration;

use mlforge::{Limits, Plugin};
use mlforge_component::{ABSENT, COMPONENT, OPTIONAL_IMPORTS};
use mlforge_compose::Interface;

/// Number of requests that the host of one test runs concurrently. All hosts of the binary share the
/// instances of one component.
const RUNNING_MAX: usize = 64;

/// The environment variable with a file of the component: that of WASI 0.2, for example.
const VARIABLE: &str = "MLFORGE_TEST_COMPONENT";

/// The real component, compiled once for all tests of the binary. Its limits allow the instances of all hosts
/// that run concurrently.
pub fn plugin() -> Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    shared(&PLUGIN, component)
}

/// The bytes of the real component: those of the file that the environment names, or the built-in ones.
pub fn component() -> Vec<u8> {
    match std::env::var_os(VARIABLE) {
        Some(file) => std::fs::read(&file).unwrap_or_else(|error| panic!("{VARIABLE} {}: {error}", file.display())),
        None => COMPONENT.to_vec(),
    }
}

/// The real component, composed with the one that stands in for all its optional imports.
pub fn plugin_without_optional_imports() -> Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    shared(&PLUGIN, || {
        let is_optional = |import: &Interface| OPTIONAL_IMPORTS.iter().any(|name| import.is_own(name));
        mlforge_compose::supply(COMPONENT, ABSENT, is_optional).expect("a composed component")
    })
}

fn shared(plugin: &OnceLock<Plugin>, component: impl FnOnce() -> Vec<u8>) -> Plugin {
    let compile = || {
        let (hosts, usual) = (hosts_at_once(), Limits::default());
        let limits = Limits {
            concurrent_requests_max: RUNNING_MAX * hosts,
            transfers_max: usual.transfers_max * hosts,
            idle_max: usual.idle_max * hosts,
            ..usual
        };
        Plugin::compile(&component(), None, &limits).expect("a component that compiles")
    };
    let plugin = plugin.get_or_init(compile).clone();
    match is_isolated() {
        true => plugin.by_wasi_http_alone(),
        false => plugin,
    }
}

/// True if each request gets an instance of its own, and enters it only by `wasi:http`.
pub(crate) fn is_isolated() -> bool {
    std::env::var_os("MLFORGE_TEST_ISOLATE").is_some()
}

/// Number of tests that run concurrently, each with a host of its own.
fn hosts_at_once() -> usize {
    let threads = std::env::var("RUST_TEST_THREADS")
        .ok()
        .and_then(|threads| threads.parse().ok());
    threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The default limits, except that no request is refused because others run. A test sends hundreds at once as
/// one caller, and must pass on a busy machine.
pub(crate) fn patient() -> Limits {
    Limits {
        concurrent_requests_max: RUNNING_MAX,
        queue_timeout: Duration::from_secs(120),
        project_percent_max: 100,
        caller_percent_max: 100,
        ..Limits::default()
    }
}
