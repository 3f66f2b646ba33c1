//! Builds the crate `mlforge-plugin` into the component that this crate carries.

use std::path::Path;

use mlforge_build::Guest;

fn main() -> anyhow::Result<()> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let guest = Guest {
        package: "mlforge-plugin",
        workspace,
        prebuilt: "MLFORGE_PLUGIN_WASM",
    };
    println!("cargo::rustc-env=MLFORGE_COMPONENT={}", guest.build()?.display());
    Ok(())
}
