//! Data directories that cannot be used: the server says so in one line that names the file, ends, and changes nothing.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use support::Server;
use support::compiled::share_compiled;

fn serve(data: &Path) -> Command {
    share_compiled(data);
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data)
        .stderr(std::process::Stdio::piped());
    command
}

/// A start that fails. Returns its line.
#[track_caller]
fn refusal(data: &Path) -> String {
    let output = serve(data).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.len(), told.lines().count()),
        (Some(1), 0, 1),
        "{told}"
    );
    told
}

/// A data directory with a run's file, whose server has ended. Returns the address of the file and a token too.
fn filled() -> (tempfile::TempDir, String, String) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(serve(data.path()), None);
    let file = server.file_of_a_run("a");
    assert_eq!(server.ask("PUT", &file, b"kept").0, 200);
    server.stop();
    let token = server.token.clone();
    (data, file, token)
}

fn execute(database: &Path, sql: &str) {
    rusqlite::Connection::open(database)
        .unwrap()
        .execute_batch(sql)
        .unwrap();
}

#[test]
fn two_servers_on_one_directory_are_told_and_the_first_goes_on() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(serve(data.path()), None);
    let told = refusal(data.path());
    assert!(
        told.contains("another server holds") && told.contains("records.db.lock"),
        "{told}"
    );
    let file = server.file_of_a_run("a");
    assert_eq!(server.ask("PUT", &file, b"x").0, 200);
}

#[test]
fn a_damaged_database_is_told_with_the_remedy_and_left_alone() {
    let (data, file, token) = filled();
    for (name, remedy) in [
        ("records.db", "restore a backup"),
        ("forge.db", "restore a backup"),
        ("sessions.db", "remove it"),
    ] {
        let path = data.path().join(name);
        let sound = fs::read(&path).unwrap();
        let mut database = fs::File::options().write(true).open(&path).unwrap();
        database.seek(SeekFrom::Start(0)).unwrap();
        database.write_all(&[7; 4096]).unwrap();
        drop(database);
        let damaged = fs::read(&path).unwrap();
        let told = refusal(data.path());
        assert!(
            told.contains(&format!("{name} is damaged")) && told.contains(remedy),
            "{told}"
        );
        assert_eq!(fs::read(&path).unwrap(), damaged, "{name}");
        fs::write(&path, sound).unwrap();
    }
    let server = Server::start(serve(data.path()), Some(token));
    assert_eq!(server.ask("GET", &file, b""), (200, b"kept".to_vec()));
}

#[test]
fn data_of_a_newer_version_is_refused_and_left_alone() {
    let (data, file, token) = filled();
    let (records, forge) = (data.path().join("records.db"), data.path().join("forge.db"));
    execute(&records, "UPDATE meta SET value = 99 WHERE name = 'format'");
    let told = refusal(data.path());
    assert!(
        told.contains("has format 99") && told.contains("use a newer one"),
        "{told}"
    );
    execute(&records, "UPDATE meta SET value = 1 WHERE name = 'format'");
    let number: i64 = rusqlite::Connection::open(&forge)
        .unwrap()
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .unwrap();
    execute(&forge, "PRAGMA user_version = 99");
    let told = refusal(data.path());
    assert!(
        told.contains("it has schema 99") && told.contains("use a newer"),
        "{told}"
    );
    execute(&forge, &format!("PRAGMA user_version = {number}"));
    let server = Server::start(serve(data.path()), Some(token));
    assert_eq!(server.ask("GET", &file, b""), (200, b"kept".to_vec()));
}
