//! The tests of the pages in a real browser: Debian's Chromium, which a Python package drives, and data of a real MLflow client.

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

/// The environment with the package that drives the browser; it may still have to be made.
pub(crate) fn environment(layout: &Layout) -> Environment {
    Environment::new(layout, "browser", tests(layout).join("requirements.txt"))
}

/// Installs what is missing of Debian's packages.
pub(crate) fn install_missing(dir: &Path) -> Result<()> {
    debian::install_missing(dir, &PACKAGES, "the tests in a browser")
}

/// Installs Chromium, builds everything, and drives the pages. Pictures of them are in `target/browser` afterwards.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    install_missing(&layout.root)?;
    let environments = [clients::newest_environment(layout), environment(layout)];
    step("Python environments", || make_missing(layout, &environments))?;
    build_all(layout)?;
    let pictures = fresh_pictures(layout)?;
    let [client, browser] = &environments;
    step("pytest in a browser", || {
        let mut pytest = browser.pytest(&tests(layout));
        pytest
            .env("MLFORGE_BIN", layout.mlforge("debug"))
            .env("MLFORGE_CLIENT_PYTHON", client.python())
            .env("MLFORGE_PICTURES", &pictures)
            .args(args);
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
