//! The files of a package, in the folders that they have below `/usr`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Stamp;
use crate::layout::Layout;
use crate::step::{command, run_quietly};

/// Files of the repository, and their places.
const FILES: [(&str, &str); 4] = [
    ("packaging/mlforge.service", "lib/systemd/system/mlforge.service"),
    ("packaging/debian/copyright", "share/doc/mlforge/copyright"),
    ("LICENSE-MIT", "share/doc/mlforge/LICENSE-MIT"),
    ("packaging/mlforge.toml", "share/doc/mlforge/mlforge.toml"),
];
/// Files that `mlforge manual` writes, and their places.
const COMPLETIONS: [(&str, &str); 3] = [
    ("mlforge.bash", "share/bash-completion/completions/mlforge"),
    ("_mlforge", "share/zsh/vendor-completions/_mlforge"),
    ("mlforge.fish", "share/fish/vendor_completions.d/mlforge.fish"),
];

/// A folder with the files of a package.
pub(super) struct Tree {
    /// The files that are below `/usr` later.
    pub(super) usr: PathBuf,
}

impl Tree {
    /// Makes the folder from nothing.
    pub(super) fn make(layout: &Layout, dir: &Path, program: &Path, stamp: &Stamp) -> Result<Self> {
        remove_all(dir)?;
        let tree = Self { usr: dir.join("usr") };
        let staged = tree.place("bin/mlforge")?;
        // Names of functions stay, for the backtrace of a crash.
        let mut strip = command("strip", dir);
        run_quietly(strip.args(["--strip-debug", "-o"]).arg(&staged).arg(program))?;
        set_mode(&staged, 0o755)?;
        for (file, place) in FILES {
            tree.copy(&layout.root.join(file), place)?;
        }
        let changes = tree.copy(&layout.root.join("CHANGELOG.md"), "share/doc/mlforge/changelog")?;
        let manual = dir.join("manual");
        run_quietly(command(&staged, dir).arg("manual").arg(&manual))?;
        for (file, place) in COMPLETIONS {
            tree.copy(&manual.join("completions").join(file), place)?;
        }
        let mut texts = vec![changes];
        for page in files_of(&manual.join("man"))? {
            let name = page.file_name().context("a man page without a name")?;
            texts.push(tree.copy(&page, &format!("share/man/man1/{}", name.to_string_lossy()))?);
        }
        // Without name and time in it, the same text is the same file.
        run_quietly(stamp.command("gzip", dir).args(["-9", "-n"]).args(texts))?;
        fs::remove_dir_all(manual)?;
        Ok(tree)
    }

    /// The path of a file below `/usr`. Its folder is made.
    fn place(&self, place: &str) -> Result<PathBuf> {
        let path = self.usr.join(place);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(path)
    }

    fn copy(&self, file: &Path, place: &str) -> Result<PathBuf> {
        let path = self.place(place)?;
        fs::copy(file, &path).with_context(|| format!("cannot copy {}", file.display()))?;
        set_mode(&path, 0o644)?;
        Ok(path)
    }
}

/// The files and folders of a folder, in the order of their names.
pub(super) fn files_of(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    Ok(paths)
}

/// Removes a folder, which may be absent.
pub(super) fn remove_all(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(fs::create_dir_all(dir)?),
    }
}

#[cfg(unix)]
pub(super) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}

#[cfg(not(unix))]
pub(super) fn set_mode(path: &Path, _mode: u32) -> Result<()> {
    anyhow::bail!("{} needs a mode, which this system lacks", path.display())
}
