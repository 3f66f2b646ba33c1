//! The exports of the component: the calls of the host, of WASI 0.3 or 0.2.

#[cfg(feature = "wasi-0-2")]
mod wasi_0_2;
#[cfg(not(feature = "wasi-0-2"))]
mod wasi_0_3;

use crate::host::report;

/// A component has no standard error: without this a panic's message is lost.
fn report_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| report::fault(&panic.to_string())));
    });
}
