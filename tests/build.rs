//! Builds the component that misbehaves on demand.

use std::path::Path;

use mlforge_build::Guest;

fn main() -> anyhow::Result<()> {
    let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let guest = Guest {
        package: "mlforge-test-guests",
        workspace,
        features: &[],
        prebuilt: "MLFORGE_TEST_GUESTS_WASM",
    };
    println!("cargo::rustc-env=MLFORGE_TEST_GUESTS={}", guest.build()?.display());
    Ok(())
}
