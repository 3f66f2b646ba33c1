//! Tests of the process `mlforge serve`: its output, and its limit of open files.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use support::compiled::share_compiled;

/// Number of requests whose log lines, of at least 100 bytes each, fill a pipe.
const REQUESTS_THAT_FILL_A_PIPE: usize = 1_000;

/// A data directory with the compiled component in it, so that servers start quickly.
fn data() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    share_compiled(data.path());
    data
}

fn mlforge(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mlforge"));
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::null());
    command
}

fn dev_full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A running server.
struct Server {
    child: Child,
    address: String,
    token: String,
}

impl Server {
    /// Starts a server whose log goes to `stderr`, and waits for its two lines.
    fn start(data: &Path, stderr: Stdio) -> Self {
        Self::run(mlforge(data, &["serve", "--listen", "127.0.0.1:0"]), stderr)
    }

    /// Starts a server after the shell has set limits.
    fn limited(data: &Path, limits: &str) -> Self {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            &format!("{limits} && exec \"$0\" \"$@\""),
            env!("CARGO_BIN_EXE_mlforge"),
        ]);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null());
        Self::run(command, Stdio::null())
    }

    fn run(mut command: Command, stderr: Stdio) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let uri = lines.next().unwrap().unwrap();
        let (_, rest) = uri.split_once("http://").unwrap();
        let token = lines.next().unwrap().unwrap();
        Self {
            child,
            address: rest.split_once('/').unwrap().0.to_owned(),
            token: token.strip_prefix("export MLFLOW_TRACKING_TOKEN=").unwrap().to_owned(),
        }
    }

    /// Sends a request. Returns the status of the answer; 0: there is none.
    fn ask(&self, method: &str, path: &str, body: &str) -> u16 {
        self.answer(method, path, body).0
    }

    /// Sends a request. Returns the status and the body of the answer.
    fn answer(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let (token, length) = (&self.token, body.len());
        let head = format!("{method} {path} HTTP/1.0\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}");
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        // A connection that breaks off has no answer.
        _ = stream.read_to_string(&mut answer);
        let status = answer.get(9..12).map_or(0, |status| status.parse().unwrap());
        (status, answer.split_once("\r\n\r\n").unwrap_or_default().1.to_owned())
    }

    fn answers_everything(&self) {
        const API: &str = "/api/v4/projects/1/ml/mlflow/api/2.0/mlflow";
        let search = format!("{API}/experiments/search?max_results=1");
        for number in 0..5 {
            assert_eq!(self.ask("GET", "/-/health", ""), 200);
            let name = format!("{{\"name\": \"experiment {number}\"}}");
            assert_eq!(self.ask("POST", &format!("{API}/experiments/create"), &name), 200);
            assert_eq!(self.ask("GET", &search, ""), 200);
            assert_eq!(self.ask("GET", &format!("{API}/runs/get?run_id=none"), ""), 404);
        }
    }

    /// Tells the server to stop, and waits until it has.
    fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // After `stop` the process has ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn a_log_without_a_reader_fails_no_request() {
    let data = data();
    let mut server = Server::start(data.path(), Stdio::piped());
    drop(server.child.stderr.take());
    server.answers_everything();
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_log_on_a_full_disk_fails_no_request() {
    let data = data();
    let server = Server::start(data.path(), dev_full());
    server.answers_everything();
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_log_that_is_not_read_delays_no_request() {
    let data = data();
    let server = Server::start(data.path(), Stdio::piped());
    for _ in 0..REQUESTS_THAT_FILL_A_PIPE {
        assert_eq!(server.ask("GET", "/-/health", ""), 200);
    }
    server.answers_everything();
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_server_runs_when_its_two_lines_cannot_be_written() {
    let data = data();
    let mut command = mlforge(data.path(), &["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdout(dev_full()).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let listening = log.find(|line| line.contains("address=")).unwrap();
    let (_, rest) = listening.split_once("address=").unwrap();
    let server = Server {
        child,
        address: rest.split_whitespace().next().unwrap().to_owned(),
        token: String::new(),
    };
    assert_eq!(server.ask("GET", "/-/health", ""), 200);
    assert!(log.any(|line| line.contains("cannot write to stdout")));
    assert_eq!(server.stop().code(), Some(0));
}

#[test]
fn a_purge_succeeds_when_its_report_cannot_be_written() {
    let data = data();
    let server = Server::start(data.path(), Stdio::null());
    let api = "/api/v4/projects/1/ml/mlflow/api/2.0/mlflow";
    for (path, body) in [
        ("experiments/create", "{\"name\": \"e\"}"),
        ("experiments/delete", "{\"experiment_id\": \"1\"}"),
    ] {
        assert_eq!(server.ask("POST", &format!("{api}/{path}"), body), 200);
    }
    server.stop();
    let purge = |stdout| {
        let mut command = mlforge(data.path(), &["purge", "--older-than", "0"]);
        command.stdout(stdout).stderr(dev_full()).output().unwrap()
    };
    assert_eq!(purge(dev_full()).status.code(), Some(0));
    assert_eq!(purge(Stdio::piped()).stdout, b"demo/demo\t0\n");
}

#[test]
fn a_failure_has_its_exit_code_when_stderr_is_full() {
    let data = data();
    for (arguments, code) in [(&["fly"][..], 2), (&["token", "create", "--user", "nobody"], 1)] {
        let status = mlforge(data.path(), arguments).stderr(dev_full()).status().unwrap();
        assert_eq!(status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn the_limit_of_open_files_is_raised() {
    let data = data();
    let server = Server::limited(data.path(), "ulimit -Sn 256");
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[3], words[4], "{line}");
}

#[test]
fn connections_leave_descriptors_for_files() {
    let data = data();
    let server = Server::limited(data.path(), "ulimit -n 160");
    let api = "/api/v4/projects/1/ml/mlflow/api/2.0";
    let (status, made) = server.answer(
        "POST",
        &format!("{api}/mlflow/runs/create"),
        "{\"experiment_id\": \"0\"}",
    );
    assert_eq!(status, 200, "{made}");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let run = made["run"]["info"]["run_id"].as_str().unwrap();
    let idle: Vec<TcpStream> = (0..400).map(|_| TcpStream::connect(&server.address).unwrap()).collect();
    for number in 0..20 {
        let file = format!("{api}/mlflow-artifacts/artifacts/0/{run}/artifacts/{number}");
        assert_eq!(server.ask("PUT", &file, "contents"), 200);
        assert_eq!(server.answer("GET", &file, ""), (200, "contents".to_owned()));
    }
    drop(idle);
    assert_eq!(server.stop().code(), Some(0));
}
