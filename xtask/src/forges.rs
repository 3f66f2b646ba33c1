//! The tests beside forges: nginx, Caddy and a Redmine, all from Debian's packages, in front of and beside a running mlforge.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::clients;
use crate::debian::Apt;
use crate::environment::make_missing;
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

/// Debian's packages, each with a file that tells whether it is installed. Small images leave out documentation.
const PACKAGES: [(&str, &str); 6] = [
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
    let environment = clients::newest_environment(layout);
    step("Python environment", || {
        make_missing(layout, std::slice::from_ref(&environment))
    })?;
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

/// Installs those packages that are not there. Fails when some are still missing then.
pub(crate) fn install_missing(dir: &Path) -> Result<()> {
    let before = missing();
    if before.is_empty() {
        return Ok(());
    }
    step(&format!("apt-get install {}", before.join(" ")), || {
        Apt::ready(dir)
            .and_then(|apt| apt.install(&before))
            .context("the tests beside forges need these packages of Debian")
    })?;
    match missing().as_slice() {
        [] => Ok(()),
        names => bail!("apt-get brought nothing usable of: {}", names.join(" ")),
    }
}

fn missing() -> Vec<&'static str> {
    let absent = |(_, file): &&(&str, &str)| !Path::new(file).exists();
    PACKAGES.iter().filter(absent).map(|(name, _)| *name).collect()
}

fn tests(layout: &Layout) -> PathBuf {
    layout.root.join("tests/forges")
}
