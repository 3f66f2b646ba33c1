//! Builds a crate of this workspace into a WebAssembly component, from a build script. So plain `cargo
//! build`, `cargo run` and `cargo test` never use a stale component, and nobody builds it by hand. The program of this crate
//! builds the one of WASI 0.2, which no build needs.

mod plan;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, bail};
use wit_component::ComponentEncoder;

use plan::{Plan, TARGET};

/// The environment variable that names the cargo profile of guests. Unset: `plugin-dev` for a debug build, so
/// that a test after a change waits for no optimiser; `plugin` for all others.
const PROFILE_VARIABLE: &str = "MLFORGE_COMPONENT_PROFILE";
/// Prefixes of the variables set by cargo for a build script that the inner cargo needs too.
const KEPT: [&str; 6] = [
    "CARGO_HOME",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_HTTP_",
    "CARGO_REGISTR",
    "CARGO_INSTALL_ROOT",
];
/// Prefixes of the variables that would make the inner build a part of the outer one.
const DROPPED: [&str; 11] = [
    "CARGO",
    "RUSTC",
    "RUSTDOC",
    "RUSTFLAGS",
    "DEP_",
    "TARGET",
    "HOST",
    "PROFILE",
    "OPT_LEVEL",
    "LLVM_PROFILE_FILE",
    "LD_LIBRARY_PATH",
];

/// A crate of the workspace that exports a WIT world.
pub struct Guest<'a> {
    /// Its name.
    pub package: &'a str,
    /// The workspace's root.
    pub workspace: &'a Path,
    /// The features to enable.
    pub features: &'a [&'a str],
    /// The environment variable that names a prebuilt module or component. When it is set, nothing is
    /// compiled.
    pub prebuilt: &'a str,
}

impl Guest<'_> {
    /// Builds the component and returns its file, below `OUT_DIR`. Tells cargo which changes need a new
    /// build.
    pub fn build(&self) -> anyhow::Result<PathBuf> {
        println!("cargo::rerun-if-env-changed={}", self.prebuilt);
        let out = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set: this is for build scripts")?);
        let module = match env::var_os(self.prebuilt) {
            Some(file) => {
                println!("cargo::rerun-if-changed={}", Path::new(&file).display());
                PathBuf::from(file)
            }
            None => {
                let target = out
                    .ancestors()
                    .nth(4)
                    .context("OUT_DIR is not below a target directory")?;
                let module = self.compile(target, &profile())?;
                self.watch_sources(&module.with_extension("d"))?;
                module
            }
        };
        let component = out.join(format!("{}.wasm", self.package));
        write_encoded(&module, &component)?;
        Ok(component)
    }

    /// Builds the component with this cargo profile, below the target directory of the workspace, and writes it to a file.
    pub fn build_to(&self, component: &Path, profile: &str) -> anyhow::Result<()> {
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.workspace.join("target"), PathBuf::from);
        let module = self.compile(&target, profile)?;
        write_encoded(&module, component)
    }

    /// Runs a second cargo with a target directory of its own. In the outer one it would wait for ever for
    /// the lock that the outer cargo holds.
    fn compile(&self, target: &Path, profile: &str) -> anyhow::Result<PathBuf> {
        let plan = Plan::choose()?;
        let target = target.join("plugin").join(plan.name());
        let mut cargo = plan.cargo()?;
        cargo
            .current_dir(self.workspace)
            // The crate is a cdylib only here: a native linker does not accept the names of its exports.
            .args([
                "rustc",
                "--lib",
                "--crate-type",
                "cdylib",
                "--locked",
                "--package",
                self.package,
                "--profile",
                profile,
                "--target",
                TARGET,
                "--features",
                &self.features.join(","),
            ])
            .arg("--target-dir")
            .arg(&target);
        run(cargo)?;
        let module = target.join(TARGET).join(profile).join(self.package.replace('-', "_"));
        Ok(module.with_extension("wasm"))
    }

    /// Makes cargo watch every source of the module, as listed in the inner cargo's dep-info file.
    fn watch_sources(&self, notes: &Path) -> anyhow::Result<()> {
        let notes = fs::read_to_string(notes).with_context(|| format!("cannot read {}", notes.display()))?;
        let sources = notes
            .lines()
            .filter_map(|line| line.split_once(": "))
            .flat_map(|(_, sources)| split(sources));
        for source in sources {
            println!("cargo::rerun-if-changed={source}");
        }
        for name in ["Cargo.toml", "Cargo.lock", "wit"] {
            println!("cargo::rerun-if-changed={}", self.workspace.join(name).display());
        }
        Ok(())
    }
}

/// The cargo profile to build with.
fn profile() -> String {
    println!("cargo::rerun-if-env-changed={PROFILE_VARIABLE}");
    let is_debug = env::var_os("PROFILE").is_some_and(|outer| outer == "debug");
    let default = if is_debug { "plugin-dev" } else { "plugin" };
    env::var(PROFILE_VARIABLE).unwrap_or_else(|_| default.to_owned())
}

/// The file names in a make rule: separated by spaces, with a backslash before a space inside a name.
fn split(sources: &str) -> Vec<String> {
    let joined = sources.replace("\\ ", "\0");
    joined
        .split_whitespace()
        .map(|source| source.replace('\0', " "))
        .collect()
}

/// Writes the component of a module to a file.
fn write_encoded(module: &Path, component: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    fs::write(component, encode(bytes)?).with_context(|| format!("cannot write {}", component.display()))
}

/// Makes a component of a module. A component is returned unchanged.
fn encode(bytes: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    // The layer in a WebAssembly header: 0 for a module, 1 for a component.
    if bytes.get(6..8) == Some(&[1, 0]) {
        return Ok(bytes);
    }
    ComponentEncoder::default()
        .module(&bytes)?
        .validate(true)
        .encode()
        .context("cannot make a component of the module")
}

/// A command without the variables that cargo sets for build scripts.
fn clean_command(program: impl Into<OsString>) -> Command {
    let mut command = Command::new(program.into());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let begins = |with: &&str| text.starts_with(*with);
        if DROPPED.iter().any(begins) && !KEPT.iter().any(begins) {
            command.env_remove(&name);
        }
    }
    // Empty instead of absent: an empty value also overrides a user's cargo configuration for native builds.
    command
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .env("RUSTC_WRAPPER", "")
        .env("RUSTC_WORKSPACE_WRAPPER", "");
    command
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
