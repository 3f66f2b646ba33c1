//! `cargo xtask bench`: builds server and benchmark program as they are shipped, and lets one measure the other.

use std::env;

use anyhow::Result;

use crate::layout::Layout;
use crate::step::{cargo, command, run, step};
use crate::wasm;

/// Runs the benchmark program on the server; its data is written below cargo's target directory, not to a `/tmp`
/// that may be in memory.
pub(crate) fn run_bench(args: &[String]) -> Result<()> {
    let layout = Layout::find()?;
    step("wasm target", || wasm::ensure(&layout.root))?;
    let packages = ["--package", "mlforge", "--package", "mlforge-bench"];
    step("cargo build --profile dist", || {
        run(cargo(&layout.root).args(["build", "--profile", "dist"]).args(packages))
    })?;
    let server = layout.mlforge("dist");
    let program = server.with_file_name(format!("mlforge-bench{}", env::consts::EXE_SUFFIX));
    let mut bench = command(program, &layout.root);
    bench
        .arg("--server")
        .arg(&server)
        .arg("--dir")
        .arg(layout.target.join("bench"));
    step("mlforge-bench", || run(bench.args(args)))
}
