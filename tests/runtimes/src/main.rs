//! The command `wasmtime serve` of the package `wasmtime-cli`, and nothing else. It is a program of this workspace, so that the
//! engine is compiled once for it and for the host.

use clap::Parser;
use wasmtime_cli::commands::ServeCommand;

fn main() -> anyhow::Result<()> {
    let command = ServeCommand::parse();
    command.execute().map_err(|error| anyhow::anyhow!("{error:#}"))
}
