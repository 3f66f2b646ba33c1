//! The client tests: one Python environment for each MLflow version, then pytest in each against a running mlforge.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::debian::Apt;
use crate::layout::Layout;
use crate::step::{cargo, command, output_of, run, run_quietly, run_watched, step, succeeds};
use crate::suite::Tally;

/// The versions under test, by the name of their `tests/clients/requirements-<name>.txt`. The last one also runs
/// the tests that need no particular client (marker `once`).
const VERSIONS: [&str; 3] = ["2.7", "2.22", "3"];

/// Environments made at the same time.
const PARALLEL_MAX: usize = 2;

/// Makes the environments, builds the server, and runs the client tests in each environment.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    let tests = layout.root.join("tests/clients");
    let environments: Vec<Environment> = VERSIONS
        .iter()
        .map(|version| Environment::of(version, &tests, &layout.target))
        .collect();
    step("Python environments", || make_missing(layout, &environments))?;
    step("cargo build", || {
        // All targets, as in `cargo test`: the same features of dependencies, so nothing is compiled twice.
        run(cargo(&layout.root).args(["build", "--workspace", "--all-targets"]))
    })?;
    let passed_before = tally.passed;
    for (index, environment) in environments.iter().enumerate() {
        let last = index + 1 == environments.len();
        step(&format!("pytest with MLflow {}", environment.version), || {
            let mut pytest = command(environment.python(), &tests);
            pytest
                .env("MLFORGE_BIN", layout.mlforge("debug"))
                .args(["-m", "pytest"])
                .args(args);
            if !last && !args.iter().any(|arg| arg == "-m") {
                pytest.args(["-m", "not once"]);
            }
            run_watched(&mut pytest, |line| tally.see(line))
        })?;
    }
    // Arguments may choose tests that only some environments run, but they must choose some.
    if tally.passed == passed_before {
        bail!("no client test was run");
    }
    Ok(())
}

/// A virtual environment with one MLflow version.
struct Environment {
    version: &'static str,
    requirements: PathBuf,
    dir: PathBuf,
}

impl Environment {
    fn of(version: &'static str, tests: &Path, target: &Path) -> Self {
        Self {
            version,
            requirements: tests.join(format!("requirements-{version}.txt")),
            dir: target.join("clients").join(version),
        }
    }

    fn python(&self) -> PathBuf {
        self.dir.join("bin/python")
    }

    /// Written last, with the requirements that the environment was made from.
    fn stamp(&self) -> PathBuf {
        self.dir.join("requirements.stamp")
    }

    fn is_ready(&self) -> bool {
        let made_from = fs::read(self.stamp()).ok();
        made_from.is_some() && made_from == fs::read(&self.requirements).ok() && self.python().exists()
    }

    fn make(&self, python: &Path, root: &Path) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).with_context(|| format!("cannot remove {}", self.dir.display()))?;
        }
        run_quietly(command(python, root).args(["-m", "venv"]).arg(&self.dir))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ];
        run_quietly(command(self.python(), root).args(pip).arg(&self.requirements))?;
        fs::copy(&self.requirements, self.stamp())?;
        Ok(())
    }
}

fn make_missing(layout: &Layout, environments: &[Environment]) -> Result<()> {
    let missing: Vec<&Environment> = environments
        .iter()
        .filter(|environment| !environment.is_ready())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let python = find_python(&layout.root)?;
    for batch in missing.chunks(PARALLEL_MAX) {
        thread::scope(|scope| {
            let makers: Vec<_> = batch
                .iter()
                .map(|environment| {
                    let make = || {
                        step(&format!("environment {}", environment.version), || {
                            environment.make(&python, &layout.root)
                        })
                    };
                    scope.spawn(make)
                })
                .collect();
            makers
                .into_iter()
                .try_for_each(|maker| maker.join().map_err(|_| anyhow!("a thread panicked"))?)
        })?;
    }
    Ok(())
}

/// A Python 3.11 with `venv` and pip: Debian keeps these in a package of their own.
fn find_python(root: &Path) -> Result<PathBuf> {
    let first = |names: [&str; 3]| {
        names
            .into_iter()
            .map(PathBuf::from)
            .find(|python| can_make_environments(root, python))
    };
    let names = ["python3.11", "python3", "/usr/bin/python3"];
    if let Some(python) = first(names) {
        return Ok(python);
    }
    let debian = Apt::ready(root).and_then(|apt| apt.install(&["python3", "python3-venv"]));
    match (first(names), debian) {
        (Some(python), _) => Ok(python),
        (None, Err(error)) => {
            bail!("there is no Python 3.11 with the modules venv and ensurepip; install python3-venv ({error:#})")
        }
        (None, Ok(())) => bail!("there is no Python 3.11 with the modules venv and ensurepip"),
    }
}

fn can_make_environments(root: &Path, python: &Path) -> bool {
    let version = output_of(command(python, root).args(["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]));
    version.is_some_and(|version| version == "3.11")
        && succeeds(command(python, root).args(["-c", "import venv, ensurepip"]))
}
