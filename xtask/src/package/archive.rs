//! The archive: what is below `/usr` in a package, in one folder.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::tree::Tree;
use super::{Options, Stamp, VERSION, architecture};
use crate::step::run_quietly;

/// Makes the archive in `dir`, and returns its path.
pub(super) fn make(tree: &Tree, dir: &Path, options: &Options, stamp: &Stamp) -> Result<PathBuf> {
    let name = format!("mlforge-{VERSION}-{}-linux", architecture(dir)?);
    let archive = dir.join(format!("{name}.tar.gz"));
    let level = if options.is_shipped() { "-9" } else { "-1" };
    let mut tar = stamp.command("tar", &tree.usr);
    tar.arg("--create").arg("--file").arg(&archive);
    tar.arg(format!("--use-compress-program=gzip -n {level}"));
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
    tar.arg(format!("--mtime=@{}", stamp.0));
    run_quietly(tar.arg(format!("--transform=s,^\\.,{name},")).arg("."))?;
    Ok(archive)
}
