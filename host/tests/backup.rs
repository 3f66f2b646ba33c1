//! Tests of the commands that look after a data directory: backup and restore under load, check, inspect and status.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use support::Server;
use support::program::{done, mlforge, serve};

/// Runs a command that must fail. Returns its line of error.
#[track_caller]
fn fails(mut command: Command) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!((status.code(), stderr.lines().count()), (Some(1), 1), "{stderr}");
    stderr
}

/// Makes a backup, and returns its directory.
#[track_caller]
fn backup(data: &Path, to: &Path) -> PathBuf {
    let line = done(mlforge(data, &["backup", to.to_str().unwrap()]));
    line.split('\t').next().unwrap().into()
}

/// Makes a run with a param and a file. Returns the run and the address of the file.
fn run_with_file(server: &Server, number: usize) -> (String, String) {
    let file = server.file_of_a_run("f");
    let run = file.split('/').nth_back(3).unwrap().to_owned();
    let param = format!("{{\"run_id\": \"{run}\", \"key\": \"n\", \"value\": \"{number}\"}}");
    assert_eq!(server.ask("PUT", &file, number.to_string().as_bytes()).0, 200);
    assert_eq!(
        server
            .ask("POST", "/api/2.0/mlflow/runs/log-parameter", param.as_bytes())
            .0,
        200
    );
    (run, file)
}

#[test]
fn a_backup_under_load_has_everything_that_was_acknowledged_before() {
    let place = tempfile::tempdir().unwrap();
    let (data, backups) = (place.path().join("data"), place.path().join("backups"));
    let server = Server::start(serve(&data), None);
    let token = server.token.clone();
    let (made, is_over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let (before, copied) = thread::scope(|scope| {
        let worker = || {
            while !is_over.load(Ordering::SeqCst) {
                let number = made.lock().unwrap().len();
                let run = run_with_file(&server, number);
                made.lock().unwrap().push((number, run));
            }
        };
        let workers = [scope.spawn(worker), scope.spawn(worker)];
        while made.lock().unwrap().len() < 20 {
            thread::yield_now();
        }
        let before = made.lock().unwrap().len();
        let copied = backup(&data, &backups);
        is_over.store(true, Ordering::SeqCst);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        (before, copied)
    });
    server.stop();
    drop(server);
    let restored = place.path().join("restored");
    done(mlforge(&restored, &["restore", copied.to_str().unwrap()]));
    let sound = done(mlforge(&restored, &["check"]));
    assert!(sound.contains(" files, no problem"), "{sound}");
    let server = Server::start(serve(&restored), Some(token));
    let made = made.into_inner().unwrap();
    for (number, (run, file)) in &made[..before] {
        let (status, body) = server.ask("GET", &format!("/api/2.0/mlflow/runs/get?run_id={run}"), b"");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["run"]["data"]["params"][0]["value"], number.to_string());
        assert_eq!(server.ask("GET", file, b""), (200, number.to_string().into_bytes()));
    }
    // A param that came later brings along the file that was stored before it.
    for (_, (run, file)) in &made[before..] {
        let (_, body) = server.ask("GET", &format!("/api/2.0/mlflow/runs/get?run_id={run}"), b"");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let has_param = !body["run"]["data"]["params"][0].is_null();
        assert!(!has_param || server.ask("GET", file, b"").0 == 200, "{run}");
    }
    assert_eq!(
        run_with_file(&server, 0).0.len(),
        32,
        "the restored server takes changes"
    );
}

#[test]
fn a_second_backup_copies_only_what_changed() {
    use std::os::unix::fs::MetadataExt as _;
    let place = tempfile::tempdir().unwrap();
    let (data, backups) = (place.path().join("data"), place.path().join("backups"));
    let server = Server::start(serve(&data), None);
    run_with_file(&server, 1);
    let first = backup(&data, &backups);
    let (_, file) = run_with_file(&server, 2);
    // Two backups of one second have one name.
    let second = loop {
        let mut command = mlforge(&data, &["backup", backups.to_str().unwrap()]);
        let Output { status, stdout, .. } = command.output().unwrap();
        if status.success() {
            break PathBuf::from(String::from_utf8(stdout).unwrap().split('\t').next().unwrap());
        }
    };
    let files = |backup: &Path| {
        let mut found = Vec::new();
        let mut directories = vec![backup.join("blobs")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => directories.push(path),
                    false => found.push(fs::metadata(path).unwrap().ino()),
                }
            }
        }
        found
    };
    let (first, second) = (files(&first), files(&second));
    assert_eq!((first.len(), second.len()), (1, 2));
    assert!(second.contains(&first[0]));
    assert_eq!(server.ask("GET", &file, b""), (200, b"2".to_vec()));
}

