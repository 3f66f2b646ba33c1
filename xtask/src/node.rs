//! Node: the component that jco transpiled, behind a server of Node's own. npm brings a Node of the right version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::clients;
use crate::debian::{self, Package};
use crate::layout::Layout;
use crate::step::{cargo_for_tests, command, run_quietly, run_watched, step, succeeds, words};
use crate::suite::{Tally, build_all};

/// The package for a machine without npm.
const PACKAGES: [Package; 1] = [("npm", "/usr/bin/npm")];

/// Gets Node and jco, builds everything, and runs the tests with the newest of the MLflow clients. These run some of the
/// hermetic tests against the server, too.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    step("Node and jco", || install_missing(layout))?;
    let environment = clients::made_newest_environment(layout)?;
    build_all(layout)?;
    let component = written_component(layout)?;
    step("pytest with Node", || {
        let mut pytest = environment.pytest(&layout.root.join("tests/runtimes"));
        pytest
            .env("MLFORGE_COMPONENT", &component)
            .env("MLFORGE_HERMETIC_TESTS", words(&cargo_for_tests(&layout.root, "test")))
            .arg("test_node.py")
            .args(args);
        run_watched(&mut pytest, |line| tally.see(line))
    })
}

/// Installs the packages of the example's lock file, unless they are there.
pub(crate) fn install_missing(layout: &Layout) -> Result<()> {
    let example = example(&layout.root);
    let stamp = example.join("node_modules/.mlforge-lock");
    let lock = fs::read(example.join("package-lock.json")).context("cannot read the lock file of examples/node")?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if !succeeds(npm(&example).arg("--version")) {
        debian::install_missing(&layout.root, &PACKAGES, "the example with Node")?;
    }
    // Nothing of a package runs while it is installed: Node's own packages hold the binary itself.
    run_quietly(npm(&example).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, lock).with_context(|| format!("cannot write {}", stamp.display()))
}

fn example(root: &Path) -> PathBuf {
    root.join("examples/node")
}

fn npm(example: &Path) -> Command {
    command("npm", example)
}

/// Writes the component of the last build to a file.
fn written_component(layout: &Layout) -> Result<PathBuf> {
    let file = layout.target.join("node.wasm");
    let mut mlforge = command(layout.mlforge("debug"), &layout.root);
    run_quietly(mlforge.arg("component").arg("--output").arg(&file))?;
    Ok(file)
}
