//! `mlforge-soak`: a real server under random load. Every answer is compared with a model of all acknowledged
//! changes. So are those of several servers that share a database.
//!
//! It must not know how mlforge works inside: it starts its binary, sends requests over HTTP, and kills it.

mod actions;
mod api;
mod caller;
mod check;
mod disk;
mod events;
mod expected;
mod failover;
mod fleet;
mod hosts;
mod kill;
mod log;
mod mixed;
mod options;
mod projects;
mod proxy;
mod report;
mod shared;
mod site;
mod step;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use mlforge_bench::dice::Dice;

use crate::options::{HELP, Options, Part};
use crate::report::say;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            say!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("mlforge-soak: {error:#} (try --help)");
            return ExitCode::from(2);
        }
    };
    say!("--seed {}", options.seed);
    match run(&options) {
        Ok(parts) => {
            // A line in the form of `cargo test`, since `cargo xtask test` counts these lines.
            say!("test result: ok. {parts} passed; 0 failed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("mlforge-soak: {error:#}\nagain: --seed {}", options.seed);
            ExitCode::FAILURE
        }
    }
}

/// Runs the selected parts; returns their number.
fn run(options: &Options) -> Result<usize> {
    // All callers share one thread: they leave as much of a small machine to the server as they can.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut parts = 0;
    for (part, name, percent) in Part::of(options.hosts).iter().copied() {
        let Some(time) = options.time_of(part, percent) else {
            continue;
        };
        let started = Instant::now();
        // Each part draws the same numbers, with or without the others.
        let mut dice = Dice::new(options.seed.wrapping_add(u64::from(percent)));
        let rounds = match part {
            Part::Kill => runtime.block_on(kill::run(options, &mut dice, time))?,
            Part::Disk => runtime.block_on(disk::run(options, &mut dice, time))?,
            Part::Mixed => runtime.block_on(mixed::run(options, &mut dice, time))?,
            Part::Hosts => runtime.block_on(hosts::run(options, &mut dice, time))?,
            Part::FailOver => runtime.block_on(failover::run(options, &mut dice, time))?,
        };
        say!(
            "{name}: {} rounds in {:.0} s",
            rounds.len(),
            started.elapsed().as_secs_f64()
        );
        parts += 1;
    }
    Ok(parts)
}
