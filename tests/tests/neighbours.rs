//! A quiet project beside greedy clients. Those are readers of another project who hold bodies, answers and
//! files, and strangers who hold connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::{Host, Limits};
use mlforge_tests::tracker::plugin;
use mlforge_tests::{Answer, StaticForge};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const GREEDY_PROJECT: u64 = 1;
const QUIET_PROJECT: u64 = 2;
/// Readers of the greedy project, and the only user of the quiet one.
const GREEDY: [&str; 3] = ["owner", "reading", "reporter"];
const QUIET: &str = "developer";
/// The addresses of the readers and the strangers. The user of the quiet project has the usual address of
/// this machine.
const NEIGHBOURS: &str = "127.0.0.2:0";
const STRANGERS: &str = "127.0.0.3:0";
/// More bytes than the buffers of two sockets hold, so the file stays in the server until it is read.
const FILE_BYTES: usize = 24 << 20;
/// The maximum size of a body that is held in memory.
const BODY_BYTES: usize = 1 << 20;
const ROUNDS: usize = 20;
/// The time limit of every wait. Only a fault takes so long.
const LONG: Duration = Duration::from_secs(60);

/// The limits of a server that is small enough to be filled.
fn small() -> Limits {
    Limits {
        concurrent_requests_max: 8,
        queued_requests_max: 24,
        queue_timeout: LONG,
        body_bytes_max: BODY_BYTES,
        small_body_bytes_max: BODY_BYTES,
        answer_bytes_max: 4 << 20,
        bodies_bytes_max: 24 << 20,
        transfers_max: 8,
        connections_max: 64,
        // No slow client is cut while the test runs.
        body_idle_timeout: 10 * LONG,
        write_idle_timeout: 10 * LONG,
        transfer_idle_timeout: 10 * LONG,
        ..Limits::default()
    }
}

struct Served {
    host: Host,
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Served {
    async fn with(limits: Limits) -> Self {
        let host = Host::builder()
            .plugin(plugin())
            .records(Arc::new(MemoryRecords::new()))
            .blobs(Arc::new(MemoryBlobs::new()))
            .forge(Arc::new(StaticForge::new()))
            .limits(limits)
            .build()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let server = host.clone();
        tokio::spawn(async move { server.serve(listener, async { _ = stopped.await }).await });
        Self {
            host,
            address,
            _stop: stop,
        }
    }

    /// The status and the body of an answer over a connection of its own.
    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let head = head(QUIET, QUIET_PROJECT, method, path, body.len());
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(LONG, stream.read_to_end(&mut answer))
            .await
            .expect("an answer")
            .unwrap();
        let end = answer
            .windows(4)
            .position(|at| at == b"\r\n\r\n")
            .expect("a whole head")
            + 4;
        let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
        (status, answer.split_off(end))
    }

