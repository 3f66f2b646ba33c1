//! Tests that need an S3-compatible server. `cargo xtask test` leaves this module out until it has started one.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::Server;

mod migration;

/// A location of a test's own in the bucket.
fn place(test: &str) -> String {
    let bucket = env::var("MLFORGE_TEST_S3").expect("MLFORGE_TEST_S3: cargo xtask test s3 sets it");
    format!("{bucket}/serve/{}-{test}", std::process::id())
}

/// The command `mlforge serve` with files in the bucket.
fn mlforge(data: &tempfile::TempDir, test: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(data.path());
    // The log is switched off, because some tests compare all output.
    command.env("MLFORGE_LOG", "off");
    command.arg("--files").arg(place(test));
    command
}

#[test]
fn s3_keeps_files_when_the_server_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let first = Server::start(mlforge(&data, "kept"), None);
    let file = first.file_of_a_run("weights.bin");
    let contents: Vec<u8> = (0..20_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    assert_eq!(first.ask("PUT", &file, &contents).0, 200);
    let token = first.token.clone();
    drop(first);
    assert!(!data.path().join("blobs").exists());
    let second = Server::start(mlforge(&data, "kept"), Some(token));
    let (status, read) = second.ask("GET", &file, b"");
    assert!(status == 200 && read == contents);
}

#[test]
fn an_unusable_s3_store_is_reported_in_one_line() {
    let data = tempfile::tempdir().unwrap();
    let told = |mut command: Command, says: &str| {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let line = String::from_utf8(stderr).unwrap();
        assert_eq!(
            (status.code(), stdout.len(), line.lines().count()),
            (Some(1), 0, 1),
            "{line}"
        );
        assert!(line.contains(says), "{line}");
    };
    let mut no_keys = mlforge(&data, "none");
    no_keys.env_remove("AWS_ACCESS_KEY_ID");
    told(no_keys, "AWS_ACCESS_KEY_ID");
    let mut half = mlforge(&data, "none");
    half.env_remove("AWS_SECRET_ACCESS_KEY");
    told(half, "AWS_SECRET_ACCESS_KEY is not");
    let mut elsewhere = mlforge(&data, "none");
    elsewhere.args(["--s3-region", "elsewhere"]).env("MLFORGE_LOG", "warn");
    told(elsewhere, "region");
}

/// A proxy that passes connections on to the store until it is cut.
struct Way {
    endpoint: String,
    is_cut: Arc<AtomicBool>,
}

impl Way {
    fn open() -> Self {
        let store = env::var("AWS_ENDPOINT_URL").unwrap();
        let store = store.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let is_cut = Arc::new(AtomicBool::new(false));
        let cut = Arc::clone(&is_cut);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&store).unwrap());
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to, cut) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&cut));
                    thread::spawn(move || pass_on(from, to, &cut));
                }
            }
        });
        Self { endpoint, is_cut }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, is_cut: &AtomicBool) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 || is_cut.load(Ordering::Relaxed) {
            _ = from.shutdown(Shutdown::Both);
            return to.shutdown(Shutdown::Both);
        }
        to.write_all(&buffer[..count])?;
    }
}

#[test]
fn a_failing_s3_store_answers_clients_with_503() {
    let data = tempfile::tempdir().unwrap();
    let way = Way::open();
    let mut command = mlforge(&data, "fails");
    command.args(["--s3-endpoint", &way.endpoint]);
    let server = Server::start(command, None);
    let file = server.file_of_a_run("weights.bin");
    assert_eq!(server.ask("PUT", &file, b"contents").0, 200);
    way.is_cut.store(true, Ordering::Relaxed);
    for method in ["GET", "PUT"] {
        let (status, body) = server.ask(method, &file, b"other");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (status, body["error_code"].as_str()),
            (503, Some("TEMPORARILY_UNAVAILABLE")),
            "{body}"
        );
    }
    way.is_cut.store(false, Ordering::Relaxed);
    assert_eq!(server.ask("GET", &file, b"").1, b"contents");
    // Names are records, so a deletion does not ask the store.
    way.is_cut.store(true, Ordering::Relaxed);
    assert_eq!(server.ask("DELETE", &file, b"").0, 200);
}

#[test]
fn s3_is_not_shared_by_two_data_directories() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    drop(Server::start(mlforge(&data, "shared"), None));
    let Output { status, stderr, .. } = mlforge(&other, "shared").output().unwrap();
    let line = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.contains("belong to the records of another server"), "{line}");
    drop(Server::start(mlforge(&data, "shared"), Some("mine".into())));
}

#[test]
fn files_in_a_store_are_compared_with_what_was_received() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(mlforge(&data, "checked"), None);
    let file = server.file_of_a_run("weights.bin");
    assert_eq!(server.ask("PUT", &file, b"contents").0, 200);
    let check = |options: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
        command.arg("check").arg("--data").arg(data.path());
        command.arg("--files").arg(place("checked")).args(options);
        let Output { stdout, stderr, .. } = command.env("MLFORGE_LOG", "off").output().unwrap();
        String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap()
    };
    assert!(
        check(&[]).contains("for a server that is not running"),
        "{}",
        check(&[])
    );
    server.stop();
    drop(server);
    let sound = check(&[]);
    assert!(sound.contains(" and 1 files, no problem"), "{sound}");
    // The form and the kind of an entry have a byte each, then come the size, the time, and whether there is a digest.
    let (size, digest) = (9, 19);
    change_entry(data.path(), digest);
    let found = check(&[]);
    assert!(
        found.contains("has other bytes in the store than were received"),
        "{found}"
    );
    assert!(check(&["--sizes-only"]).contains("no problem"));
    change_entry(data.path(), size);
    for options in [&[][..], &["--sizes-only"]] {
        let found = check(options);
        assert!(found.contains("is not whole in the store"), "{found}");
        assert!(
            found.contains("the sums of its files are 1 files and 8 bytes"),
            "{found}"
        );
    }
}

/// Changes a byte of what the index of project 1 says of its only file.
fn change_entry(data: &std::path::Path, place: usize) {
    let database = rusqlite::Connection::open(data.join("records.db")).unwrap();
    const ENTRY: &str =
        "SELECT key, value FROM records WHERE project = -2 AND hex(key) LIKE '66%' AND length(value) > 2";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let (key, mut value): (Vec<u8>, Vec<u8>) = database.query_row(ENTRY, [], read).unwrap();
    value[place] ^= 1;
    let change = "UPDATE records SET value = ?2 WHERE project = -2 AND key = ?1";
    assert_eq!(database.execute(change, rusqlite::params![key, value]).unwrap(), 1);
}
