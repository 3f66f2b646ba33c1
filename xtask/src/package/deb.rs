//! The Debian package: the files of the tree, the configuration, and the scripts of `packaging/debian`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::tree::{Tree, files_of, remove_all, set_mode};
use super::{Options, Stamp, VERSION, architecture};
use crate::layout::Layout;
use crate::step::{command, output_of, run_quietly};

/// The scripts that dpkg runs, and the question that one of them asks.
const CONTROL_FILES: [(&str, u32); 4] = [
    ("postinst", 0o755),
    ("prerm", 0o755),
    ("postrm", 0o755),
    ("templates", 0o644),
];
/// The needs of the package besides the libraries of the program: a user, a question at its purge, authorities of certificates.
const NEEDS: &str = "adduser, ca-certificates, debconf (>= 0.5) | debconf-2.0";
/// Bytes of a KiB.
const KIB: u64 = 1024;

/// Makes the package in `dir`, and returns its path.
pub(super) fn make(layout: &Layout, tree: &Tree, dir: &Path, options: &Options, stamp: &Stamp) -> Result<PathBuf> {
    let root = dir.join("deb");
    remove_all(&root)?;
    // Names of the same file: the program is not copied again.
    run_quietly(command("cp", dir).arg("-al").arg(&tree.usr).arg(root.join("usr")))?;
    let packaging = layout.root.join("packaging");
    let configuration = root.join("etc/mlforge");
    fs::create_dir_all(&configuration)?;
    fs::copy(packaging.join("mlforge.toml"), configuration.join("mlforge.toml"))?;
    set_mode(&configuration.join("mlforge.toml"), 0o644)?;
    fs::remove_file(root.join("usr/share/doc/mlforge/mlforge.toml"))?;
    let control = root.join("DEBIAN");
    fs::create_dir_all(&control)?;
    for (file, mode) in CONTROL_FILES {
        fs::copy(packaging.join("debian").join(file), control.join(file))?;
        set_mode(&control.join(file), mode)?;
    }
    fs::write(control.join("conffiles"), "/etc/mlforge/mlforge.toml\n")?;
    let files = Files::below(&root)?;
    fs::write(control.join("md5sums"), files.sums(&root)?)?;
    let architecture = architecture(dir)?;
    let version = version(options.revision);
    let libraries = libraries(&packaging, &root.join("usr/bin/mlforge"))?;
    let text = control_text(&version, &architecture, &libraries, files.bytes.div_ceil(KIB));
    fs::write(control.join("control"), text)?;
    let package = dir.join(format!("mlforge_{version}_{architecture}.deb"));
    let compression = if options.is_shipped() { "-Zxz" } else { "-Zgzip" };
    let level = if options.is_shipped() { "-z6" } else { "-z1" };
    let mut build = stamp.command("dpkg-deb", dir);
    build.args(["--root-owner-group", compression, level, "--build"]);
    run_quietly(build.arg(&root).arg(&package))?;
    Ok(package)
}

/// Debian's form of the version. A pre-release of `1.0.0` sorts before it.
fn version(revision: u32) -> String {
    format!("{}-{revision}", VERSION.replacen('-', "~", 1))
}

/// The packages of the libraries that a program is linked with, in the versions that it needs.
fn libraries(packaging: &Path, program: &Path) -> Result<String> {
    let mut find = command("dpkg-shlibdeps", packaging);
    let found = output_of(find.arg("-O").arg(format!("-e{}", program.display())));
    let found = found.context("dpkg-shlibdeps, of the package dpkg-dev, cannot tell the libraries of the program")?;
    let libraries = found.strip_prefix("shlibs:Depends=");
    Ok(libraries.context("dpkg-shlibdeps names no library")?.to_owned())
}

fn control_text(version: &str, architecture: &str, libraries: &str, installed_kib: u64) -> String {
    format!(
        "Package: mlforge
Version: {version}
Architecture: {architecture}
Maintainer: The mlforge authors <authors@mlforge.invalid>
Installed-Size: {installed_kib}
Depends: {libraries}, {NEEDS}
Section: science
Priority: optional
Description: MLflow tracking and model registry of a code forge
 A server for the clients of MLflow: experiments, runs, metrics, a registry of
 models, and their files, in projects with users and rights of their own or
 with those of GitLab, Gitea or Forgejo.
"
    )
}

/// The files of a package, by their paths from its root on.
struct Files {
    paths: Vec<PathBuf>,
    bytes: u64,
}

impl Files {
    fn below(root: &Path) -> Result<Self> {
        let mut found = Self {
            paths: Vec::new(),
            bytes: 0,
        };
        let mut folders = vec![root.join("etc"), root.join("usr")];
        while let Some(folder) = folders.pop() {
            for path in files_of(&folder)? {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.bytes += path.metadata()?.len();
                    found.paths.push(path.strip_prefix(root)?.to_owned());
                }
            }
        }
        found.paths.sort();
        Ok(found)
    }

    /// The sums by which dpkg sees whether an installed file is damaged.
    fn sums(&self, root: &Path) -> Result<String> {
        let sums = output_of(command("md5sum", root).args(&self.paths));
        Ok(format!("{}\n", sums.context("md5sum failed")?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_the_package_has_what_dpkg_needs() {
        let text = control_text("0.1.0-1", "amd64", "libc6 (>= 2.36)", 7);
        for line in [
            "Version: 0.1.0-1",
            "Architecture: amd64",
            "Installed-Size: 7",
            "Depends: libc6 (>= 2.36), adduser, ca-certificates, debconf (>= 0.5) | debconf-2.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
        assert!(text.lines().all(|line| !line.is_empty()) && text.ends_with('\n'));
    }
}
