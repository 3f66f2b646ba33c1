//! Uploads: bounded in memory, and stored whole or not at all.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use mlforge::Limits;
use mlforge_tests::Trickle;

use super::{Files, PIECE, Pieces, Step, cramped, text};

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
