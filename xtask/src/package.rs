//! `cargo xtask package`: a Debian package and an archive of one build, in `target/package`.
//!
//! One commit always gives the same bytes: times are those of the commit, and owners are root. `dpkg-deb` makes the package. It is on
//! every Debian, whereas cargo-deb would have to be compiled first, which takes minutes.

mod archive;
mod deb;
mod tree;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::tree::Tree;
use crate::layout::Layout;
use crate::step::{cargo, command, output_of, run, step};
use crate::suite::build_all;
use crate::wasm;

/// The profiles of which packages are made.
const PROFILES: [&str; 3] = ["dist", "release", "dev"];
/// mlforge's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Options of `cargo xtask package`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// The cargo profile of the program.
    pub(crate) profile: String,
    /// Debian's number for packages of one version, from 1 on. The greater one is the newer package.
    pub(crate) revision: u32,
}

/// The files that were made.
pub(crate) struct Packages {
    pub(crate) deb: PathBuf,
    pub(crate) archive: PathBuf,
}

impl Options {
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self {
            profile: "dist".to_owned(),
            revision: 1,
        };
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let value = args.next().with_context(|| format!("{arg} needs a value"))?;
            match arg.as_str() {
                "--profile" if PROFILES.contains(&value.as_str()) => options.profile.clone_from(value),
                "--profile" => bail!("--profile {value}: one of {}", PROFILES.join(", ")),
                "--revision" => options.revision = value.parse().context("--revision needs a number")?,
                _ => bail!("unknown option {arg}"),
            }
        }
        Ok(options)
    }

    /// Time is spent on compression only where somebody downloads the result.
    fn is_shipped(&self) -> bool {
        self.profile != "dev"
    }
}

/// Builds mlforge, makes the packages, and prints their paths.
pub(crate) fn run_package(options: &Options) -> Result<()> {
    let layout = Layout::find()?;
    step("wasm target", || wasm::ensure(&layout.root))?;
    if options.profile == "dev" {
        build_all(&layout)?;
    } else {
        step(&format!("cargo build --profile {}", options.profile), || {
            run(cargo(&layout.root).args(["build", "--profile", &options.profile, "--package", "mlforge"]))
        })?;
    }
    let made = make(&layout, options)?;
    println!("{}\n{}", made.deb.display(), made.archive.display());
    Ok(())
}

/// Makes the packages of a build that is there.
pub(crate) fn make(layout: &Layout, options: &Options) -> Result<Packages> {
    let profile_dir = if options.profile == "dev" {
        "debug"
    } else {
        &options.profile
    };
    let dir = layout.target.join("package");
    let stamp = Stamp::of(&layout.root);
    let tree = step("files of the package", || {
        Tree::make(layout, &dir.join("tree"), &layout.mlforge(profile_dir), &stamp)
    })?;
    Ok(Packages {
        deb: step("Debian package", || deb::make(layout, &tree, &dir, options, &stamp))?,
        archive: step("archive", || archive::make(&tree, &dir, options, &stamp))?,
    })
}

/// The time that all files get.
struct Stamp(String);

impl Stamp {
    /// `SOURCE_DATE_EPOCH`, else the time of the commit, else the beginning of 1970.
    fn of(root: &Path) -> Self {
        let of_commit = || output_of(command("git", root).args(["log", "-1", "--format=%ct"]));
        let stamp = env::var("SOURCE_DATE_EPOCH").ok().or_else(of_commit);
        Self(stamp.unwrap_or_else(|| "0".to_owned()))
    }

    /// A command that stamps with this time.
    fn command(&self, program: &str, dir: &Path) -> Command {
        let mut stamped = command(program, dir);
        stamped.env("SOURCE_DATE_EPOCH", &self.0);
        stamped
    }
}

/// Debian's word for this machine, for example `amd64`.
fn architecture(dir: &Path) -> Result<String> {
    output_of(command("dpkg", dir).arg("--print-architecture"))
        .context("there is no dpkg here: packages are made on Debian")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_of_the_shipped_profile_unless_another_one_is_named() {
        let parse = |text: &str| {
            let args: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            Options::parse(&args)
                .ok()
                .map(|options| (options.profile, options.revision))
        };
        assert_eq!(parse(""), Some(("dist".to_owned(), 1)));
        assert_eq!(parse("--profile dev --revision 2"), Some(("dev".to_owned(), 2)));
        for wrong in ["--profile fast", "--profile", "--revision x", "--fast 1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
