//! Lints, and `cargo xtask check`: lints and the tests that need no server, for the time between two changes.

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{cargo, cargo_for_tests, command, run, run_on_stderr, step, succeeds};
use crate::suite::without_servers;
use crate::wasm;

/// rustfmt, clippy and unit tests. Warnings are errors.
pub(crate) fn run_check() -> Result<()> {
    let layout = Layout::find()?;
    step("wasm target", || wasm::ensure(&layout.root))?;
    lint(&layout)?;
    step("unit tests", || {
        let mut tests = cargo_for_tests(&layout.root, "test");
        run(without_servers(tests.args(["--quiet", "--lib"]), &[]))
    })
}

/// rustfmt and clippy.
pub(crate) fn lint(layout: &Layout) -> Result<()> {
    step("rustfmt and clippy", || ensure_tools(layout))?;
    step("cargo fmt", || {
        run(cargo(&layout.root).args(["fmt", "--all", "--check"]))
    })?;
    step("cargo clippy", || {
        run(cargo_for_tests(&layout.root, "clippy").args(["--all-targets", "--", "-D", "warnings"]))
    })?;
    step("cargo clippy for WASI 0.2", || {
        let mut clippy = cargo(&layout.root);
        clippy.args(["clippy", "--package", "mlforge-plugin", "--features", "wasi-0-2"]);
        run(clippy.args(["--", "-D", "warnings"]))
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
