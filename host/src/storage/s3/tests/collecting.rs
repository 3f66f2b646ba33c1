//! The collection removes what no name leads to, and nothing else.

use super::*;
use crate::storage::suite::blobs::collect;

/// A pass at this distance from now.
async fn pass(store: &S3Blobs, later_ms: u64) -> Collected {
    let before_ms = object_id::now_ms() + later_ms;
    collection::pass_before(&store.bucket, &store.index, PROJECT, before_ms)
        .await
        .unwrap()
}

const HOUR_MS: u64 = 60 * 60 * 1_000;

#[tokio::test]
async fn a_replaced_or_deleted_file_is_kept_for_a_while() {
    let (store, fake) = fresh().await;
    put(&store, "a", large(1)).await;
    let reader = store.read(PROJECT, "a", ByteRange::ALL).await.unwrap().unwrap();
    put(&store, "a", "new").await;
    put(&store, "b", "gone").await;
    assert!(store.delete(PROJECT, "b").await.unwrap());
    let left = store.collect(PROJECT).await.unwrap();
    assert_eq!((left.is_more, left.is_left), (false, true));
    assert_eq!(fake.keys().len(), 3);
    assert!(collect(reader.contents).await == large(1));
    assert_eq!(pass(&store, HOUR_MS).await, Collected::default());
    assert_eq!(fake.keys().len(), 1);
    assert_eq!(whole(&store, "a").await.unwrap(), b"new");
}

#[tokio::test]
async fn what_a_killed_host_left_is_removed() {
    let (store, fake) = fresh().await;
    put(&store, "kept", "1").await;
    // Neither is dropped, as in a process that is killed.
    std::mem::forget(stage(&store, "small").await);
    std::mem::forget(stage(&store, large(1)).await);
    let mut upload = multipart::Upload::begin(&store.bucket, PROJECT).await.unwrap();
    upload
        .send(Bytes::from(vec![1; upload::PART_BYTES]), None)
        .await
        .unwrap();
    std::mem::forget(upload);
    store.collect(PROJECT).await.unwrap();
    assert_eq!((fake.keys().len(), fake.unfinished()), (3, 1));
    collect_all(&store).await;
    assert_eq!((fake.keys().len(), fake.unfinished()), (1, 0));
    assert_eq!(whole(&store, "kept").await.unwrap(), b"1");
}

#[tokio::test]
async fn an_object_that_may_be_removed_gets_no_name() {
    let (store, fake) = fresh().await;
    put(&store, "a", "1").await;
    let late = stage(&store, "late").await;
    pass(&store, 2 * HOUR_MS).await;
    let refused = store.commit(PROJECT, late, "b").await;
    assert!(
        matches!(&refused, Err(StorageError::Unavailable(why)) if why.contains("longer than a day")),
        "{refused:?}"
    );
    assert_eq!((fake.keys().len(), usage(&store).await), (1, (1, 1)));
}

#[tokio::test]
async fn each_object_is_listed_once() {
    let (store, fake) = fresh().await;
    for name in 0..5 {
        put(&store, &format!("{name}"), "x").await;
    }
    pass(&store, 2 * HOUR_MS).await;
    let cursor = store.index.cursor(PROJECT).await.unwrap();
    assert!(store.bucket.list(PROJECT, cursor).await.unwrap().0.is_empty());
    // A further pass has nothing to list.
    fake.fail(Fault::Refuse(Call::List, u64::MAX));
    pass(&store, 2 * HOUR_MS).await;
}

#[tokio::test]
async fn a_collection_that_breaks_off_goes_on() {
    let (store, fake) = fresh().await;
    for name in ["a", "b"] {
        put(&store, name, "x").await;
    }
    let parts = ["a".to_owned(), "b".to_owned()];
    assert!(store.join(PROJECT, &parts, "c", 9).await.unwrap());
    assert!(store.delete_below(PROJECT, "").await.unwrap());
    fake.fail(Fault::Refuse(Call::Delete, u64::MAX));
    let before_ms = object_id::now_ms() + HOUR_MS;
    let broken = collection::pass_before(&store.bucket, &store.index, PROJECT, before_ms).await;
    assert!(matches!(broken, Err(StorageError::Unavailable(_))));
    assert_eq!(fake.keys().len(), 2);
    fake.fail(Fault::None);
    // Two hosts at once do no harm.
    tokio::join!(collect_all(&store), collect_all(&store));
    assert!(fake.keys().is_empty());
    assert_eq!(pass(&store, HOUR_MS).await, Collected::default());
}
