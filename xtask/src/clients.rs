//! The client tests: one Python environment for each MLflow version, then pytest in each against a running mlforge.

use std::path::PathBuf;

use anyhow::{Result, bail};
use mlforge_postgres::Cluster;

use crate::environment::{Environment, make_missing};
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};
use crate::{postgres, s3};

/// The versions under test, by the name of their `tests/clients/requirements-<name>.txt`. The last one also runs
/// the tests that need no particular client (marker `once`).
const VERSIONS: [&str; 3] = ["2.7", "2.22", "3"];

fn tests(layout: &Layout) -> PathBuf {
    layout.root.join("tests/clients")
}

/// An environment for each version; some may still have to be made.
pub(crate) fn environments(layout: &Layout) -> [Environment; VERSIONS.len()] {
    VERSIONS.map(|version| {
        let requirements = tests(layout).join(format!("requirements-{version}.txt"));
        Environment::new(layout, version, requirements)
    })
}

/// The environment of Schemathesis; it may still have to be made.
pub(crate) fn openapi_environment(layout: &Layout) -> Environment {
    let requirements = layout.root.join("tests/openapi/requirements.txt");
    Environment::new(layout, "openapi", requirements)
}

/// The environment of the newest version; it may still have to be made.
pub(crate) fn newest_environment(layout: &Layout) -> Environment {
    let [.., newest] = environments(layout);
    newest
}

/// The environment of the newest version, made if it is missing.
pub(crate) fn made_newest_environment(layout: &Layout) -> Result<Environment> {
    let environment = newest_environment(layout);
    step("Python environment", || {
        make_missing(layout, std::slice::from_ref(&environment))
    })?;
    Ok(environment)
}

/// The option that chooses where the servers have their data, and its only value.
const STORE: [&str; 2] = ["--store", "postgres-s3"];

/// Runs the tests of the newest client, or those that the arguments choose, against servers with files in this store and records
/// on this PostgreSQL.
pub(crate) fn run_on_store(
    layout: &Layout,
    (files, database): (&s3::Server, &Cluster),
    args: &[String],
    tally: &mut Tally,
) -> Result<()> {
    let environment = made_newest_environment(layout)?;
    let passed_before = tally.passed;
    step("pytest on PostgreSQL and S3", || {
        let mut pytest = environment.pytest(&tests(layout));
        files.tells(&mut pytest).env("MLFORGE_BIN", layout.mlforge("debug"));
        pytest.env("MLFORGE_TEST_DATABASE", database.address()).args(args);
        run_watched(&mut pytest, |line| tally.see(line))
    })?;
    if tally.passed == passed_before {
        bail!("no client test was run");
    }
    Ok(())
}

/// Makes the environments, builds the server, and runs the client tests in each environment, and those of the API's description.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    if let [option, store, rest @ ..] = args
        && [option, store] == STORE
    {
        postgres::install(&layout.root)?;
        build_all(layout)?;
        let files = s3::Server::of_tests(layout)?;
        let database = step("start of PostgreSQL", || {
            Cluster::start(&layout.target.join("postgres"))
        })?;
        return run_on_store(layout, (&files, &database), rest, tally);
    }
    let tests = tests(layout);
    let environments = environments(layout);
    let openapi = openapi_environment(layout);
    step("Python environments", || {
        make_missing(layout, &environments)?;
        make_missing(layout, std::slice::from_ref(&openapi))
    })?;
    build_all(layout)?;
    let passed_before = tally.passed;
    for (index, environment) in environments.iter().enumerate() {
        let last = index + 1 == environments.len();
        step(&format!("pytest with MLflow {}", environment.name()), || {
            let mut pytest = environment.pytest(&tests);
            pytest.env("MLFORGE_BIN", layout.mlforge("debug")).args(args);
            if !last && !args.iter().any(|arg| arg == "-m") {
                pytest.args(["-m", "not once"]);
            }
            run_watched(&mut pytest, |line| tally.see(line))
        })?;
    }
    step("Schemathesis", || {
        let mut pytest = openapi.pytest(&layout.root.join("tests/openapi"));
        pytest.env("MLFORGE_BIN", layout.mlforge("debug")).args(args);
        run_watched(&mut pytest, |line| tally.see(line))
    })?;
    // Arguments may choose tests that only some environments run, but they must choose some.
    if tally.passed == passed_before {
        bail!("no client test was run");
    }
    Ok(())
}
