//! Tests of files in S3. Most use a stand-in for the store, and `garage` a real one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::storage::memory::MemoryRecords;
use crate::storage::suite::blobs::{put, stage, whole};
use crate::storage::suite::{PROJECT, blobs_suite};

mod collecting;
mod direct;
mod fake;
mod faults;
#[cfg(feature = "s3-tests")]
mod garage;
pub(in crate::storage) mod hosts;
mod joins;
mod model;

use fake::{Call, Fake, Fault};

blobs_suite!(fresh().await);

/// A host on a new stand-in with new records.
async fn fresh() -> (S3Blobs, Arc<Fake>) {
    let (fake, place) = Fake::start().await;
    let store = S3Blobs::open(&place, Arc::new(MemoryRecords::new())).await.unwrap();
    (store, fake)
}

/// Bytes of a file of several parts, other ones for each seed.
fn large(seed: u8) -> Vec<u8> {
    (0..12_000_000_usize)
        .map(|i| seed ^ (i / 1000).to_le_bytes()[0])
        .collect()
}

/// Waits until tasks in the background have brought something about.
async fn until(is_done: impl Fn() -> bool) {
    let waited = async {
        while !is_done() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waited).await.unwrap();
}

/// The sums of the project.
async fn usage(store: &S3Blobs) -> (u64, u64) {
    let usage = store.usage(PROJECT).await.unwrap().unwrap();
    (usage.files, usage.bytes)
}

/// Collects all that has no name now, as if it were a day later.
async fn collect_all(store: &S3Blobs) {
    let later = object_id::now_ms() + 2 * 60 * 60 * 1_000;
    while collection::pass_before(&store.bucket, &store.index, PROJECT, later)
        .await
        .unwrap()
        .is_more
    {}
}

#[tokio::test]
async fn two_servers_do_not_share_a_prefix() {
    let (first, fake) = fresh().await;
    let open = |place: &S3Location| {
        let place = place.clone();
        async move { S3Blobs::open(&place, Arc::new(MemoryRecords::new())).await.unwrap() }
    };
    first.belong_to("one").await.unwrap();
    // A second open, as after a restart.
    open(&first.place).await.belong_to("one").await.unwrap();
    let second = open(&first.place).await;
    let error = format!("{:#}", second.belong_to("other").await.unwrap_err());
    assert!(
        error.contains("s3://bucket/here") && error.contains("object here/owner"),
        "{error}"
    );
    let elsewhere = S3Location {
        prefix: "there".into(),
        ..first.place.clone()
    };
    open(&elsewhere).await.belong_to("other").await.unwrap();
    fake.objects.lock().unwrap().remove("here/owner").unwrap();
    second.belong_to("other").await.unwrap();
    first.belong_to("one").await.unwrap_err();
}

#[tokio::test]
async fn files_of_the_former_layout_are_refused_in_a_sentence() {
    let (store, fake) = fresh().await;
    let mark = ("here/owner".to_owned(), Bytes::from("one"));
    fake.objects.lock().unwrap().extend([mark]);
    let error = format!("{:#}", store.belong_to("one").await.unwrap_err());
    assert!(error.contains("stored by an earlier mlforge"), "{error}");
}

#[tokio::test]
async fn an_object_is_written_once_under_a_key_that_tells_no_name() {
    let (store, fake) = fresh().await;
    put(&store, "a/secret-name", "1").await;
    put(&store, "a/secret-name", large(1)).await;
    put(&store, "empty", "").await;
    let keys = fake.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in keys {
        let id = key.strip_prefix("here/7/objects/").unwrap();
        assert!(object_id::ObjectId::parse(id).is_some(), "{key}");
    }
    assert!(whole(&store, "a/secret-name").await.unwrap() == large(1));
    assert_eq!(usage(&store).await, (2, 12_000_000));
}

#[tokio::test]
async fn an_upload_that_gets_no_name_is_removed_at_once() {
    let (store, fake) = fresh().await;
    drop(stage(&store, "small").await);
    drop(stage(&store, large(1)).await);
    until(|| fake.keys().is_empty()).await;
    put(&store, "a", "1").await;
    let staged = stage(&store, large(1)).await;
    let refused = store.commit(PROJECT, staged, "a/b").await;
    assert!(matches!(refused, Err(StorageError::InvalidName(_))), "{refused:?}");
    until(|| fake.keys().len() == 1).await;
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_no_parts() {
    let (store, fake) = fresh().await;
    let (sender, contents) = tokio::sync::mpsc::channel(1);
    sender.send(Ok(Bytes::from(large(1)))).await.unwrap();
    let staging = store.stage(PROJECT, contents, u64::MAX);
    tokio::select! {
        _ = staging => panic!("the stream has not ended"),
        () = until(|| fake.has_a_part()) => {}
    }
    until(|| fake.unfinished() == 0).await;
    drop(sender);
    assert!(fake.keys().is_empty());
}

#[tokio::test]
async fn uploads_wait_for_memory_of_which_a_project_has_a_share() {
    let store = S3Blobs {
        memory: Arc::new(upload::Memory::of(2, 1)),
        ..fresh().await.0
    };
    let (first, mut contents) = (tokio::sync::mpsc::channel(1), Vec::new());
    first.0.send(Ok(Bytes::from(vec![1; 2 << 20]))).await.unwrap();
    for (project, bytes) in [
        (PROJECT, 2 << 20),
        (PROJECT, 1 << 19),
        (crate::storage::suite::OTHER, 2 << 20),
    ] {
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        sender.send(Ok(Bytes::from(vec![1; bytes]))).await.unwrap();
        contents.push((project, receiver));
    }
    let start = |project, contents| {
        let store = store.clone();
        tokio::spawn(async move { store.stage(project, contents, u64::MAX).await })
    };
    let holder = start(PROJECT, first.1);
    // The holder has the only permit of its project once it has taken its bytes.
    until(|| store.memory.for_part_now(PROJECT).is_none()).await;
    let mut others: Vec<_> = contents
        .into_iter()
        .map(|(project, contents)| start(project, contents))
        .collect();
    let waiting = others.remove(0);
    // Small uploads need no permit, and other projects have their own.
    for other in others {
        other.await.unwrap().unwrap();
    }
    assert!(!waiting.is_finished());
    drop(first.0);
    holder.await.unwrap().unwrap();
    waiting.await.unwrap().unwrap();
}