    async fn post(&self, endpoint: &str, body: Value) -> Value {
        let path = format!("/api/2.0/mlflow/{endpoint}");
        let (status, answer) = self.ask("POST", &path, body.to_string().as_bytes()).await;
        assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// The requests of a training script, and of a person who watches it.
    async fn train(&self) {
        let run = self.post("runs/create", json!({"experiment_id": "0"})).await;
        let run = run["run"]["info"]["run_id"].as_str().unwrap().to_owned();
        self.post(
            "runs/log-metric",
            json!({"run_id": run, "key": "m", "value": 1, "timestamp": 1}),
        )
        .await;
        self.post("runs/search", json!({"experiment_ids": ["0"], "max_results": 5}))
            .await;
        let (status, _) = self
            .ask("GET", &format!("/api/2.0/mlflow/runs/get?run_id={run}"), b"")
            .await;
        assert_eq!(status, 200);
        for size in [100, 300 << 10] {
            let (path, contents) = (file(&run, "model"), vec![b'x'; size]);
            let (status, answer) = self.ask("PUT", &path, &contents).await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
            let (status, found) = self.ask("GET", &path, b"").await;
            assert!(status == 200 && found == contents);
        }
    }

    /// Uploads a large file to the greedy project; returns its path.
    async fn large_file(&self) -> String {
        let send = async |method: &str, path: &str, body: Bytes| {
            let uri = format!("/api/v4/projects/{GREEDY_PROJECT}/ml/mlflow{path}");
            let request = Request::builder()
                .method(method)
                .uri(uri)
                .header("private-token", "owner");
            let answer = Answer::of(&self.host, request.body(Full::new(body)).unwrap()).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            answer.body
        };
        let run = send(
            "POST",
            "/api/2.0/mlflow/runs/create",
            "{\"experiment_id\": \"0\"}".into(),
        )
        .await;
        let run: Value = serde_json::from_str(&run).unwrap();
        let path = file(run["run"]["info"]["run_id"].as_str().unwrap(), "large");
        send("PUT", &path, vec![b'x'; FILE_BYTES].into()).await;
        path
    }

    /// Waits until each greedy reader holds so much that its next request is refused or has to wait.
    async fn until_full(&self, file: &str) {
        for token in GREEDY {
            let uri = format!("/api/v4/projects/{GREEDY_PROJECT}/ml/mlflow{file}");
            let is_served = async || {
                let request = Request::get(&uri).header("private-token", token);
                let response = self.host.handle(request.body(Full::new(Bytes::new())).unwrap());
                let response = tokio::time::timeout(Duration::from_millis(300), response).await;
                response.is_ok_and(|response| response.status() == 200)
            };
            let full = async { while is_served().await {} };
            tokio::time::timeout(LONG, full).await.expect("a full server");
        }
    }
}

fn file(run: &str, name: &str) -> String {
    format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}")
}

fn head(token: &str, project: u64, method: &str, path: &str, length: usize) -> String {
    format!(
        "{method} /api/v4/projects/{project}/ml/mlflow{path} HTTP/1.1\r\nhost: x\r\nprivate-token: {token}\r\n\
         connection: close\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Sends a request and reads nothing of the answer. Repeats this whenever the server closes the connection.
async fn hold(from: &'static str, address: SocketAddr, request: Arc<Vec<u8>>) {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from.parse().unwrap()).unwrap();
        let Ok(mut stream) = socket.connect(address).await else {
            continue;
        };
        if stream.write_all(&request).await.is_ok() {
            // Waits for the end of the connection. The answer's bytes are not read, so the connection stays
            // open.
            while stream.readable().await.is_ok() && stream.peek(&mut [0]).await.is_ok_and(|count| count > 0) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        tokio::task::yield_now().await;
    }
}

/// Starts all greedy clients.
fn be_greedy(served: &Served, file: &str) -> JoinSet<()> {
    let mut greedy = JoinSet::new();
    for token in GREEDY {
        let slow_body = [
            head(token, GREEDY_PROJECT, "POST", "/api/2.0/mlflow/runs/search", BODY_BYTES).into_bytes(),
            vec![b' '; BODY_BYTES - 1],
        ];
        let untaken_file = head(token, GREEDY_PROJECT, "GET", file, 0).into_bytes();
        for request in [slow_body.concat(), untaken_file].map(Arc::new) {
            for _ in 0..24 {
                greedy.spawn(hold(NEIGHBOURS, served.address, Arc::clone(&request)));
            }
        }
    }
    for _ in 0..100 {
        greedy.spawn(hold(STRANGERS, served.address, Arc::new(b"GET /".to_vec())));
    }
    greedy
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_project_is_served_beside_greedy_projects_and_strangers() {
    let served = Served::with(small()).await;
    let file = served.large_file().await;
    served.train().await;
    let greedy = be_greedy(&served, &file);
    served.until_full(&file).await;
    for _ in 0..ROUNDS {
        served.train().await;
    }
    assert!(!greedy.is_empty());
}
