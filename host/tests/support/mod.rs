//! The program as a user starts it.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod compiled;
pub(crate) mod content;
pub(crate) mod program;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use rustix::process::{Pid, Signal, kill_process};

/// A running server, as its two lines describe it. It is killed when dropped.
pub(crate) struct Server {
    child: Mutex<Child>,
    address: String,
    path: String,
    pub(crate) token: String,
}

impl Server {
    pub(crate) fn start(mut command: Command, token: Option<String>) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let uri = lines.next().unwrap().unwrap();
        let (_, rest) = uri.split_once("http://").unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let shown = lines.next().unwrap().unwrap();
        let shown = shown.strip_prefix("export MLFLOW_TRACKING_TOKEN=");
        Self {
            child: Mutex::new(child),
            address: address.to_owned(),
            path: format!("/{path}"),
            token: token.unwrap_or_else(|| shown.unwrap().to_owned()),
        }
    }

    /// Sends a request. Returns the status and the body of the answer, which HTTP/1.0 leaves in one piece.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        self.try_ask(method, path, body).unwrap()
    }

    /// Sends a request, as `ask` does. `None`: the server was killed meanwhile.
    pub(crate) fn try_ask(&self, method: &str, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        self.try_ask_at(method, &format!("{}{path}", self.path), body)
    }

    /// Sends a request for an experiment or run of another project, as `ask` does.
    pub(crate) fn ask_project(&self, project: u64, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let path = format!("/api/v4/projects/{project}/ml/mlflow/api/2.0/mlflow/{path}");
        self.try_ask_at(method, &path, body).unwrap()
    }

    fn try_ask_at(&self, method: &str, path: &str, body: &[u8]) -> Option<(u16, Vec<u8>)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let (address, token, length) = (&self.address, &self.token, body.len());
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|at| at == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        Some((head[9..12].parse().unwrap(), answer[end + 4..].to_vec()))
    }

    /// Kills the server at once, whatever it is doing.
    pub(crate) fn kill(&self) {
        let mut child = self.child.lock().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Tells the server to stop, and waits until it has. Its log is whole then.
    pub(crate) fn stop(&self) {
        let mut child = self.child.lock().unwrap();
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        child.wait().unwrap();
    }

    /// Creates a run. Returns the path of a file of it.
    pub(crate) fn file_of_a_run(&self, name: &str) -> String {
        let (status, body) = self.ask("POST", "/api/2.0/mlflow/runs/create", b"{\"experiment_id\": \"0\"}");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(status, 200, "{body}");
        let run = body["run"]["info"]["run_id"].as_str().unwrap();
        format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/model/{name}")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
