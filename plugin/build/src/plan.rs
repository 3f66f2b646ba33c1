//! The ways to get a standard library for WebAssembly, best first.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::clean_command;

/// The target triple. With it the component imports what its WIT world says and nothing else.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
const LINKER: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER";
const REMEDIES: &str = "there is no standard library for wasm32-unknown-unknown; one of these helps:
  rustup target add wasm32-unknown-unknown
  rustup component add rust-src
  apt-get install rustc-web cargo-web rust-web-src lld";

/// The origin of the standard library.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// It is installed.
    Installed,
    /// Its source is installed.
    FromSource,
    /// Debian's packages, for a machine where rustup cannot fetch.
    Debian,
}

impl Plan {
    pub(crate) fn choose() -> anyhow::Result<Self> {
        if holds_std(&ask_rustc(&["--print=target-libdir", "--target", TARGET])?) {
            return Ok(Self::Installed);
        }
        if ask_rustc(&["--print=sysroot"])?
            .join("lib/rustlib/src/rust/library/std")
            .is_dir()
        {
            return Ok(Self::FromSource);
        }
        if Path::new("/usr/bin/cargo").exists() && Path::new("/usr/bin/rustc").exists() && wasm_linker().is_some() {
            return Ok(Self::Debian);
        }
        bail!(REMEDIES)
    }

    /// The name of the plan's target directory. Plans cannot share build products.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::FromSource => "from-source",
            Self::Debian => "debian",
        }
    }

    /// A cargo command that is set up for this plan. The caller adds the arguments.
    pub(crate) fn cargo(self) -> anyhow::Result<Command> {
        let own = || env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = match self {
            Self::Installed => return Ok(clean_command(own())),
            Self::FromSource => clean_command(own()),
            Self::Debian => clean_command("/usr/bin/cargo"),
        };
        // Building the standard library is a nightly feature. This variable allows it on a stable compiler.
        command.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
        if let Self::Debian = self {
            let linker = wasm_linker().context("wasm-ld is gone")?;
            command
                .env("PATH", "/usr/bin:/bin")
                .env("RUSTC", "/usr/bin/rustc")
                .env(LINKER, linker);
            command.env_remove("RUSTUP_TOOLCHAIN");
        }
        Ok(command)
    }
}

fn ask_rustc(question: &[&str]) -> anyhow::Result<PathBuf> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = clean_command(rustc)
        .args(question)
        .output()
        .context("cannot run rustc")?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn holds_std(directory: &Path) -> bool {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.to_string_lossy().starts_with("libstd-"))
}

/// The path of `wasm-ld`. Debian's rustc comes without a linker for WebAssembly; its lld packages have one,
/// with the version in its name.
fn wasm_linker() -> Option<OsString> {
    let entries = fs::read_dir("/usr/bin").ok()?.flatten().map(|entry| entry.path());
    let linkers = entries.filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("wasm-ld"))
    });
    linkers.max().map(PathBuf::into_os_string)
}