#[test]
fn only_a_whole_backup_is_restored_and_only_into_a_new_directory() {
    let place = tempfile::tempdir().unwrap();
    let (data, backups) = (place.path().join("data"), place.path().join("backups"));
    let server = Server::start(serve(&data), None);
    run_with_file(&server, 1);
    let copied = backup(&data, &backups);
    let restore = |to: &str| mlforge(&place.path().join(to), &["restore", copied.to_str().unwrap()]);
    fs::create_dir(place.path().join("full")).unwrap();
    fs::write(place.path().join("full/x"), "").unwrap();
    assert!(fails(restore("full")).contains("is not empty"));
    let manifest = copied.join("backup.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert!(fails(restore("newer")).contains("use a newer one"));
    fs::remove_file(&manifest).unwrap();
    assert!(fails(restore("none")).contains("is no backup of mlforge"));
    assert!(!place.path().join("newer").exists() && !place.path().join("none").exists());
    assert!(
        fails(mlforge(
            &place.path().join("absent"),
            &["backup", backups.to_str().unwrap()]
        ))
        .contains("no data directory")
    );
}

#[test]
fn a_running_server_is_inspected_checked_and_asked_how_it_is() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    assert!(fails(mlforge(&data, &["status"])).contains("no server answers"));
    assert!(fails(mlforge(&data, &["check"])).contains("there is no database"));
    assert!(!data.exists());
    let server = Server::start(serve(&data), None);
    let (run, _) = run_with_file(&server, 7);
    let trace = r#"{"trace": {"trace_info": {"trace_id": "tr-1", "state": "OK", "request_time": "2026-11-28T16:17:21Z",
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}, "tags": {"team": "vision"}}}}"#;
    assert_eq!(server.ask("POST", "/api/3.0/mlflow/traces", trace.as_bytes()).0, 200);
    let lines = done(mlforge(&data, &["inspect", "1", "--prefix", "t"]));
    assert!(lines.starts_with("Trace trace=\"tr-1\" → Trace {"), "{lines}");
    let lines = done(mlforge(&data, &["inspect", "1", "--prefix", &format!("r:{run}")]));
    assert!(
        lines.contains(&format!("RunParam run={run} param=\"n\" → \"7\"\n")),
        "{lines}"
    );
    let all = done(mlforge(&data, &["inspect", "1"]));
    assert!(all.contains("ExperimentName name=\"Default\" → 0\n"), "{all}");
    assert!(done(mlforge(&data, &["check"])).contains("no problem"));
    let status = done(mlforge(&data, &["status"]));
    assert!(
        status.starts_with("ready\n") && status.contains("POST /api/2.0/mlflow/runs/create"),
        "{status}"
    );
    assert!(fails(mlforge(&data, &["check", "--repair"])).contains("another server holds"));
    server.stop();
    assert!(fails(mlforge(&data, &["status"])).contains("no server answers"));
}

#[test]
fn what_others_determine_is_repaired() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(serve(&data), None);
    let token = server.token.clone();
    let name = b"{\"name\": \"cats\"}";
    assert_eq!(server.ask("POST", "/api/2.0/mlflow/experiments/create", name).0, 200);
    server.stop();
    let change = |sql: &str| {
        let database = rusqlite::Connection::open(data.join("records.db")).unwrap();
        assert!(database.execute(sql, []).unwrap() > 0, "{sql}");
    };
    change("DELETE FROM records WHERE project = 1 AND key = CAST('ncats' AS BLOB)");
    let check = |arguments: &[&str]| mlforge(&data, arguments).output().unwrap();
    let told = check(&["check"]);
    assert_eq!(
        String::from_utf8_lossy(&told.stdout),
        "project 1: the name of experiment 1 is missing\n"
    );
    assert!(String::from_utf8_lossy(&told.stderr).contains("1 problems; --repair puts 1 right"));
    assert!(String::from_utf8_lossy(&check(&["check", "--repair"]).stderr).contains("1 repaired"));
    assert!(done(mlforge(&data, &["check"])).contains("no problem"));
    let server = Server::start(serve(&data), Some(token));
    let found = "/api/2.0/mlflow/experiments/get-by-name?experiment_name=cats";
    assert_eq!(server.ask("GET", found, b"").0, 200);
}

