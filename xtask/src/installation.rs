//! The tests of the Debian package: it is installed on this machine, runs, is upgraded, removed and purged.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::clients;
use crate::debian::{self, Package};
use crate::layout::Layout;
use crate::package::{self, Options};
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

/// Debian's packages: those that the package itself needs, and the judge of its unit.
const PACKAGES: [Package; 5] = [
    ("adduser", "/usr/sbin/adduser"),
    ("ca-certificates", "/usr/sbin/update-ca-certificates"),
    ("debconf", "/usr/share/debconf/confmodule"),
    ("dpkg-dev", "/usr/bin/dpkg-shlibdeps"),
    ("systemd", "/usr/bin/systemd-analyze"),
];

/// Makes two packages of the debug build, and runs the tests with the newest of the MLflow clients.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    install_missing(&layout.root)?;
    let environment = clients::made_newest_environment(layout)?;
    build_all(layout)?;
    let of_revision = |revision| {
        let profile = "dev".to_owned();
        package::make(layout, &Options { profile, revision })
    };
    let (former, newer) = (of_revision(1)?, of_revision(2)?);
    step("pytest of the package", || {
        let mut pytest = environment.pytest(&tests(layout));
        pytest
            .env("MLFORGE_PACKAGE_FORMER", former.deb)
            .env("MLFORGE_PACKAGE_NEWER", newer.deb)
            .env("MLFORGE_ARCHIVE", newer.archive)
            .args(args);
        run_watched(&mut pytest, |line| tally.see(line))
    })
}

/// Installs what is missing of Debian's packages.
pub(crate) fn install_missing(dir: &Path) -> Result<()> {
    debian::install_missing(dir, &PACKAGES, "the tests of the package")
}

fn tests(layout: &Layout) -> PathBuf {
    layout.root.join("tests/package")
}
