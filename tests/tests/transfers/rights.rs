//! A right that the forge withdraws ends the transfers that need it.

use std::time::Duration;

use http_body_util::BodyExt as _;
use mlforge::Limits;

use super::{Files, PIECE, Pieces, Step};

/// Longer than all that is buffered between a file and a client.
const PIECES: usize = 256;

async fn files() -> Files {
    Files::with(Limits {
        rights_check_pause: Duration::from_millis(5),
        ..Limits::default()
    })
    .await
}

/// Waits until the forge was asked again, which a watch does by itself.
async fn until_asked_again(files: &Files) {
    let before = files.forge.calls();
    let waited = async {
        while files.forge.calls() == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.unwrap();
}

#[tokio::test]
async fn an_upload_ends_when_the_right_is_withdrawn_and_nothing_is_kept() {
    let files = files().await;
    let upload = files.put("model.bin", Pieces::ending(8, Some(Step::Stall)));
    let withdraw = async {
        until_asked_again(&files).await;
        assert_eq!(files.staged(), 1);
        files.forge.expel();
    };
    let (response, ()) = tokio::join!(upload, withdraw);
    assert_eq!(response.status(), 404);
    files.until_nothing_is_staged().await;
}

#[tokio::test]
async fn a_download_breaks_off_when_the_right_is_withdrawn() {
    let files = files().await;
    assert_eq!(files.put("model.bin", Pieces::new(PIECES)).await.status(), 200);
    let mut response = files.get("model.bin").await;
    assert_eq!(response.status(), 200);
    assert!(response.body_mut().frame().await.unwrap().is_ok());
    files.forge.expel();
    until_asked_again(&files).await;
    response.into_body().collect().await.unwrap_err();
}

#[tokio::test]
async fn a_transfer_goes_on_while_the_right_holds_and_while_the_forge_is_down_for_a_moment() {
    let files = files().await;
    assert_eq!(files.put("model.bin", Pieces::new(PIECES)).await.status(), 200);
    let response = files.get("model.bin").await;
    until_asked_again(&files).await;
    files.forge.go_down();
    until_asked_again(&files).await;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body.len(), PIECES * PIECE);
}
