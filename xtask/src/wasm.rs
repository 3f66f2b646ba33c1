//! The compiler of the component: the wasm target of rustup, or Debian's compiler and the sources of std.
//!
//! The build script of `mlforge-component` chooses between them; this only makes sure that one is installed. No build makes the
//! component of WASI 0.2, so it is built here.

use std::env;
use std::env::consts::EXE_SUFFIX;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::debian::Apt;
use crate::layout::Layout;
use crate::step::{cargo_for_tests, command, output_of, run, run_on_stderr};

const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's compiler with the sources of its standard library. Its linker for wasm, `lld`, comes in many versions,
/// of which the newest is as new as the compiler.
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Makes sure that the component can be compiled, and says what to do when it cannot.
pub(crate) fn ensure(dir: &Path) -> Result<()> {
    if has_target(dir) {
        return Ok(());
    }
    let rustup = run_on_stderr(command("rustup", dir).args(["target", "add", TARGET]));
    if has_target(dir) || has_std_sources(dir, &rustc()) || has_debian_compiler(dir) {
        return Ok(());
    }
    let debian = install_debian_compiler(dir);
    if has_debian_compiler(dir) {
        return Ok(());
    }
    bail!(
        "this machine cannot compile to WebAssembly; one of these helps:\n  \
         rustup target add {TARGET}\n  \
         rustup component add rust-src\n  \
         apt-get install {packages} lld\n\
         rustup: {rustup}\napt-get: {debian}",
        packages = DEBIAN_PACKAGES.join(" "),
        rustup = why(rustup),
        debian = why(debian),
    )
}

/// Builds the component of WASI 0.2 as debug builds do, and returns its file.
pub(crate) fn component_of_wasi_0_2(layout: &Layout) -> Result<PathBuf> {
    run(cargo_for_tests(&layout.root, "build").args(["--bin", "mlforge-build"]))?;
    let builder = layout
        .mlforge("debug")
        .with_file_name(format!("mlforge-build{EXE_SUFFIX}"));
    let file = layout.target.join("wasi-0-2.wasm");
    run(command(builder, &layout.root).arg(&file).arg("plugin-dev"))?;
    Ok(file)
}

fn install_debian_compiler(dir: &Path) -> Result<()> {
    let apt = Apt::ready(dir)?;
    let lld = apt.newest("lld");
    apt.install(&[&DEBIAN_PACKAGES, [lld.as_str()].as_slice()].concat())
}

fn why(outcome: Result<()>) -> String {
    outcome.err().map_or_else(
        || "succeeded, but what it brought is not found".to_owned(),
        |error| format!("{error:#}"),
    )
}

fn rustc() -> PathBuf {
    env::var_os("RUSTC").map_or_else(|| "rustc".into(), PathBuf::from)
}

/// True if the compiler in use has a standard library for the target.
fn has_target(dir: &Path) -> bool {
    let libs = output_of(command(rustc(), dir).args(["--print", "target-libdir", "--target", TARGET]));
    let Some(entries) = libs.and_then(|libs| fs::read_dir(libs).ok()) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

/// True if a compiler has the sources of std beside it, so that std itself can be built.
fn has_std_sources(dir: &Path, rustc: &Path) -> bool {
    output_of(command(rustc, dir).args(["--print", "sysroot"]))
        .is_some_and(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library/std").is_dir())
}

fn has_debian_compiler(dir: &Path) -> bool {
    let Ok(programs) = fs::read_dir("/usr/bin") else {
        return false;
    };
    let links_wasm = programs
        .flatten()
        .any(|program| program.file_name().to_string_lossy().starts_with("wasm-ld"));
    links_wasm && Path::new("/usr/bin/cargo").exists() && has_std_sources(dir, Path::new("/usr/bin/rustc"))
}
