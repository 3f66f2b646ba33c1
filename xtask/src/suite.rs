//! `cargo xtask test`: the parts of the test suite, in order, each step timed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use crate::background::Background;
use crate::browser;
use crate::clients;
use crate::deny;
use crate::differential;
use crate::environment::make_missing;
use crate::forges;
use crate::installation;
use crate::lanes;
use crate::layout::Layout;
use crate::lint;
use crate::node;
use crate::postgres;
use crate::runtimes;
use crate::s3;
use crate::soak;
use crate::step::{cargo_for_tests, run, run_watched, seconds, step};
use crate::wasm;

/// A part of the suite that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// rustfmt and clippy.
    Lint,
    /// Licences, sources and known advisories of packages.
    Deny,
    /// `cargo test`: unit tests and the hermetic tests.
    Rust,
    /// Records in PostgreSQL.
    Postgres,
    /// Files in an S3-compatible store.
    S3,
    /// The real MLflow clients.
    Clients,
    /// Requests to mlforge and to MLflow's own server, whose answers must agree.
    Differential,
    /// nginx and Caddy in front of mlforge, and a Redmine beside it.
    Forges,
    /// The pages, in a real browser.
    Browser,
    /// The Debian package, on this machine.
    Package,
    /// The component in runtimes of others.
    Runtimes,
    /// The component in Node.
    Node,
    /// Kills, full disks and long load.
    Soak,
}

impl Part {
    /// In the order that they run in: Garage, which `S3` needs, has the longest time to be compiled in the background.
    const ALL: [Self; 13] = [
        Self::Lint,
        Self::Deny,
        Self::Rust,
        Self::Postgres,
        Self::Clients,
        Self::Differential,
        Self::Forges,
        Self::Browser,
        Self::Package,
        Self::Runtimes,
        Self::Node,
        Self::S3,
        Self::Soak,
    ];

    /// The parts named, or all of them when none is. Arguments to pass on need one part to take them.
    pub(crate) fn parse_all(names: &[String], rest: &[String]) -> Result<Vec<Self>> {
        let named: Vec<Self> = names.iter().map(|name| Self::parse(name)).collect::<Result<_>>()?;
        let takes_arguments = matches!(
            named.as_slice(),
            [Self::Rust
                | Self::Postgres
                | Self::Clients
                | Self::Differential
                | Self::Forges
                | Self::Browser
                | Self::Package
                | Self::S3
                | Self::Runtimes
                | Self::Node
                | Self::Soak]
        );
        if !rest.is_empty() && !takes_arguments {
            bail!(
                "arguments after -- go to one part: name `rust`, `postgres`, `clients`, `differential`, `forges`, `browser`, `package`, `runtimes`, `node`, `s3` or `soak` alone"
            );
        }
        Ok(if named.is_empty() { Self::ALL.to_vec() } else { named })
    }

    fn parse(name: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|part| part.name() == name) {
            Some(part) => Ok(part),
            None => bail!("there is no part {name:?} of the test suite"),
        }
    }

    /// The word for it on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lint => "lint",
            Self::Deny => "deny",
            Self::Rust => "rust",
            Self::Postgres => "postgres",
            Self::S3 => "s3",
            Self::Clients => "clients",
            Self::Differential => "differential",
            Self::Forges => "forges",
            Self::Browser => "browser",
            Self::Package => "package",
            Self::Runtimes => "runtimes",
            Self::Node => "node",
            Self::Soak => "soak",
        }
    }
}

/// The parts that can run at the same time. The longest is first, and the one whose set-up takes longest last.
const BESIDE: [Part; 10] = [
    Part::Browser,
    Part::Clients,
    Part::Differential,
    Part::Postgres,
    Part::Runtimes,
    Part::Forges,
    Part::Package,
    Part::Node,
    Part::Soak,
    Part::S3,
];

/// The parts that need Python environments, Debian's packages or npm's.
const WITH_SET_UP: [Part; 8] = [
    Part::Clients,
    Part::Differential,
    Part::Forges,
    Part::Browser,
    Part::Package,
    Part::Node,
    Part::Postgres,
    Part::Runtimes,
];

/// Tests that passed, read off the summary lines of cargo test and pytest.
#[derive(Default)]
pub(crate) struct Tally {
    /// Number of tests that passed so far.
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
    // Two, since most parts start long before the one that needs Garage.
    let groups: [&[Part]; 2] = [&WITH_SET_UP, &[Part::S3]];
    let mut background: Vec<Background> = groups
        .into_iter()
        .filter_map(|group| Background::start(&layout, &chosen(group, parts)))
        .collect();
    let mut tally = Tally::default();
    let mut ready = |part| background.iter_mut().try_for_each(|setup| setup.wait_for(part));
    let beside = chosen(&BESIDE, parts);
    let is_alone = |part: &Part| beside.len() < 2 || !beside.contains(part);
    for part in chosen(&Part::ALL, parts).into_iter().filter(is_alone) {
        ready(part)?;
        match part {
            Part::Lint => lint::lint(&layout)?,
            Part::Deny => deny::check(&layout)?,
            Part::Rust => rust(&layout, rest, &mut tally)?,
            Part::Postgres => postgres::run_tests(&layout, rest, &mut tally)?,
            Part::S3 => s3::run_tests(&layout, rest, &mut tally)?,
            Part::Clients => clients::run_tests(&layout, rest, &mut tally)?,
            Part::Differential => differential::run_tests(&layout, rest, &mut tally)?,
            Part::Forges => forges::run_tests(&layout, rest, &mut tally)?,
            Part::Package => installation::run_tests(&layout, rest, &mut tally)?,
            Part::Runtimes => runtimes::run_tests(&layout, rest, &mut tally)?,
            Part::Node => node::run_tests(&layout, rest, &mut tally)?,
            Part::Browser => browser::run_tests(&layout, rest, &mut tally)?,
            Part::Soak => soak::run_tests(&layout, rest, &mut tally)?,
        }
    }
    if beside.len() > 1 {
        // Before, since two parts at once would get in each other's way.
        WITH_SET_UP.into_iter().try_for_each(&mut ready)?;
        set_up(&chosen(&WITH_SET_UP, &beside))?;
        build_all(&layout)?;
        lanes::run_beside(&layout, &beside, ready, &mut tally)?;
    }
    eprintln!("    everything: {}", seconds(started.elapsed()));
    if tally.passed > 0 {
        println!("{} passed, 0 failed", tally.passed);
    }
    Ok(())
}

