//! The soak tests: a program that starts the server, loads it, kills it and fills its disk, beside a small library in C that
//! makes a disk look full.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::layout::Layout;
use crate::s3;
use crate::step::{command, run, run_watched, step};
use crate::suite::{Tally, build_all};

/// Builds everything, and runs the program with these arguments.
pub(crate) fn run_tests(layout: &Layout, args: &[String], tally: &mut Tally) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("the soak tests need Linux: they read /proc and put a library before the system's");
    }
    build_all(layout)?;
    let dir = layout.target.join("soak");
    let shim = step("cc full_disk.c", || shim(layout, &dir))?;
    let server = layout.mlforge("debug");
    let program = server.with_file_name("mlforge-soak");
    step("mlforge-soak", || {
        let mut soak = command(program, &layout.root);
        soak.arg("--server").arg(&server).arg("--shim").arg(&shim);
        run_watched(soak.arg("--dir").arg(&dir).args(args), |line| tally.see(line))
    })
}

/// Runs the program's load on several hosts of one database, with these arguments. Without a store of files it changes records only.
pub(crate) fn run_hosts(layout: &Layout, args: &[String], files: Option<&s3::Server>, tally: &mut Tally) -> Result<()> {
    let server = layout.mlforge("debug");
    let program = server.with_file_name("mlforge-soak");
    let dir = layout.target.join("hosts");
    fs::create_dir_all(&dir)?;
    step("mlforge-soak --hosts", || {
        let mut soak = command(program, &layout.root);
        soak.arg("--server").arg(&server).arg("--dir").arg(&dir);
        if let Some(files) = files {
            files.tells(&mut soak).args(["--files", &s3::Server::bucket()]);
        }
        run_watched(soak.args(["--hosts", "3"]).args(args), |line| tally.see(line))
    })
}

/// The library, in a directory that has nothing else in it: what an earlier failure left is old now.
fn shim(layout: &Layout, dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        fs::remove_dir_all(dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    fs::create_dir_all(dir)?;
    let shim = dir.join("full_disk.so");
    let compiler = env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut compile = command(Path::new(&compiler), &layout.root);
    compile
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
        .arg(&shim);
    run(compile.arg(layout.root.join("tests/soak/full_disk.c")).arg("-ldl"))?;
    Ok(shim)
}
