//! Tests of `mlforge serve` on a data directory that is read-only, becomes so, or survives a kill.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc::channel;
use std::thread;

use support::Server;
use tempfile::TempDir;

/// User id of the server when the test runs as root, for whom nothing is read-only.
const NOBODY: u32 = 65_534;

/// The command `mlforge serve` on a data directory.
fn mlforge(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.stderr(File::create(data.with_extension("log")).unwrap());
    command
}

/// A directory for a data directory and the log beside it.
fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
    place
}

/// Runs the command as a user whom permissions bind.
fn as_a_user(mut command: Command) -> Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn is_root() -> bool {
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}

/// Calls `each` for every path in a directory, the deepest first, and then for the directory.
fn visit(directory: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => visit(&path, each),
            false => each(&path),
        }
    }
    each(directory);
}

fn set_writable(directory: &Path, is_writable: bool) {
    let mode = |path: &Path| match (path.is_dir(), is_writable) {
        (true, true) => 0o755,
        (true, false) => 0o555,
        (false, true) => 0o644,
        (false, false) => 0o444,
    };
    visit(directory, &mut |path| {
        fs::set_permissions(path, Permissions::from_mode(mode(path))).unwrap()
    });
}

/// Makes the server's user the owner of all files.
fn hand_over(directory: &Path) {
    if is_root() {
        visit(directory, &mut |path| chown(path, Some(NOBODY), Some(NOBODY)).unwrap());
    }
}

fn bytes_below(directory: &Path) -> u64 {
    let mut bytes = 0;
    visit(directory, &mut |path| {
        if path.is_file() {
            bytes += path.metadata().unwrap().len();
        }
    });
    bytes
}

#[test]
fn a_read_only_data_directory_is_reported_in_one_line_and_unchanged() {
    let place = place();
    let data = place.path().join("data");
    let server = Server::start(mlforge(&data), None);
    let file = server.file_of_a_run("a");
    assert_eq!(server.ask("PUT", &file, b"kept").0, 200);
    let token = server.token.clone();
    drop(server);
    set_writable(&data, false);
    let mut command = as_a_user(mlforge(&data));
    let log = place.path().join("data.log");
    let Output { status, stdout, .. } = command.output().unwrap();
    let told = fs::read_to_string(&log).unwrap();
    assert_eq!(
        (status.code(), stdout.len(), told.lines().count()),
        (Some(1), 0, 1),
        "{told}"
    );
    assert!(
        told.contains("cannot write to the data directory") && told.contains("data: "),
        "{told}"
    );
    set_writable(&data, true);
    let server = Server::start(mlforge(&data), Some(token));
    assert_eq!(server.ask("GET", &file, b""), (200, b"kept".to_vec()));
}

#[test]
fn a_read_only_directory_of_files_stops_only_uploads() {
    let place = place();
    let data = place.path().join("data");
    let token = Server::start(mlforge(&data), None).token.clone();
    hand_over(&data);
    let server = Server::start(as_a_user(mlforge(&data)), Some(token));
    let file = server.file_of_a_run("a");
    assert_eq!(server.ask("PUT", &file, b"kept").0, 200);
    let files = data.join("blobs");
    set_writable(&files, false);
    let (status, body) = server.ask("PUT", &file, b"refused");
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, body["error_code"].as_str()),
        (503, Some("TEMPORARILY_UNAVAILABLE")),
        "{body}"
    );
    assert_eq!(server.ask("GET", &file, b""), (200, b"kept".to_vec()));
    let run = b"{\"experiment_id\": \"0\"}";
    assert_eq!(server.ask("POST", "/api/2.0/mlflow/runs/create", run).0, 200);
    set_writable(&files, true);
    assert_eq!(server.ask("PUT", &file, b"new").0, 200);
    assert_eq!(server.ask("GET", &file, b""), (200, b"new".to_vec()));
    // Lines are written by another thread: all are there once the server has stopped.
    server.stop();
    let told = fs::read_to_string(place.path().join("data.log")).unwrap();
    assert!(told.contains("cannot make a file: Permission denied"), "{told}");
    // The id in the message leads to the lines of the request.
    let message = body["message"].as_str().unwrap();
    let id = message.rsplit_once("(request ").unwrap().1.trim_end_matches(')');
    let lines: Vec<&str> = told.lines().filter(|line| line.contains(id)).collect();
    assert!(
        lines.iter().any(|line| line.contains("Permission denied")),
        "{id}: {told}"
    );
    assert!(lines.iter().any(|line| line.contains("status=503")), "{id}: {told}");
}

#[test]
fn the_bound_of_a_project_is_exact_after_a_kill() {
    const BYTES_MAX: u64 = 5 << 20;
    let place = place();
    let data = place.path().join("data");
    let start = |token| {
        let mut command = mlforge(&data);
        command.args(["--max-project-size", "5"]);
        Server::start(command, token)
    };
    let server = start(None);
    let file = server.file_of_a_run("");
    let token = server.token.clone();
    let (put, seen) = channel();
    thread::scope(|scope| {
        for thread in 0..8_usize {
            let (put, file, server) = (put.clone(), &file, &server);
            scope.spawn(move || {
                for number in 0.. {
                    let contents = vec![1; 200_001 + thread * 10_007 + number];
                    let Some((status, _)) = server.try_ask("PUT", &format!("{file}{thread}-{}", number % 3), &contents)
                    else {
                        return;
                    };
                    // The receiver may have stopped counting.
                    _ = put.send(status);
                }
            });
        }
        // The server is killed in the middle of other uploads.
        assert_eq!(seen.iter().filter(|status| *status == 200).take(10).count(), 10);
        drop(seen);
        server.kill();
    });
    drop(server);
    let server = start(Some(token));
    let stored = bytes_below(&data.join("blobs/projects"));
    assert!((1..=BYTES_MAX).contains(&stored), "{stored}");
    let put = |name: &str, bytes: u64| {
        let contents = vec![2; usize::try_from(bytes).unwrap()];
        server.ask("PUT", &format!("{file}{name}"), &contents).0
    };
    let left = BYTES_MAX - stored;
    assert_eq!(put("more", left + 1), 413, "{left}");
    assert_eq!(put("rest", left), 200, "{left}");
    assert_eq!(put("one", 1), 413, "{left}");
}
