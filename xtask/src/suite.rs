//! `cargo xtask test`: the parts of the test suite, in order, each step timed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::clients;
use crate::differential;
use crate::layout::Layout;
use crate::s3;
use crate::soak;
use crate::step::{cargo, command, run, run_on_stderr, run_watched, seconds, step, succeeds};
use crate::wasm;

/// A part of the suite that can be run alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// rustfmt and clippy.
    Lint,
    /// `cargo test`: unit tests and the hermetic tests.
    Rust,
    /// Files in an S3-compatible store.
    S3,
    /// The real MLflow clients.
    Clients,
    /// The same requests to MLflow's own server.
    Differential,
    /// Kills, full disks and long load.
    Soak,
}

impl Part {
    const ALL: [Self; 6] = [
        Self::Lint,
        Self::Rust,
        Self::S3,
        Self::Clients,
        Self::Differential,
        Self::Soak,
    ];

    /// The parts named, or all of them when none is. Arguments to pass on need one part to take them.
    pub(crate) fn parse_all(names: &[String], rest: &[String]) -> Result<Vec<Self>> {
        let named: Vec<Self> = names.iter().map(|name| Self::parse(name)).collect::<Result<_>>()?;
        let takes_arguments = matches!(
            named.as_slice(),
            [Self::Rust | Self::Clients | Self::Differential | Self::Soak]
        );
        if !rest.is_empty() && !takes_arguments {
            bail!("arguments after -- go to one part: name `rust`, `clients`, `differential` or `soak` alone");
        }
        Ok(if named.is_empty() { Self::ALL.to_vec() } else { named })
    }

    fn parse(name: &str) -> Result<Self> {
        match name {
            "lint" => Ok(Self::Lint),
            "rust" => Ok(Self::Rust),
            "s3" => Ok(Self::S3),
            "clients" => Ok(Self::Clients),
            "differential" => Ok(Self::Differential),
            "soak" => Ok(Self::Soak),
            _ => bail!("there is no part {name:?} of the test suite"),
        }
    }
}

/// Tests that passed, read off the summary lines of cargo test and pytest.
#[derive(Default)]
pub(crate) struct Tally {
    /// How many passed so far.
    pub(crate) passed: u64,
}

impl Tally {
    /// Counts a line if it is a summary: `test result: ok. 3 passed; …` or `===== 3 passed, … in 1.2s =====`.
    pub(crate) fn see(&mut self, line: &str) {
        let is_summary = line.starts_with("test result: ") || (line.starts_with("==") && line.ends_with("=="));
        if !is_summary {
            return;
        }
        let words: Vec<&str> = line.split([' ', ',', ';']).collect();
        let counts = words.windows(2).filter_map(|pair| match pair {
            [count, "passed"] => count.parse::<u64>().ok(),
            _ => None,
        });
        self.passed += counts.sum::<u64>();
    }
}

/// Runs parts of the suite in order; the first step that fails ends it.
pub(crate) fn run_parts(parts: &[Part], rest: &[String]) -> Result<()> {
    let started = Instant::now();
    let layout = Layout::find()?;
    step("wasm target", || wasm::ensure(&layout.root))?;
    let mut tally = Tally::default();
    for part in Part::ALL.into_iter().filter(|part| parts.contains(part)) {
        match part {
            Part::Lint => lint(&layout)?,
            Part::Rust => rust(&layout, rest, &mut tally)?,
            Part::S3 => s3::run_tests(&layout, &mut tally)?,
            Part::Clients => clients::run_tests(&layout, rest, &mut tally)?,
            Part::Differential => differential::run_tests(&layout, rest, &mut tally)?,
            Part::Soak => soak::run_tests(&layout, rest, &mut tally)?,
        }
    }
    eprintln!("    everything: {}", seconds(started.elapsed()));
    if tally.passed > 0 {
        println!("{} passed, 0 failed", tally.passed);
    }
    Ok(())
}

fn lint(layout: &Layout) -> Result<()> {
    step("rustfmt and clippy", || ensure_tools(layout))?;
    step("cargo fmt", || {
        run(cargo(&layout.root).args(["fmt", "--all", "--check"]))
    })?;
    step("cargo clippy", || {
        let everything = ["--workspace", "--all-targets", "--features", "mlforge/s3-tests"];
        run(cargo(&layout.root)
            .arg("clippy")
            .args(everything)
            .args(["--", "-D", "warnings"]))
    })
}

/// A minimal toolchain has neither tool, and rustup can bring both.
fn ensure_tools(layout: &Layout) -> Result<()> {
    let missing = |tool: &str| !succeeds(cargo(&layout.root).args([tool, "--version"]));
    if missing("fmt") || missing("clippy") {
        run_on_stderr(command("rustup", &layout.root).args(["component", "add", "rustfmt", "clippy"]))?;
    }
    Ok(())
}

/// Builds everything, for tests that start the server.
pub(crate) fn build_all(layout: &Layout) -> Result<()> {
    step("cargo build", || {
        // All targets, as in `cargo test`: the same features of dependencies, so nothing is compiled twice.
        run(cargo(&layout.root).args(["build", "--workspace", "--all-targets"]))
    })
}

fn rust(layout: &Layout, rest: &[String], tally: &mut Tally) -> Result<()> {
    step("cargo test", || {
        let mut tests: Command = cargo(&layout.root);
        run_watched(tests.args(["test", "--workspace"]).args(rest), |line| tally.see(line))
    })?;
    step("hermetic tests on SQLite, in fresh instances", || {
        let mut tests: Command = cargo(&layout.root);
        tests
            .env("MLFORGE_TEST_STORAGE", "sqlite")
            .env("MLFORGE_TEST_ISOLATE", "1");
        run_watched(
            tests.args(["test", "--workspace", "--test", "all"]).args(rest),
            |line| tally.see(line),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_summary_lines_are_counted() {
        let mut tally = Tally::default();
        tally.see("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s");
        tally.see("================= 30 passed, 4 deselected in 12.34s =================");
        tally.see("test nine_hundred passed ... ok");
        tally.see("said: 7 passed, and more");
        assert_eq!(tally.passed, 42);
    }

    #[test]
    fn arguments_need_one_part_to_take_them() {
        let (one, two, args) = (
            ["rust".to_owned()],
            ["lint".to_owned(), "rust".to_owned()],
            ["-k".to_owned()],
        );
        assert!(Part::parse_all(&one, &args).is_ok());
        assert!(Part::parse_all(&two, &args).is_err());
        assert!(Part::parse_all(&[], &args).is_err());
        assert!(Part::parse_all(&["all".to_owned()], &[]).is_err());
    }
}
