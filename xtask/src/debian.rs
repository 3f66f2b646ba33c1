//! Packages of Debian, on a machine with apt-get whose user may install them.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::step::{command, output_of, run_on_stderr, step, succeeds};

/// A package, with a file that tells whether it is installed. Small images leave out documentation.
pub(crate) type Package = (&'static str, &'static str);

/// Installs those packages that are not there. Fails when some are still missing then.
pub(crate) fn install_missing(dir: &Path, packages: &[Package], needed_by: &str) -> Result<()> {
    let before = missing(packages);
    if before.is_empty() {
        return Ok(());
    }
    step(&format!("apt-get install {}", before.join(" ")), || {
        Apt::ready(dir)
            .and_then(|apt| apt.install(&before))
            .with_context(|| format!("{needed_by} need these packages of Debian"))
    })?;
    match missing(packages).as_slice() {
        [] => Ok(()),
        names => bail!("apt-get brought nothing usable of: {}", names.join(" ")),
    }
}

fn missing(packages: &[Package]) -> Vec<&'static str> {
    let absent = |(_, file): &&Package| !Path::new(file).exists();
    packages.iter().filter(absent).map(|(name, _)| *name).collect()
}

/// A machine where packages can be installed: this user is root, or sudo asks no password.
pub(crate) struct Apt<'a> {
    dir: &'a Path,
    sudo: &'static [&'static str],
}

impl<'a> Apt<'a> {
    /// Brings the lists of packages up to date, or says why this user cannot install any.
    pub(crate) fn ready(dir: &'a Path) -> Result<Self> {
        if !succeeds(command("apt-get", dir).arg("--version")) {
            bail!("there is no apt-get here");
        }
        let sudo: &[&str] = if output_of(command("id", dir).arg("-u")).is_some_and(|id| id == "0") {
            &[]
        } else if succeeds(command("sudo", dir).args(["-n", "true"])) {
            &["sudo", "-n"]
        } else {
            bail!("apt-get needs root, and sudo is missing or asks for a password");
        };
        let apt = Self { dir, sudo };
        apt.get(&["update", "-qq"])?;
        Ok(apt)
    }

    /// Installs packages; those that are there already stay as they are.
    pub(crate) fn install(&self, packages: &[&str]) -> Result<()> {
        self.get(&[&["install", "-qq", "--yes", "--no-install-recommends"], packages].concat())
    }

    /// The package `<name>-<number>` with the highest number, or plain `<name>` when there is none.
    pub(crate) fn newest(&self, name: &str) -> String {
        let pattern = format!("^{name}-[0-9]+$");
        let found = output_of(command("apt-cache", self.dir).args(["search", "--names-only", &pattern]));
        let numbers = found.iter().flat_map(|lines| lines.lines()).filter_map(|line| {
            line.split(' ')
                .next()?
                .strip_prefix(name)?
                .strip_prefix('-')?
                .parse::<u32>()
                .ok()
        });
        numbers
            .max()
            .map_or_else(|| name.to_owned(), |number| format!("{name}-{number}"))
    }

    fn get(&self, args: &[&str]) -> Result<()> {
        let quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let all = [self.sudo, &quiet, args].concat();
        let Some((program, args)) = all.split_first() else {
            return Ok(());
        };
        run_on_stderr(command(program, self.dir).args(args))
    }
}
