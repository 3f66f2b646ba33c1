//! `mlforge-bench`: measures an MLflow server over HTTP, together with the limits of the machine it runs on.
//!
//! It must not know how mlforge works inside: the same scenarios drive any server that speaks MLflow's REST
//! API. Only `native.rs` does what the component does, on mlforge's storage, as a comparison.

mod baseline;
mod bench;
mod databases;
mod fairness;
mod fasttrackml;
mod fixture;
mod groups;
mod limits;
mod load;
mod native;
mod neighbours;
mod options;
mod pages;
mod report;
mod scenario;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use mlforge_bench::{client, numbers, process, server};

use crate::bench::Bench;
use crate::client::{Client, Target};
use crate::groups::Group;
use crate::limits::{Flush, shared_rate};
use crate::numbers::{float, millis, percentile, readable};
use crate::options::{HELP, Options, Subject};
use crate::report::{bytes, say};
use crate::server::{Launcher, Server, WorkDir};

/// Number of flushes that are timed; a short run times fewer.
const FLUSHES: usize = 200;
const FLUSHES_QUICK: usize = 100;
/// A run with shorter measurements is a short one.
const QUICK_BELOW: Duration = Duration::from_millis(500);
/// A server is idle after this time without requests.
const IDLE: Duration = Duration::from_secs(2);
/// The time in which a server with a compiled component in its cache should start.
const WARM_START_MAX: Duration = Duration::from_millis(100);
/// Number of starts on existing data.
const STARTS: usize = 5;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            say!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("mlforge-bench: {error:#} (try --help)");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(errors) => {
            eprintln!("mlforge-bench: {errors} WRONG ANSWERS, see !!! above");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("mlforge-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures; returns the number of wrong answers.
fn run(options: Options) -> Result<u64> {
    ensure!(
        !Group::wanted(&options).is_empty()
            || pages::is_wanted(&options)
            || [neighbours::NAME, fairness::NAME]
                .iter()
                .any(|name| options.wants(name)),
        "no scenario has {:?} in its name",
        options.only
    );
    // All clients share one thread: they leave as much of a small machine to the server as they can.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match &options.subject {
        Subject::Url { url, token } => {
            let target = Target::parse(url, token.as_deref())?;
            let work = WorkDir::make(&options.dir, "mlforge-bench")?;
            print_flush(&options, work.path())?;
            let mut bench = Bench::new(options, target, None, work.path());
            runtime.block_on(measure(&mut bench, None))?;
            Ok(bench.errors)
        }
        Subject::Binary(binary) if options.database.is_some() => {
            let binary = binary.clone();
            runtime.block_on(databases::measure(&options, &binary))
        }
        Subject::Binary(binary) => {
            let work = WorkDir::make(&options.dir, "mlforge-bench")?;
            let launcher = Launcher::new(binary, work, options.server_log.clone())?;
            runtime.block_on(measure_own(options, &launcher))
        }
    }
}

/// Starts the server, measures it under load, and then measures how fast it starts with the data that the
/// load left.
async fn measure_own(options: Options, launcher: &Launcher) -> Result<u64> {
    print_flush(&options, launcher.work_dir())?;
    let server = launcher.start()?;
    let token = server.token.clone().context("the first start showed no token")?;
    say!(
        "binary: {}, of which the component: {}",
        bytes(launcher.binary_bytes()?),
        bytes(numbers::whole(mlforge_component::COMPONENT.len()))
    );
    say!("first start, on an empty directory: {}", seconds(server.ready_after));
    tokio::time::sleep(IDLE).await;
    say!(
        "RSS idle, 2 s after the start: {}",
        bytes(process::resident_bytes(server.pid())?)
    );
    let target = Target::parse(&server.url, Some(&token))?;
    let mut bench = Bench::new(options, target, Some(server.pid()), launcher.work_dir());
    measure(&mut bench, Some((launcher, &server))).await?;
    say!("\nstop: {}", seconds(server.stop()?));
    measure_starts(launcher, &token).await?;
    Ok(bench.errors)
}

async fn measure(bench: &mut Bench, own: Option<(&Launcher, &Server)>) -> Result<()> {
    bench.baselines().await?;
    for group in Group::wanted(&bench.options) {
        say!("");
        let memory_before = own.map(|(_, server)| memory_before(server)).transpose()?;
        let before = own
            .map(|(launcher, _)| process::disk_bytes(&launcher.data_dir()))
            .transpose()?;
        let fixture = group.prepare(&bench.target).await?;
        if let (Some((launcher, _)), Some(before), true) = (own, before, fixture.filled > 0) {
            let grown = process::disk_bytes(&launcher.data_dir())?.saturating_sub(before);
            let what = if matches!(group, Group::ManyTraces(_)) {
                "trace"
            } else {
                "run"
            };
            say!("disk: {} a {what}", bytes(grown / fixture.filled));
        }
        group.measure(bench, fixture).await?;
        if let Some(((launcher, server), before)) = own.zip(memory_before) {
            say!(
                "after {}: RSS {} (before it {}, meanwhile at most {}), data directory {}",
                group.name(),
                bytes(process::resident_bytes(server.pid())?),
                bytes(before),
                bytes(process::peak_bytes(server.pid())?),
                bytes(process::disk_bytes(&launcher.data_dir())?)
            );
        }
    }
    pages::measure(bench).await?;
    if let (Some((launcher, server)), true) = (own, bench.options.wants(neighbours::NAME)) {
        say!("");
        let before = memory_before(server)?;
        neighbours::measure(bench, launcher, server).await?;
        say!(
            "beside neighbours: RSS at most {} (before it {})",
            bytes(process::peak_bytes(server.pid())?),
            bytes(before)
        );
    }
    if let (Some((launcher, _)), true) = (own, bench.options.wants(fairness::NAME)) {
        say!("");
        fairness::measure(bench, launcher).await?;
    }
    Ok(())
}

/// Memory of the server before a group. From then on the peak of that group is measured.
fn memory_before(server: &Server) -> Result<u64> {
    process::forget_peak(server.pid())?;
    process::resident_bytes(server.pid())
}

/// Prints the cost of a single flush before there is any load.
fn print_flush(options: &Options, dir: &Path) -> Result<()> {
    let samples = if options.time < QUICK_BELOW {
        FLUSHES_QUICK
    } else {
        FLUSHES
    };
    let mut flush = Flush::default();
    flush.sample(dir, samples)?;
    for (how, times) in [("appended", &flush.appended), ("written in place", &flush.in_place)] {
        let millis = |percent| percentile(times, percent).map(millis).unwrap_or_default();
        say!(
            "fdatasync of 4 KiB {how}: median {} ms, p99 {} ms, {}/s ({samples} samples)",
            readable(millis(50)),
            readable(millis(99)),
            readable(shared_rate(times, 1).unwrap_or_default()),
        );
    }
    Ok(())
}

/// Starts the server repeatedly on the data directory as the load left it.
async fn measure_starts(launcher: &Launcher, token: &str) -> Result<()> {
    let (mut lines, mut answers) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = std::time::Instant::now();
        let server = launcher.start()?;
        let target = Target::parse(&server.url, Some(token))?;
        let path = target.get("experiments/get?experiment_id=0");
        // It does not matter if the experiment exists.
        Client::connect(&target).await?.send(path).await?;
        answers.push(began.elapsed());
        lines.push(server.ready_after);
        server.stop()?;
    }
    for (what, mut times) in [("to its address", lines), ("to its first answer", answers)] {
        times.sort_unstable();
        let (best, median) = (times.first(), times.get(STARTS / 2));
        if let (Some(best), Some(median)) = (best, median) {
            say!(
                "start on existing data, {what}: best {}, median {}{}",
                seconds(*best),
                seconds(*median),
                if *median > WARM_START_MAX { "  over 100 ms" } else { "" }
            );
        }
    }
    Ok(())
}

fn seconds(time: Duration) -> String {
    format!("{} ms", readable(float(numbers::nanos(time)) / 1e6))
}
