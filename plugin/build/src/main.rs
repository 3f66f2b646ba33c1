//! Writes the component of WASI 0.2 to a file: `mlforge-build FILE [PROFILE]`. The cargo profile is `plugin`, unless another is named.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mlforge_build::Guest;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let file = PathBuf::from(arguments.next().context("usage: mlforge-build FILE [PROFILE]")?);
    let profile = arguments.next().unwrap_or_else(|| "plugin".into());
    let profile = profile.to_str().context("the name of a profile is UTF-8")?;
    let plugin = Guest {
        package: "mlforge-plugin",
        workspace: Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")),
        features: &["wasi-0-2"],
        prebuilt: "MLFORGE_PLUGIN_WASM",
    };
    plugin.build_to(&std::path::absolute(file)?, profile)
}
