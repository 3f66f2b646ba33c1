//! Files pass through the host piece by piece: bounded in memory, stored whole or not at all, and without a
//! time limit while bytes move.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use mlforge::storage::files::FileBlobs;
use mlforge::storage::memory::MemoryRecords;
use mlforge::{Body, Host, Limits};
use mlforge_tests::tracker::plugin;
use mlforge_tests::{StaticForge, Trickle};

const PIECE: usize = 64 << 10;

/// A host that stores files in a directory.
struct Files {
    host: Host,
    run: String,
    directory: tempfile::TempDir,
}

impl Files {
    async fn with(limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let host = Host::builder()
            .plugin(plugin())
            .records(Arc::new(MemoryRecords::new()))
            .blobs(Arc::new(FileBlobs::open(directory.path()).unwrap()))
            .forge(Arc::new(StaticForge::new()))
            .limits(limits)
            .background_maintenance(false)
            .build()
            .unwrap();
        let mut files = Files {
            host,
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

#[tokio::test(flavor = "multi_thread")]
async fn a_file_may_be_larger_than_the_body_memory() {
    let files = Files::with(cramped()).await;
    assert_eq!(files.put("big", Pieces::new(300)).await.status(), 200);
    let response = files.get("big").await;
    assert_eq!(response.body().size_hint().exact(), Some(300 * PIECE as u64));
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(bytes.len(), 300 * PIECE);
    assert!((0..300).all(|number| bytes[number * PIECE] == u8::try_from(number % 251).unwrap()));
    assert_eq!(files.staged(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_slows_the_transfer_down() {
    let files = Files::with(Limits::default()).await;
    files.put("big", Pieces::new(400)).await;
    let mut body = files.get("big").await.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().into_data().unwrap().len();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(bytes, 400 * PIECE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_upload_leaves_the_old_file() {
    let files = Files::with(Limits::default()).await;
    assert_eq!(files.put("a", Pieces::new(1)).await.status(), 200);
    let cut = files.put("a", Pieces::ending(40, Some(Step::Break))).await;
    assert_eq!(cut.status(), 400);
    assert!(text(cut).await.contains("broke off"));
    assert_eq!(text(files.get("a").await).await.len(), PIECE);
    assert_eq!(
        files.put("new", Pieces::ending(0, Some(Step::Break))).await.status(),
        400
    );
    assert_eq!(files.get("new").await.status(), 404);
    files.until_nothing_is_staged().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_upload_is_cut() {
    let files = Files::with(Limits {
        body_idle_timeout: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    let stalled = files.put("a", Pieces::ending(3, Some(Step::Stall))).await;
    assert_eq!(stalled.status(), 408);
    assert_eq!(files.get("a").await.status(), 404);
    files.until_nothing_is_staged().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_trickles_is_cut_even_with_short_pauses() {
    let files = Files::with(Limits {
        body_idle_timeout: Duration::from_millis(200),
        transfer_rate_min: 10 << 20,
        ..Limits::default()
    })
    .await;
    let trickle = Trickle::every(Duration::from_millis(1));
    let stalled = files.host.handle(files.file("PUT", "a").body(trickle).unwrap()).await;
    assert_eq!(stalled.status(), 408);
    assert_eq!(files.get("a").await.status(), 404);
    files.until_nothing_is_staged().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_leaves_nothing() {
    let files = Files::with(Limits::default()).await;
    let put = files.put("a", Pieces::ending(3, Some(Step::Stall)));
    assert!(tokio::time::timeout(Duration::from_millis(100), put).await.is_err());
    files.until_nothing_is_staged().await;
    assert_eq!(files.get("a").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_file_over_the_limit_is_refused_unread() {
    let files = Files::with(Limits {
        file_bytes_max: 3 * PIECE as u64,
        body_bytes_max: 100,
        ..Limits::default()
    })
    .await;
    let body = Pieces::new(4);
    let taken = Arc::clone(&body.taken);
    let announced = files.file("PUT", "a").header("content-length", 4 * PIECE);
    let announced = announced.header("expect", "100-continue").body(body).unwrap();
    let refused = files.host.handle(announced).await;
    assert_eq!(refused.status(), 413);
    assert!(text(refused).await.contains("at most 196608 bytes"));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_over_the_limit_is_refused() {
    let files = Files::with(Limits {
        file_bytes_max: 3 * PIECE as u64,
        ..Limits::default()
    })
    .await;
    assert_eq!(files.put("a", Pieces::new(3)).await.status(), 200);
    assert_eq!(files.put("a", Pieces::new(4)).await.status(), 413);
    assert_eq!(text(files.get("a").await).await.len(), 3 * PIECE);
    files.until_nothing_is_staged().await;
}

fn of_three_pieces() -> Limits {
    Limits {
        project_bytes_max: 3 * PIECE as u64,
        ..Limits::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_file_over_the_quota_is_refused_unread() {
    let files = Files::with(of_three_pieces()).await;
    assert_eq!(files.put("a", Pieces::new(2)).await.status(), 200);
    let body = Pieces::new(2);
    let taken = Arc::clone(&body.taken);
    let announced = files.file("PUT", "b").header("content-length", 2 * PIECE);
    let announced = announced.header("expect", "100-continue").body(body).unwrap();
    let refused = files.host.handle(announced).await;
    assert_eq!(refused.status(), 413);
    assert!(text(refused).await.contains("the project keeps at most 196608 bytes"));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    assert_eq!(files.get("b").await.status(), 404);
    assert_eq!(files.put("b", Pieces::new(1)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_refused_as_soon_as_it_exceeds_the_quota() {
    let files = Files::with(of_three_pieces()).await;
    files.put("a", Pieces::new(2)).await;
    // The body stalls at its end, so an answer shows that it is not read to the end.
    let refused = files.put("b", Pieces::ending(2, Some(Step::Stall))).await;
    assert_eq!(refused.status(), 413);
    assert!(text(refused).await.contains("the project keeps at most 196608 bytes"));
    assert_eq!(files.get("b").await.status(), 404);
    files.until_nothing_is_staged().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_file_frees_its_quota() {
    let files = Files::with(of_three_pieces()).await;
    assert_eq!(files.put("d/a", Pieces::new(1)).await.status(), 200);
    assert_eq!(files.put("d/b", Pieces::new(2)).await.status(), 200);
    assert_eq!(files.put("e", Pieces::new(1)).await.status(), 413);
    for (gone, room) in [("d/a", 1), ("d", 2), ("e", 3)] {
        let body = http_body_util::Empty::<Bytes>::new();
        let deleted = files.host.handle(files.file("DELETE", gone).body(body).unwrap()).await;
        assert_eq!(deleted.status(), 200);
        assert_eq!(files.put("e", Pieces::new(room)).await.status(), 200, "{gone}");
    }
}

/// The bytes of all files below a directory.
fn bytes_below(directory: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let sizes = entries.map(|entry| match entry.file_type().unwrap().is_dir() {
        true => bytes_below(&entry.path()),
        false => entry.metadata().unwrap().len(),
    });
    sizes.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uploads_do_not_exceed_the_quota() {
    // Bodies of the second prefix are collected in memory.
    for prefix in ["/api/2.0/mlflow-artifacts", "/mlflow-artifacts"] {
        let files = Arc::new(Files::with(of_three_pieces()).await);
        let uploads: Vec<_> = (0..24)
            .map(|number| {
                let files = Arc::clone(&files);
                tokio::spawn(async move {
                    let path = format!("{prefix}/artifacts/0/{}/artifacts/{number}", files.run);
                    let put = files.request("PUT", &path).body(Pieces::new(2)).unwrap();
                    files.host.handle(put).await.status().as_u16()
                })
            })
            .collect();
        let mut kept = 0;
        for upload in uploads {
            match upload.await.unwrap() {
                200 => kept += 2 * PIECE as u64,
                status => assert_eq!(status, 413, "{prefix}"),
            }
        }
        let stored = bytes_below(&files.directory.path().join("projects"));
        assert!(stored == kept && kept <= 3 * PIECE as u64, "{prefix}: {kept} {stored}");
        // Refused uploads have released their room.
        let left = 3 - usize::try_from(kept).unwrap() / PIECE;
        assert_eq!(files.put("rest", Pieces::new(left)).await.status(), 200, "{prefix}");
        assert_eq!(files.put("more", Pieces::new(1)).await.status(), 413, "{prefix}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_is_drained() {
    let files = Files::with(Limits::default()).await;
    let body = Pieces::new(20);
    let taken = Arc::clone(&body.taken);
    let path = "/api/2.0/mlflow-artifacts/artifacts/nobody/a";
    let response = files.host.handle(files.request("PUT", path).body(body).unwrap()).await;
    assert_eq!(response.status(), 400);
    assert_eq!(taken.load(Ordering::Relaxed), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_delivers_the_file_as_it_was_when_opened() {
    let files = Files::with(Limits::default()).await;
    files.put("a", Pieces::new(200)).await;
    let mut body = files.get("a").await.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap().len();
    files.put("a", Pieces::new(1)).await;
    assert_eq!(first + body.collect().await.unwrap().to_bytes().len(), 200 * PIECE);
    assert_eq!(text(files.get("a").await).await.len(), PIECE);
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_transfers_do_not_block_short_requests() {
    let files = Files::with(Limits {
        transfers_max: 2,
        project_percent_max: 100,
        caller_percent_max: 100,
        concurrent_requests_max: 1,
        queue_timeout: Duration::from_millis(50),
        ..Limits::default()
    })
    .await;
    files.put("big", Pieces::new(400)).await;
    let (one, other) = (files.get("big").await, files.get("big").await);
    assert_eq!(files.get("big").await.status(), 503);
    let request = files.request("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0");
    let asked = files
        .host
        .handle(request.body(http_body_util::Empty::<Bytes>::new()).unwrap())
        .await;
    assert_eq!(asked.status(), 200);
    drop((one, other));
    let served = async {
        while files.get("big").await.status() != 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), served).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_uploads_of_one_file_leave_exactly_one() {
    let files = Arc::new(Files::with(Limits::default()).await);
    let all: Vec<_> = (1..=8)
        .map(|count| {
            let files = Arc::clone(&files);
            tokio::spawn(async move { files.put("a", Pieces::new(count)).await.status() })
        })
        .collect();
    for one in all {
        assert_eq!(one.await.unwrap(), 200);
    }
    assert_eq!(text(files.get("a").await).await.len() % PIECE, 0);
    assert_eq!(files.staged(), 0);
}
