//! Builds the two components that are composed with mlforge.

use std::path::Path;

use mlforge_build::Guest;

fn main() -> anyhow::Result<()> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let gate = Guest {
        package: "mlforge-example-gate",
        workspace,
        features: &[],
        prebuilt: "MLFORGE_EXAMPLE_GATE_WASM",
    };
    println!("cargo::rustc-env=GATE={}", gate.build()?.display());
    let storage = Guest {
        package: "mlforge-example-storage",
        workspace,
        features: &[],
        prebuilt: "MLFORGE_EXAMPLE_STORAGE_WASM",
    };
    println!("cargo::rustc-env=STORAGE={}", storage.build()?.display());
    Ok(())
}
