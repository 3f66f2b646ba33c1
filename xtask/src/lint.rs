//! Lints, and `cargo xtask check`: lints and the tests that need no server, for the time between two changes.

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{cargo, command, run, run_on_stderr, step, succeeds};
use crate::wasm;

/// rustfmt, clippy and unit tests. Warnings are errors.
pub(crate) fn run_check() -> Result<()> {
    let layout = Layout::find()?;
    step("wasm target", || wasm::ensure(&layout.root))?;
    lint(&layout)?;
    step("unit tests", || {
        run(cargo(&layout.root).args(["test", "--quiet", "--workspace", "--lib"]))
    })
}

/// rustfmt and clippy.
pub(crate) fn lint(layout: &Layout) -> Result<()> {
    step("rustfmt and clippy", || ensure_tools(layout))?;
    step("cargo fmt", || {
        run(cargo(&layout.root).args(["fmt", "--all", "--check"]))
    })?;
    step("cargo clippy", || {
        let everything = [
            "--workspace",
            "--all-targets",
            "--features",
            "mlforge/postgres-tests,mlforge/s3-tests",
        ];
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
