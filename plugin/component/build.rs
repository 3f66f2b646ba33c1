//! Builds the crates `mlforge-plugin` and `mlforge-absent` into the components that this crate carries.

use std::path::Path;

use mlforge_build::Guest;

fn main() -> anyhow::Result<()> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let plugin = Guest {
        package: "mlforge-plugin",
        workspace,
        features: &[],
        prebuilt: "MLFORGE_PLUGIN_WASM",
    };
    println!("cargo::rustc-env=MLFORGE_COMPONENT={}", plugin.build()?.display());
    let absent = Guest {
        package: "mlforge-absent",
        workspace,
        features: &[],
        prebuilt: "MLFORGE_ABSENT_WASM",
    };
    println!("cargo::rustc-env=MLFORGE_ABSENT={}", absent.build()?.display());
    Ok(())
}