/// Filters the parts that were asked for.
fn chosen(parts: &[Part], asked_for: &[Part]) -> Vec<Part> {
    let is_chosen = |part: &Part| asked_for.contains(part);
    parts.iter().copied().filter(is_chosen).collect()
}

/// Gets what the tests of these parts need and this repository does not build: Python environments, Debian's packages, Garage.
pub(crate) fn set_up(parts: &[Part]) -> Result<()> {
    let layout = Layout::find()?;
    let mut environments = Vec::new();
    if [Part::Clients, Part::Runtimes].iter().any(|part| parts.contains(part)) {
        environments.extend(clients::environments(&layout));
        if parts.contains(&Part::Clients) {
            environments.push(clients::openapi_environment(&layout));
        }
    } else if [Part::Forges, Part::Browser, Part::Package, Part::Node, Part::Postgres]
        .iter()
        .any(|part| parts.contains(part))
    {
        environments.push(clients::newest_environment(&layout));
    }
    if parts.contains(&Part::Differential) {
        environments.push(differential::environment(&layout));
    }
    if parts.contains(&Part::Browser) {
        environments.extend(browser::environments(&layout));
    }
    make_missing(&layout, &environments)?;
    if parts.contains(&Part::Browser) {
        browser::install_missing(&layout.root)?;
    }
    if parts.contains(&Part::Forges) {
        forges::install_missing(&layout.root)?;
    }
    if parts.contains(&Part::Package) {
        installation::install_missing(&layout.root)?;
    }
    if parts.contains(&Part::Node) {
        node::install_missing(&layout)?;
    }
    if parts.contains(&Part::Postgres) {
        postgres::install(&layout.root)?;
    }
    if parts.contains(&Part::S3) {
        s3::installed(&layout)?;
    }
    Ok(())
}

/// Builds everything, for tests that start the server.
pub(crate) fn build_all(layout: &Layout) -> Result<()> {
    step("cargo build", || {
        // All targets, as in `cargo test`: the same features of dependencies, so nothing is compiled twice.
        run(cargo_for_tests(&layout.root, "build").arg("--all-targets"))
    })
}

fn rust(layout: &Layout, rest: &[String], tally: &mut Tally) -> Result<()> {
    step("cargo test", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        run_watched(without_servers(tests.args(rest), rest), |line| tally.see(line))
    })?;
    step("hermetic tests on SQLite, in fresh instances", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests
            .env("MLFORGE_TEST_STORAGE", "sqlite")
            .env("MLFORGE_TEST_ISOLATE", "1");
        run_watched(tests.args(["--test", "all"]).args(rest), |line| tally.see(line))
    })?;
    step("hermetic tests with the component of WASI 0.2", || {
        let component = wasm::component_of_wasi_0_2(layout)?;
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests
            .env("MLFORGE_TEST_COMPONENT", component)
            .args(["--test", "all", "--"]);
        tests.args(WITH_WASI_0_2);
        tests.args(NEED_MAINTENANCE.iter().flat_map(|name| ["--skip", name]));
        run_watched(&mut tests, |line| tally.see(line))
    })
}

/// The tests of `WITH_WASI_0_2` that need the export `maintenance`, which that component lacks.
const NEED_MAINTENANCE: [&str; 3] = [
    "wide_runs::",
    "uploads::removal::",
    "an_abandoned_direct_upload_is_removed",
];

/// The hermetic tests that run with the component of WASI 0.2 too.
const WITH_WASI_0_2: [&str; 10] = [
    "artifacts::",
    "embedding::",
    "logging::",
    "models::",
    "page_tokens::",
    "runs::",
    "search::",
    "transfers::",
    "uploads::",
    "wasi_versions::",
];

/// Leaves out the tests that need a server. `rest` is what the command was given already.
pub(crate) fn without_servers<'a>(tests: &'a mut Command, rest: &[String]) -> &'a mut Command {
    if !rest.iter().any(|arg| arg == "--") {
        tests.arg("--");
    }
    let names = postgres::NEED_IT.into_iter().chain(s3::NEED_IT);
    tests.args(names.flat_map(|name| ["--skip", name]))
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
        assert!(Part::parse_all(&[], &[]).is_ok_and(|parts| parts == Part::ALL));
    }
}
