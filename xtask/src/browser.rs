//! The tests of the pages in a real browser: Debian's Chromium, which a Python package drives, and data of a real MLflow client.
//! MLflow's own pages are those of two installed versions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::clients;
use crate::debian::{self, Package};
use crate::environment::{Environment, make_missing};
use crate::layout::Layout;
use crate::step::{run_watched, step};
use crate::suite::{Tally, build_all};

/// Debian's packages. Without the font the pictures show Korean texts as empty boxes.
const PACKAGES: [Package; 2] = [
    ("chromium", "/usr/bin/chromium"),
    ("fonts-nanum", "/usr/share/fonts/truetype/nanum/NanumGothic.ttf"),
];

/// The environment with the package that drives the browser, and one for each version of MLflow's own pages, without what
/// MLflow itself needs. Some may still have to be made.
pub(crate) fn environments(layout: &Layout) -> [Environment; 1 + UIS.len()] {
    let of = |name, requirements: &str| Environment::new(layout, name, tests(layout).join(requirements));
    let [(older, _, older_file), (newer, _, newer_file)] = UIS;
    [
        of("browser", "requirements.txt"),
        of(older, older_file).without_dependencies(),
        of(newer, newer_file).without_dependencies(),
    ]
}

/// The versions of MLflow's own pages: the name of the environment, the variable with the directory, and the requirements.
const UIS: [(&str, &str, &str); 2] = [
    ("ui-2.22", "MLFORGE_MLFLOW_UI_2", "requirements-ui-2.22.txt"),
    ("ui-3", "MLFORGE_MLFLOW_UI_3", "requirements-ui-3.txt"),
];

/// The directory of MLflow's own pages among the packages of an environment.
const UI_BUILD: &str = "mlflow/server/js/build";

/// Installs what is missing of Debian's packages.
pub(crate) fn install_missing(dir: &Path) -> Result<()> {
    debian::install_missing(dir, &PACKAGES, "the tests in a browser")
}

/// Installs Chromium, builds everything, and drives the pages. Pictures of them are in `target/browser` afterwards.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    install_missing(&layout.root)?;
    let client = clients::newest_environment(layout);
    let environments = environments(layout);
    step("Python environments", || {
        make_missing(layout, std::slice::from_ref(&client))?;
        make_missing(layout, &environments)
    })?;
    build_all(layout)?;
    let pictures = fresh_pictures(layout)?;
    let [browser, uis @ ..] = &environments;
    step("pytest in a browser", || {
        let mut pytest = browser.pytest(&tests(layout));
        pytest
            .env("MLFORGE_BIN", layout.mlforge("debug"))
            .env("MLFORGE_CLIENT_PYTHON", client.python())
            .env("MLFORGE_PICTURES", &pictures)
            .args(args);
        for (ui, (_, variable, _)) in uis.iter().zip(UIS) {
            pytest.env(variable, ui.packages().join(UI_BUILD));
        }
        run_watched(&mut pytest, |line| tally.see(line))
    })?;
    eprintln!("    pictures of the pages: {}", pictures.display());
    Ok(())
}

/// The folder for pictures, without those of an earlier run.
fn fresh_pictures(layout: &Layout) -> Result<PathBuf> {
    let pictures = layout.target.join("browser");
    if pictures.exists() {
        fs::remove_dir_all(&pictures).with_context(|| format!("cannot remove {}", pictures.display()))?;
    }
    fs::create_dir_all(&pictures)?;
    Ok(pictures)
}

fn tests(layout: &Layout) -> PathBuf {
    layout.root.join("tests/browser")
}
