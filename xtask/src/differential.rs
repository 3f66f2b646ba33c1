//! The differential tests: MLflow's own server and mlforge are asked the same, and must answer the same.

use anyhow::Result;

use crate::environment::{Environment, make_missing};
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

/// Makes the environment with MLflow's server, builds mlforge, and runs the tests.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    let tests = layout.root.join("tests/differential");
    let environment = Environment::new(layout, "server", tests.join("requirements.txt"));
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
