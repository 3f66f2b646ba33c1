//! The differential tests: MLflow's own server and mlforge are asked the same, and must answer the same.

use std::path::PathBuf;

use anyhow::Result;

use crate::environment::{Environment, make_missing};
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

fn tests(layout: &Layout) -> PathBuf {
    layout.root.join("tests/differential")
}

/// The environment with MLflow's server; it may still have to be made.
pub(crate) fn environment(layout: &Layout) -> Environment {
    Environment::new(layout, "server", tests(layout).join("requirements.txt"))
}

/// Makes the environment with MLflow's server, builds mlforge, and runs the tests.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    let tests = tests(layout);
    let environment = environment(layout);
    step("Python environment of MLflow's server", || {
        make_missing(layout, std::slice::from_ref(&environment))
    })?;
    build_all(layout)?;
    step("pytest against MLflow's server", || {
        let mut pytest = environment.pytest(&tests);
        pytest.env("MLFORGE_BIN", layout.mlforge("debug")).args(args);
        run_watched(&mut pytest, |line| tally.see(line))
    })
}
