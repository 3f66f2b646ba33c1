//! The tests of records in PostgreSQL, against Debian's server: one cluster with nothing in it, on a free port of this machine,
//! for as long as the tests run. Each test has a database of its own. Then several hosts share a database under load.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use mlforge_postgres::{Cluster, SERVERS};

use crate::clients;
use crate::debian::{Package, install_missing};
use crate::layout::Layout;
use crate::soak;
use crate::step::{cargo_for_tests, run_watched, step};
use crate::suite::{Tally, build_all};

/// Debian's packages beside the server.
const PACKAGES: [Package; 2] = [("nginx", "/usr/sbin/nginx"), ("openssl", "/usr/bin/openssl")];
/// The word for the load on several hosts.
const HOSTS: &str = "hosts";
/// Words in the paths of all tests that need the server.
pub(crate) const NEED_IT: [&str; 3] = ["storage::postgres::", "local::tests::database::", "on_postgres::"];
/// Front-door tests that run on PostgreSQL unless others are named: those that write and read records in many ways. The rest
/// tests what is above the storage, and would take minutes.
const FRONT_DOOR: [&str; 15] = [
    "contention::",
    "experiments::",
    "histories::",
    "large_deletions::",
    "logged_models::",
    "logging::",
    "long_batches::",
    "models::",
    "packing::",
    "purging::",
    "races::",
    "runs::",
    "search::",
    "traces::",
    "versions::",
];

/// Starts a server, and runs everything that needs it. `rest` replaces the filter of the front-door tests. After the word
/// `hosts` it has the arguments of the soak program, which runs alone.
pub(crate) fn run_tests(layout: &Layout, rest: &[String], tally: &mut Tally) -> Result<()> {
    install(&layout.root)?;
    if let Some((HOSTS, args)) = rest.split_first().map(|(first, args)| (first.as_str(), args)) {
        build_all(layout)?;
        return soak::run_hosts(layout, args, None, tally);
    }
    let folder = layout.target.join("postgres");
    let server = step("start of PostgreSQL", || Cluster::start(&folder))?;
    step("cargo test of the storage on PostgreSQL", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests.env("MLFORGE_TEST_POSTGRES", server.address());
        tests.env("MLFORGE_TEST_POSTGRES_CA", server.authority());
        tests.env("MLFORGE_TEST_POSTGRES_OTHER_CA", server.other_authority());
        tests.args(["--lib", "--test", "postgres", "--"]).args(NEED_IT);
        must_test(&mut tests, tally)
    })?;
    step("hermetic tests on PostgreSQL", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        tests.env("MLFORGE_TEST_POSTGRES", server.address());
        tests.env("MLFORGE_TEST_STORAGE", "postgres");
        tests.args(["--test", "all"]);
        if rest.is_empty() {
            tests.arg("--").args(FRONT_DOOR);
        } else {
            tests.args(rest);
        }
        must_test(&mut tests, tally)
    })?;
    if !rest.is_empty() {
        return Ok(());
    }
    build_all(layout)?;
    run_client_tests(layout, &server, tally)?;
    drop(server);
    soak::run_hosts(layout, &[], None, tally)
}

/// Runs the import of a store that MLflow itself made on the server.
fn run_client_tests(layout: &Layout, server: &Cluster, tally: &mut Tally) -> Result<()> {
    let environment = clients::made_newest_environment(layout)?;
    step("pytest with MLflow's tables on PostgreSQL", || {
        let mut pytest = environment.pytest(&layout.root.join("tests/clients"));
        pytest.env("MLFORGE_BIN", layout.mlforge("debug"));
        pytest.env("MLFORGE_TEST_POSTGRES", server.address());
        must_test(pytest.args(["-k", "PostgreSQL", "test_import.py"]), tally)
    })
}

/// Installs what is missing: the server, unless some version of it is there, and the programs beside it.
pub(crate) fn install(dir: &Path) -> Result<()> {
    let server: &[Package] = if mlforge_postgres::is_installed() {
        &[]
    } else {
        &[("postgresql", SERVERS)]
    };
    install_missing(dir, &[server, &PACKAGES].concat(), "the tests of PostgreSQL")
}

/// Runs tests that must not turn out to be none.
fn must_test(tests: &mut Command, tally: &mut Tally) -> Result<()> {
    let passed_before = tally.passed;
    run_watched(tests, |line| tally.see(line))?;
    if tally.passed == passed_before {
        bail!("no test was run");
    }
    Ok(())
}
