//! The tests beside forges: nginx, Caddy and a Redmine, all from Debian's packages, in front of and beside a running mlforge.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::clients;
use crate::debian::{self, Package};
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

/// Debian's packages.
const PACKAGES: [Package; 6] = [
    ("caddy", "/usr/bin/caddy"),
    ("nginx", "/usr/sbin/nginx"),
    ("openssl", "/usr/bin/openssl"),
    ("puma", "/usr/bin/puma"),
    ("redmine", "/usr/share/redmine/config.ru"),
    ("redmine-sqlite", "/var/lib/dpkg/info/redmine-sqlite.list"),
];

/// Installs the packages, builds everything, and runs the tests with the newest of the MLflow clients.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    install_missing(&layout.root)?;
    let environment = clients::made_newest_environment(layout)?;
    build_all(layout)?;
    step("pytest beside forges", || {
        let server = layout.mlforge("debug");
        let mut pytest = environment.pytest(&tests(layout));
        pytest
            .env("MLFORGE_REDMINE_BIN", server.with_file_name("mlforge-example-redmine"))
            .env("MLFORGE_BIN", server)
            .args(args);
        run_watched(&mut pytest, |line| tally.see(line))
    })
}

/// Installs what is missing of Debian's packages.
pub(crate) fn install_missing(dir: &Path) -> Result<()> {
    debian::install_missing(dir, &PACKAGES, "the tests beside forges")
}

fn tests(layout: &Layout) -> PathBuf {
    layout.root.join("tests/forges")
}
