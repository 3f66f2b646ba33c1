//! Packages of Debian, on a machine with apt-get whose user may install them.

use std::path::Path;

use anyhow::{Result, bail};

use crate::step::{command, output_of, run_on_stderr, succeeds};

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
