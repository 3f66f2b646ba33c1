//! The component in runtimes of others: a component of WASI alone in `wasmtime serve`, with the real MLflow clients.

use anyhow::Result;

use crate::clients;
use crate::environment::make_missing;
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

/// Makes the environments of the clients, builds everything, and runs the tests with each client. The last one also runs the
/// tests that need no particular client (marker `once`).
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    let environments = clients::environments(layout);
    step("Python environments", || make_missing(layout, &environments))?;
    build_all(layout)?;
    let server = layout.mlforge("debug");
    for (index, environment) in environments.iter().enumerate() {
        let last = index + 1 == environments.len();
        step(
            &format!("pytest in other runtimes with MLflow {}", environment.name()),
            || {
                let mut pytest = environment.pytest(&layout.root.join("tests/runtimes"));
                pytest
                    .env("MLFORGE_BIN", &server)
                    .env(
                        "MLFORGE_COMPOSE_BIN",
                        server.with_file_name("mlforge-example-middleware"),
                    )
                    .env("MLFORGE_WASMTIME_BIN", server.with_file_name("mlforge-wasmtime-serve"))
                    // One compilation of the component for all clients.
                    .env("MLFORGE_RUNTIMES_CACHE", layout.target.join("runtimes"))
                    // The part `node` runs it.
                    .arg("--ignore=test_node.py")
                    .args(args);
                if !last && !args.iter().any(|arg| arg == "-m") {
                    pytest.args(["-m", "not once"]);
                }
                run_watched(&mut pytest, |line| tally.see(line))
            },
        )?;
    }
    Ok(())
}
