//! The real component, which all hosts of a test binary share, and the limits of these hosts.

use std::sync::OnceLock;
use std::time::Duration;

use mlforge::{Limits, Plugin};

/// Requests that the host of a test runs at the same time. All hosts of the binary share the instances of one component.
const RUNNING_MAX: usize = 64;

/// The real component, compiled once for all tests of the binary, with room for the instances of all hosts that tests use at
/// the same time.
pub fn plugin() -> Plugin {
    static PLUGIN: OnceLock<Plugin> = OnceLock::new();
    let compile = || {
        let (hosts, usual) = (hosts_at_once(), Limits::default());
        let limits = Limits {
            concurrent_requests_max: RUNNING_MAX * hosts,
            transfers_max: usual.transfers_max * hosts,
            idle_max: usual.idle_max * hosts,
            ..usual
        };
        Plugin::compile(mlforge_component::COMPONENT, None, &limits).expect("a component that compiles")
    };
    let plugin = PLUGIN.get_or_init(compile).clone();
    match is_isolated() {
        true => plugin.by_wasi_http_alone(),
        false => plugin,
    }
}

/// Whether each request gets an instance of its own, and `wasi:http` is the only way to it.
pub(crate) fn is_isolated() -> bool {
    std::env::var_os("MLFORGE_TEST_ISOLATE").is_some()
}

/// The number of tests that run at the same time, each with a host of its own.
fn hosts_at_once() -> usize {
    let threads = std::env::var("RUST_TEST_THREADS")
        .ok()
        .and_then(|threads| threads.parse().ok());
    threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

/// The usual limits, except that no request is refused because others run. A test sends hundreds at once, all of one caller,
/// and a busy machine must not fail it.
pub(crate) fn patient() -> Limits {
    Limits {
        concurrent_requests_max: RUNNING_MAX,
        queue_timeout: Duration::from_secs(120),
        project_percent_max: 100,
        caller_percent_max: 100,
        ..Limits::default()
    }
}
