//! Files pass through the host piece by piece: bounded in memory, stored whole or not at all, and without a
//! time limit while bytes move.

mod downloads;
mod rights;
mod sizes;
mod uploads;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt as _;
use mlforge::storage::files::FileBlobs;
use mlforge::storage::memory::MemoryRecords;
use mlforge::{Body, Host, Limits};
use mlforge_tests::StaticForge;
use mlforge_tests::tracker::plugin;

const PIECE: usize = 64 << 10;

/// A host that stores files in a directory.
struct Files {
    host: Host,
    forge: Arc<StaticForge>,
    run: String,
    directory: tempfile::TempDir,
}

impl Files {
    async fn with(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let forge = Arc::new(StaticForge::new());
        let host = Host::builder()
            .plugin(plugin())
            .records(Arc::new(MemoryRecords::new()))
            .blobs(Arc::new(FileBlobs::open(directory.path()).unwrap()))
            .forge(Arc::<StaticForge>::clone(&forge))
            .limits(limits)
            .background_maintenance(false)
            .build()
            .unwrap();
        let mut files = Files {
            host,
            forge,
            run: String::new(),
            directory,
        };
        let request = files.request("POST", "/api/2.0/mlflow/runs/create");
        let body = http_body_util::Full::new(Bytes::from("{\"experiment_id\": \"0\"}"));
        let created = text(files.host.handle(request.body(body).unwrap()).await).await;
        let created: serde_json::Value = serde_json::from_str(&created).unwrap();
        files.run = created["run"]["info"]["run_id"].as_str().unwrap().into();
        files
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("/api/v4/projects/1/ml/mlflow{path}"))
            .header("private-token", "developer")
    }

    fn file(&self, method: &str, name: &str) -> http::request::Builder {
        let run = &self.run;
        self.request(
            method,
            &format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}"),
        )
    }

    async fn put(&self, name: &str, body: Pieces) -> Response<Body> {
        self.host.handle(self.file("PUT", name).body(body).unwrap()).await
    }

    async fn get(&self, name: &str) -> Response<Body> {
        let body = http_body_util::Empty::<Bytes>::new();
        self.host.handle(self.file("GET", name).body(body).unwrap()).await
    }

    /// Number of files that are being received. It is 0 when no remains are left.
    fn staged(&self) -> usize {
        std::fs::read_dir(self.directory.path().join("staging"))
            .unwrap()
            .count()
    }

    async fn until_nothing_is_staged(&self) {
        let waited = async {
            while self.staged() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waited).await.unwrap();
    }
}

async fn text(response: Response<Body>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The next action of a body.
enum Step {
    Data,
    Break,
    Stall,
}

/// A body in steps, which counts the pieces that were read.
struct Pieces {
    steps: VecDeque<Step>,
    taken: Arc<AtomicU64>,
}

impl Pieces {
    fn new(count: usize) -> Self {
        Self::ending(count, None)
    }

    fn ending(count: usize, last: Option<Step>) -> Self {
        Self {
            steps: (0..count).map(|_| Step::Data).chain(last).collect(),
            taken: Arc::default(),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.steps.front() {
            None => Poll::Ready(None),
            Some(Step::Stall) => Poll::Pending,
            Some(Step::Break) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            Some(Step::Data) => {
                self.steps.pop_front();
                let number = self.taken.fetch_add(1, Ordering::Relaxed);
                let piece = vec![u8::try_from(number % 251).unwrap(); PIECE];
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
        }
    }
}

fn cramped() -> Limits {
    Limits {
        // Only bodies in memory count here, not streams.
        bodies_bytes_max: 4_000,
        body_bytes_max: 2_000,
        answer_bytes_max: 2_000,
        ..Limits::default()
    }
}
