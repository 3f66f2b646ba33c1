//! Data directories that earlier releases wrote, as backups in `tests/fixtures/`: each later version restores them and answers as the
//! release did.
//!
//! `MLFORGE_WRITE_FIXTURE=1 cargo test --workspace --test fixtures` writes the one of this version anew. A fixture of a
//! release is never written again.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::Server;
use support::content::{answer, fill, post};
use support::program::{done, mlforge, serve};

/// The file of a token of the fixture's user.
const TOKEN: &str = "token";
/// The file of addresses with the answers of the release.
const ANSWERS: &str = "answers.json";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures")
}

#[test]
fn data_of_each_release_is_restored_and_answers_the_same() {
    if std::env::var_os("MLFORGE_WRITE_FIXTURE").is_some() {
        write(&fixtures().join(env!("CARGO_PKG_VERSION")));
    }
    let mut count = 0;
    for fixture in fs::read_dir(fixtures()).unwrap() {
        let fixture = fixture.unwrap().path();
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        done(mlforge(&data, &["restore", fixture.to_str().unwrap()]));
        assert!(done(mlforge(&data, &["check"])).contains("no problem"));
        let token = fs::read_to_string(fixture.join(TOKEN)).unwrap();
        let server = Server::start(serve(&data), Some(token.trim().to_owned()));
        let answers: Value = serde_json::from_slice(&fs::read(fixture.join(ANSWERS)).unwrap()).unwrap();
        for (path, expected) in answers.as_object().unwrap() {
            assert_eq!(answer(&server, path), *expected, "{} {path}", fixture.display());
        }
        post(&server, "runs/create", json!({ "experiment_id": "1" }));
        count += 1;
    }
    assert!(count > 0);
}

/// Writes the fixture of this version.
fn write(fixture: &Path) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(serve(&data), None);
    let paths = fill(&server);
    // Compaction begins once the runs rest for a while.
    while !done(mlforge(&data, &["inspect", "1", "--prefix", "z"])).contains("rows: 2") {
        std::thread::yield_now();
    }
    let answers: serde_json::Map<String, Value> = paths
        .into_iter()
        .map(|path| (path.clone(), answer(&server, &path)))
        .collect();
    let backups = place.path().join("backups");
    let line = done(mlforge(&data, &["backup", backups.to_str().unwrap()]));
    let made = line.split('\t').next().unwrap();
    _ = fs::remove_dir_all(fixture);
    fs::create_dir_all(fixture).unwrap();
    let copied = Command::new("cp")
        .arg("-r")
        .arg(format!("{made}/."))
        .arg(fixture)
        .status();
    assert!(copied.unwrap().success());
    fs::write(fixture.join(TOKEN), format!("{}\n", server.token)).unwrap();
    let answers = serde_json::to_string_pretty(&answers).unwrap();
    fs::write(fixture.join(ANSWERS), format!("{answers}\n")).unwrap();
}
