#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::storage::memory::MemoryBlobs;
use crate::storage::suite::blobs::{put, stage};
use crate::storage::suite::{OTHER, PROJECT, blobs_suite};

blobs_suite!((Quota::new(Arc::new(MemoryBlobs::new()), u64::MAX), ()));

fn of_ten_bytes() -> Quota {
    Quota::new(Arc::new(MemoryBlobs::new()), 10)
}

async fn has_room(quota: &Quota, bytes: u64) -> bool {
    quota.reserve(PROJECT, bytes).await.unwrap().is_some()
}

/// Whether so much is left, and no more.
async fn has_left(quota: &Quota, bytes: u64) -> bool {
    has_room(quota, bytes).await && !has_room(quota, bytes + 1).await
}

#[tokio::test]
async fn every_change_is_counted() {
    let quota = of_ten_bytes();
    assert!(has_left(&quota, 10).await);
    put(&quota, "d/a", "123").await;
    put(&quota, "d/b", "4").await;
    assert!(has_left(&quota, 6).await);
    put(&quota, "d/a", "1").await;
    assert!(has_left(&quota, 8).await);
    let parts = ["d/a".to_owned(), "d/b".to_owned()];
    assert!(quota.join(PROJECT, &parts, "c", 9).await.unwrap());
    assert!(has_left(&quota, 6).await);
    assert!(quota.delete(PROJECT, "c").await.unwrap());
    assert!(!quota.delete(PROJECT, "c").await.unwrap());
    assert!(has_left(&quota, 8).await);
    assert!(quota.delete_below(PROJECT, "d").await.unwrap());
    assert!(has_left(&quota, 10).await);
    assert!(quota.reserve(OTHER, 10).await.unwrap().is_some());
}

#[tokio::test]
async fn what_was_there_before_is_counted() {
    let blobs = Arc::new(MemoryBlobs::new());
    for name in ["a", "d/e/f", "d/g"] {
        put(&*blobs, name, "12").await;
    }
    assert!(has_left(&Quota::new(blobs, 10), 4).await);
}

#[tokio::test]
async fn more_than_allowed_is_refused_and_less_than_before_is_not() {
    let quota = of_ten_bytes();
    put(&quota, "a", "1234567").await;
    let staged = stage(&quota, "1234").await;
    let refused = quota.commit(PROJECT, staged, "b").await;
    assert!(matches!(refused, Err(StorageError::TooLarge(_))));
    let staged = stage(&quota, "1234567890").await;
    quota.commit(PROJECT, staged, "a").await.unwrap();
    put(&quota, "a", "123").await;
    assert!(has_left(&quota, 7).await);
}

#[tokio::test]
async fn room_is_reserved_until_it_is_given_back() {
    let quota = of_ten_bytes();
    let mut known = quota.reserve(PROJECT, 6).await.unwrap().unwrap();
    let mut unknown = quota.reserve(PROJECT, 0).await.unwrap().unwrap();
    assert!(known.draw(6) && unknown.draw(4) && !unknown.draw(1));
    assert!(has_left(&quota, 0).await);
    drop(known);
    assert!(has_left(&quota, 6).await);
    drop(unknown);
    assert!(has_left(&quota, 10).await);
}