#[test]
fn files_that_belong_to_nothing_are_told_and_those_of_uploads_are_removed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(serve(&data), None);
    run_with_file(&server, 7);
    server.stop();
    let sound = done(mlforge(&data, &["check"]));
    assert!(sound.contains(" and 1 files, no problem"), "{sound}");
    let project = data.join("blobs/projects/1");
    let (id, digest) = ("0".repeat(32), "a".repeat(64));
    let artifact = project.join(format!("na/n0/n{id}/nartifacts/nx"));
    let part = project.join(format!("np/n{id}/n00001-{digest}"));
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    for file in [&artifact, &part] {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        File::create(file).unwrap().set_modified(long_ago).unwrap();
    }
    let told = |arguments: &[&str]| {
        let Output { stdout, stderr, .. } = mlforge(&data, arguments).output().unwrap();
        String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap()
    };
    let found = told(&["check"]);
    assert!(found.contains("2 problems; --repair puts 1 right"), "{found}");
    for file in [&artifact, &part] {
        assert!(found.contains(file.to_str().unwrap()), "{found}");
    }
    let repaired = told(&["check", "--repair"]);
    assert!(repaired.contains("2 problems, 1 repaired"), "{repaired}");
    assert!(artifact.exists() && !part.exists());
    // A file that was stored a moment ago may belong to a record that this moment lacks.
    File::open(&artifact)
        .unwrap()
        .set_modified(std::time::SystemTime::now())
        .unwrap();
    assert!(done(mlforge(&data, &["check"])).contains("no problem"));
}

#[test]
fn files_with_other_bytes_than_were_received_are_told() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let server = Server::start(serve(&data), None);
    let (run, _) = run_with_file(&server, 123);
    server.stop();
    let sound = done(mlforge(&data, &["check"]));
    assert!(sound.contains(" and 1 files, no problem"), "{sound}");
    let file = data.join(format!("blobs/projects/1/na/n0/n{run}/nartifacts/nmodel/nf"));
    let told = |arguments: &[&str]| {
        let Output { stdout, stderr, .. } = mlforge(&data, arguments).output().unwrap();
        String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap()
    };
    // The bytes change in place, as on a damaged disk: the checksum stays.
    fs::write(&file, "124").unwrap();
    let found = told(&["check"]);
    assert!(found.contains("has other bytes than were received"), "{found}");
    assert!(found.contains(file.to_str().unwrap()), "{found}");
    assert!(told(&["check", "--sizes-only"]).contains("no problem"));
    fs::write(&file, "12").unwrap();
    for arguments in [&["check"][..], &["check", "--sizes-only"]] {
        let found = told(arguments);
        assert!(found.contains("has 2 bytes, and 3 were received"), "{found}");
    }
    // A file that another program copied has no checksum until a repair records one.
    fs::remove_file(&file).unwrap();
    fs::write(&file, "123").unwrap();
    let found = told(&["check"]);
    assert!(
        found.contains("1 files (1 without a digest; --repair records it), no problem"),
        "{found}"
    );
    assert!(told(&["check", "--repair"]).contains("1 files, no problem"));
    fs::write(&file, "124").unwrap();
    assert!(told(&["check"]).contains("has other bytes than were received"));
}

#[test]
fn a_log_in_json_has_one_object_a_line_with_the_request() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let mut command = serve(&data);
    command.args(["--log-format", "json"]);
    let server = Server::start(command, None);
    assert_eq!(
        server
            .ask("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0", b"")
            .0,
        200
    );
    server.stop();
    let log = fs::read_to_string(data.with_extension("log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let request = lines.iter().find(|line| line["target"] == "mlforge::request").unwrap();
    assert_eq!(
        (&request["method"], &request["status"], &request["project"]),
        (&"GET".into(), &200.into(), &1.into())
    );
    assert!(
        request["request"].as_str().is_some_and(|id| !id.is_empty()) && request["timestamp"].is_string(),
        "{request}"
    );
}
