//! `cargo xtask serve`: from a fresh machine to a running server.

use std::process::Command;

use anyhow::{Context, Result};

use crate::layout::Layout;
use crate::step::{cargo, command, run, step};
use crate::wasm;

/// Builds mlforge with the profile `release` and becomes `mlforge serve`: its output, signals and exit code are the server's.
pub(crate) fn run_server(args: &[String]) -> Result<()> {
    let layout = Layout::find()?;
    step("wasm target", || wasm::ensure(&layout.root))?;
    step("cargo build --release", || {
        run(cargo(&layout.root).args(["build", "--release", "--package", "mlforge"]))
    })?;
    let mut server = command(layout.mlforge("release"), &layout.root);
    become_process(server.arg("serve").args(args))
}

#[cfg(unix)]
fn become_process(server: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(server.exec()).with_context(|| format!("cannot start {}", server.get_program().to_string_lossy()))
}

#[cfg(not(unix))]
fn become_process(server: &mut Command) -> Result<()> {
    let status = server.status().context("cannot start mlforge")?;
    std::process::exit(status.code().unwrap_or(1))
}
