//! Python environments: one for each set of requirements, made once and again when its requirements change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, anyhow, bail};

use crate::debian::Apt;
use crate::layout::Layout;
use crate::step::{command, output_of, run_quietly, step, succeeds};

/// Environments made at the same time.
const PARALLEL_MAX: usize = 2;

/// A virtual environment made from a file of requirements.
pub(crate) struct Environment {
    name: &'static str,
    requirements: PathBuf,
    dir: PathBuf,
    /// True if what the requirements themselves need is installed too.
    has_dependencies: bool,
}

impl Environment {
    /// The environment of this name, from these requirements; it may still have to be made.
    pub(crate) fn new(layout: &Layout, name: &'static str, requirements: PathBuf) -> Self {
        Self {
            name,
            requirements,
            dir: layout.target.join("clients").join(name),
            has_dependencies: true,
        }
    }

    /// This environment with nothing but the packages in the file.
    pub(crate) fn without_dependencies(mut self) -> Self {
        self.has_dependencies = false;
        self
    }

    /// The directory of its packages.
    pub(crate) fn packages(&self) -> PathBuf {
        self.dir.join("lib/python3.11/site-packages")
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.dir.join("bin/python")
    }

    /// `python -m pytest` in a directory of tests.
    pub(crate) fn pytest(&self, tests: &Path) -> Command {
        let mut pytest = command(self.python(), tests);
        // Imported modules are compiled then, and the result is kept: see `make`.
        pytest.env_remove("PYTHONDONTWRITEBYTECODE").args(["-m", "pytest"]);
        pytest
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
        // Packages are compiled when they are imported, which most of their modules never are.
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--disable-pip-version-check",
            "--requirement",
        ];
        let mut install = command(self.python(), root);
        install.args(pip).arg(&self.requirements);
        if !self.has_dependencies {
            install.arg("--no-deps");
        }
        run_quietly(&mut install)?;
        fs::copy(&self.requirements, self.stamp())?;
        Ok(())
    }
}

/// Makes those environments that are not there, or not from their present requirements.
pub(crate) fn make_missing(layout: &Layout, environments: &[Environment]) -> Result<()> {
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
                        step(&format!("environment {}", environment.name), || {
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
