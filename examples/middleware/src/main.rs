//! Composes mlforge with a storage in front of which stands a gate. The result is one component that imports only WASI, so that
//! any runtime of WASI 0.3 can serve it:
//!
//! ```sh
//! cargo run -p mlforge-example-middleware -- --output mlforge-all.wasm
//! mkdir -p data
//! wasmtime serve -S cli --dir data::/data --env MLFORGE_TOKEN=secret --max-instance-concurrent-reuse-count 1 mlforge-all.wasm
//! ```

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Parser;
use mlforge_component::{ABSENT, COMPONENT, OPTIONAL_IMPORTS};
use mlforge_compose::{imports, supply};

/// Answers requests in place of a forge: checks a token, says who the caller is, and removes the mount from the path.
const GATE: &[u8] = include_bytes!(env!("GATE"));
/// Exports `records` and `blobs`, and keeps them in a directory of `wasi:filesystem`.
const STORAGE: &[u8] = include_bytes!(env!("STORAGE"));

/// The arguments of the command line.
#[derive(Debug, Parser)]
#[command(version, about = "Composes mlforge, a storage and a gate into one component")]
struct Args {
    /// The file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let stored = supply(COMPONENT, STORAGE, |import| {
        import.is_own("records") || import.is_own("blobs")
    })?;
    let alone = supply(&stored, ABSENT, |import| {
        OPTIONAL_IMPORTS.iter().any(|name| import.is_own(name))
    })?;
    let composed = supply(GATE, &alone, |import| import.name().starts_with("wasi:http/handler@"))?;
    for import in imports(&composed)? {
        if !import.name().starts_with("wasi:") {
            bail!("the composed component still imports {}", import.name());
        }
    }
    std::fs::write(&args.output, &composed).with_context(|| format!("cannot write {}", args.output.display()))?;
    println!("{}: {} bytes", args.output.display(), composed.len());
    Ok(())
}
