//! The compiled component for data directories of tests, so that servers and commands start quickly.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Puts the compiled component into a data directory, unless it has one. It is compiled once for all tests of a program.
pub(crate) fn share_compiled(data: &Path) {
    static COMPILED: OnceLock<tempfile::TempDir> = OnceLock::new();
    let compiled = COMPILED.get_or_init(|| {
        let compiled = tempfile::tempdir().unwrap();
        let mut compile = Command::new(env!("CARGO_BIN_EXE_mlforge"));
        compile.arg("compile").arg("--data").arg(compiled.path());
        assert!(compile.stdin(Stdio::null()).status().unwrap().success());
        compiled
    });
    if !data.join("cache").exists() {
        copy(&compiled.path().join("cache"), &data.join("cache"));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.unwrap(), to.to_owned());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}
