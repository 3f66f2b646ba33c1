//! Downloads, and the requests beside slow ones.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use mlforge::Limits;

use super::{Files, PIECE, Pieces, text};

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
