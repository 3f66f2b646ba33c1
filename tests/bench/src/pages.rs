//! The pages for people, each beside the calls of the API that MLflow's own pages make for the same view.
//!
//! Page and calls take turns on one connection, so both meet the same machine. A page that is too large counts as a wrong
//! answer. Times are only reported: they are those of the machine.

mod data;
mod views;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use self::data::Data;
use self::views::{VIEWS, View};
use crate::bench::Bench;
use crate::client::{Call, Client};
use crate::numbers::{float, millis, nanos, percentile, readable, whole};
use crate::options::Options;
use crate::report::say;

/// Largest size of a page in bytes.
const PAGE_BYTES_MAX: u64 = 150_000;
/// The time in which a page should be answered.
const PAGE_TIME_MAX: Duration = Duration::from_millis(100);
/// Least number of times that a page is asked for.
const ROUNDS_MIN: usize = 5;

/// The name of a view for `--only`.
fn name(runs: u64, view: &View) -> String {
    format!("pages_{runs}_{}", view.name)
}

/// True if a view is selected of an experiment with this number of runs.
fn is_wanted_of(options: &Options, runs: u64) -> bool {
    VIEWS.iter().any(|view| options.wants(&name(runs, view)))
}

/// True if a view is selected.
pub(crate) fn is_wanted(options: &Options) -> bool {
    options.runs.iter().any(|runs| is_wanted_of(options, *runs))
}

/// Measures the selected views of experiments of each size. Adds wrong answers to those of the benchmark.
pub(crate) async fn measure(bench: &mut Bench) -> Result<()> {
    for runs in bench.options.runs.clone() {
        if !is_wanted_of(&bench.options, runs) {
            continue;
        }
        say!("");
        let data = Data::make(&bench.target, runs).await?;
        print_head();
        for view in VIEWS {
            let name = name(runs, view);
            if !bench.options.wants(&name) {
                continue;
            }
            match Measured::of(view, &data, bench.options.time).await {
                Ok(measured) => bench.errors += measured.print(&name),
                Err(error) => {
                    bench.errors += 1;
                    say!("!!! {name}: {error:#}");
                }
            }
        }
    }
    Ok(())
}

/// The times of a view in nanoseconds, ascending, and its bytes.
struct Measured {
    page: Vec<u64>,
    page_bytes: u64,
    calls: Vec<u64>,
    call_count: usize,
    call_bytes: u64,
}

impl Measured {
    async fn of(view: &View, data: &Data, time: Duration) -> Result<Self> {
        let mut client = Client::connect(&data.target).await?;
        let page = [data.target.page(&(view.page)(data))];
        let calls = (view.calls)(data);
        let mut measured = Self {
            page: Vec::new(),
            page_bytes: send(&mut client, &page).await?,
            calls: Vec::new(),
            call_count: calls.len(),
            call_bytes: send(&mut client, &calls).await?,
        };
        let started = Instant::now();
        while measured.page.len() < ROUNDS_MIN || started.elapsed() < time {
            measured.page.push(timed(&mut client, &page).await?);
            measured.calls.push(timed(&mut client, &calls).await?);
        }
        measured.page.sort_unstable();
        measured.calls.sort_unstable();
        Ok(measured)
    }

    /// Prints the line of the view; returns the number of its errors.
    fn print(&self, name: &str) -> u64 {
        let time = |times: &[u64], percent| percentile(times, percent).unwrap_or_default();
        let shown = |times: &[u64], percent| readable(millis(time(times, percent)));
        let kilobytes = |bytes: u64| readable(float(bytes) / 1000.0);
        let ratio = float(time(&self.page, 50)) / float(time(&self.calls, 50).max(1));
        let is_slow = time(&self.page, 50) > nanos(PAGE_TIME_MAX);
        say!(
            "{name:<43}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{}",
            kilobytes(self.page_bytes),
            shown(&self.page, 50),
            shown(&self.page, 99),
            self.call_count,
            kilobytes(self.call_bytes),
            shown(&self.calls, 50),
            shown(&self.calls, 99),
            readable(ratio),
            if is_slow { "  over 100 ms" } else { "" },
        );
        if self.page_bytes <= PAGE_BYTES_MAX {
            return 0;
        }
        say!(
            "!!! {name}: {} bytes; a page has {PAGE_BYTES_MAX} at most",
            self.page_bytes
        );
        1
    }
}

/// Sends requests one after the other; returns the number of bytes of their answers.
async fn send(client: &mut Client, calls: &[Call]) -> Result<u64> {
    let mut bytes = 0;
    for call in calls {
        let path = call.path.clone();
        let answer = client.send(call.clone()).await.with_context(|| path.clone())?;
        ensure!(answer.status == 200, "{path}: {}", answer.brief());
        bytes += whole(answer.body.len());
    }
    Ok(bytes)
}

async fn timed(client: &mut Client, calls: &[Call]) -> Result<u64> {
    let started = Instant::now();
    send(client, calls).await?;
    Ok(nanos(started.elapsed()))
}

fn print_head() {
    say!(
        "{:<43}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
        "page, and the calls of MLflow's own page",
        "page KB",
        "p50 ms",
        "p99 ms",
        "calls",
        "calls KB",
        "p50 ms",
        "p99 ms",
        "page/API"
    );
}
