//! Directories: the repository, cargo's target directory, and the binaries in it.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The directories that the steps work in.
pub(crate) struct Layout {
    /// The root of the repository.
    pub(crate) root: PathBuf,
    /// The directory that holds cargo's `debug`, `release` and `dist`.
    pub(crate) target: PathBuf,
    /// This program. A build may put a newer one of the same code there.
    pub(crate) xtask: PathBuf,
}

impl Layout {
    /// Finds the directories from where this program itself was built, so a user's own target directory is honoured.
    pub(crate) fn find() -> Result<Self> {
        let exe = env::current_exe().context("cannot tell where xtask itself is")?;
        let target = exe
            .ancestors()
            .nth(2)
            .context("xtask is not in a target directory of cargo")?;
        // Cargo is asked again now, since target directories can be shared.
        let manifest = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest)
            .parent()
            .context("xtask is not inside the repository")?;
        Ok(Self {
            root: root.to_owned(),
            target: target.to_owned(),
            xtask: exe.clone(),
        })
    }

    /// The `mlforge` binary of a profile's directory: `debug`, `release` or `dist`.
    pub(crate) fn mlforge(&self, profile_dir: &str) -> PathBuf {
        self.target
            .join(profile_dir)
            .join(format!("mlforge{}", env::consts::EXE_SUFFIX))
    }
}
