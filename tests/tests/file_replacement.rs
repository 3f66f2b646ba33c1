//! Files that are replaced during a download: headers and bytes always belong to the same file.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use mlforge::Host;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::storage::{Blobs, ProjectId};
use mlforge_tests::StaticForge;
use mlforge_tests::intercepted_blobs::{BlobCall, InterceptBlobs, InterceptedBlobs};
use mlforge_tests::tracker::plugin;
use tokio::sync::mpsc;

/// Blobs whose files are replaced by longer ones after the look-up, right before they are opened, for a number
/// of times.
struct Replaced {
    blobs: MemoryBlobs,
    left: AtomicUsize,
}

impl Replaced {
    async fn put(&self, project: ProjectId, name: &str, contents: Vec<u8>) {
        let (sender, pieces) = mpsc::channel(1);
        sender.send(Ok(Bytes::from(contents))).await.unwrap();
        drop(sender);
        let staged = self.blobs.stage(project, pieces, u64::MAX).await.unwrap();
        self.blobs.commit(project, staged, name).await.unwrap();
    }
}

#[async_trait]
impl InterceptBlobs for Replaced {
    fn blobs(&self) -> &MemoryBlobs {
        &self.blobs
    }

    async fn before(&self, project: ProjectId, call: BlobCall<'_>) {
        let BlobCall::Read(name) = call else { return };
        let is_left = |left: usize| left.checked_sub(1);
        if let Some(info) = self.blobs.stat(project, name).await.unwrap()
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_left)
                .is_ok()
        {
            let length = usize::try_from(info.size).unwrap() + 1;
            self.put(project, name, vec![b'x'; length]).await;
        }
    }
}

/// Requests a file of three bytes that is replaced this number of times in the meantime.
async fn ask(times: usize) -> http::Response<mlforge::Body> {
    let blobs = Arc::new(Replaced {
        blobs: MemoryBlobs::new(),
        left: AtomicUsize::new(times),
    });
    blobs.put(ProjectId(1), "a/0/file", b"old".to_vec()).await;
    let host = Host::builder()
        .plugin(plugin())
        .records(Arc::new(MemoryRecords::new()))
        .blobs(Arc::new(InterceptedBlobs(blobs)))
        .forge(Arc::new(StaticForge::new()))
        .background_maintenance(false)
        .build()
        .unwrap();
    let request = http::Request::get("/api/v4/projects/1/ml/mlflow/api/2.0/mlflow-artifacts/artifacts/0/file")
        .header("private-token", "developer")
        .body(http_body_util::Empty::<Bytes>::new())
        .unwrap();
    host.handle(request).await
}

#[tokio::test]
async fn the_etag_of_a_file_replaced_during_a_read_matches_its_bytes() {
    for times in [0, 1, 3] {
        let response = ask(times).await;
        assert_eq!(response.status(), 200);
        let tag = response.headers()["etag"].to_str().unwrap().to_owned();
        let contents = http_body_util::BodyExt::collect(response.into_body())
            .await
            .unwrap()
            .to_bytes();
        assert!(
            tag.ends_with(&format!("-{:x}\"", contents.len())),
            "{tag} of {} bytes",
            contents.len()
        );
        assert!(times == 0 || contents.iter().all(|byte| *byte == b'x'));
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_without_end_is_answered_with_503_or_429() {
    // 503 by the host, or 429 by a component that opens files itself.
    let status = ask(usize::MAX).await.status().as_u16();
    assert!([503, 429].contains(&status), "{status}");
}
