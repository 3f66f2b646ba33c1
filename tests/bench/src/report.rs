//! The table of results: one line for each scenario and number of connections.

use std::fmt::Arguments;
use std::io::Write;

use crate::load::Measured;
use crate::numbers::{float, millis, readable};

/// Minimum size of files whose rate is also printed in bytes. For smaller ones the rate of requests says
/// more.
const FLOW_BYTES_MIN: u64 = 1 << 20;

/// Rates that a line is compared with, in requests a second.
#[derive(Default)]
pub(crate) struct Compared {
    /// A baseline hyper server at the same concurrency.
    pub(crate) hyper: Option<f64>,
    /// An empty request through the component at the same concurrency.
    pub(crate) empty: Option<f64>,
    /// The limits of this scenario: names and rates.
    pub(crate) bounds: Vec<(&'static str, f64)>,
}

/// Prints like `println!`, but ignores a closed reader.
macro_rules! say {
    ($($word:tt)*) => { $crate::report::print(format_args!($($word)*)) };
}
pub(crate) use say;

/// Prints a line. An error is ignored: stdout may be closed.
pub(crate) fn print(line: Arguments<'_>) {
    _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints the heads of the columns.
pub(crate) fn print_head() {
    say!(
        "\n{:<43}{:>4}{:>11}{:>10}{:>10}{:>10}{:>8}{:>8}{:>8}  of limit",
        "scenario",
        "c",
        "req/s",
        "p50 ms",
        "p99 ms",
        "CPU µs",
        "others",
        "/hyper",
        "/empty"
    );
}

/// Prints one line, and the first error loudly.
pub(crate) fn print_line(name: &str, connections: usize, measured: &Measured, compared: &Compared) {
    let latency = |percent| {
        measured
            .latency(percent)
            .map_or_else(dash, |nanos| readable(millis(nanos)))
    };
    let cpu = measured
        .cpu
        .server
        .map_or_else(dash, |micros| readable(per(micros, measured.answers)));
    let others = match measured.cpu.server {
        Some(_) => format!("{:.0} %", 100.0 * per(measured.cpu.others, measured.cpu.total)),
        // Without a process id, the server's time counts among the others'.
        None => dash(),
    };
    let share = |rate: f64| readable(measured.rate / rate);
    let bounds = compared
        .bounds
        .iter()
        .map(|(bound, rate)| format!("{} of {bound} {}/s", share(*rate), readable(*rate)));
    say!(
        "{name:<43}{connections:>4}{:>11}{:>10}{:>10}{cpu:>10}{others:>8}{:>8}{:>8}  {}",
        readable(measured.rate),
        latency(50),
        latency(99),
        compared.hyper.map_or_else(dash, share),
        compared.empty.map_or_else(dash, share),
        if compared.bounds.is_empty() {
            dash()
        } else {
            bounds.collect::<Vec<_>>().join(", ")
        },
    );
    print_errors(name, connections, measured);
}

fn print_errors(name: &str, connections: usize, measured: &Measured) {
    if measured.errors > 0 {
        let first = measured.first_error.as_deref().unwrap_or_default();
        say!(
            "!!! {name} at {connections}: {} ERRORS, the first one: {first}",
            measured.errors
        );
    }
}

/// Prints the rate in bytes of files. Prints nothing for requests without files or with small ones.
pub(crate) fn print_flow(rate: f64, file_bytes: u64) {
    if file_bytes >= FLOW_BYTES_MIN {
        say!("    {} MB/s", readable(rate * float(file_bytes) / 1e6));
    }
}

/// Prints a line without numbers.
pub(crate) fn print_word(name: &str, word: &str) {
    say!("{name:<43}   {word}");
}

/// A number of bytes, formatted for people.
pub(crate) fn bytes(bytes: u64) -> String {
    if bytes < 1 << 20 {
        format!("{:.1} KiB", float(bytes) / 1024.0)
    } else {
        format!("{:.1} MiB", float(bytes) / 1_048_576.0)
    }
}

fn per(sum: u64, count: u64) -> f64 {
    float(sum) / float(count.max(1))
}

fn dash() -> String {
    "–".to_owned()
}
