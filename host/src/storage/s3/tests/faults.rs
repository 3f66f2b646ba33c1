//! A store and a database that fail.

use std::sync::atomic::Ordering;

use async_trait::async_trait;

use super::*;
use crate::storage::suite::blobs::list;
use crate::storage::{Commit, CommitError, Page, Range, Values};

fn is_unavailable<T>(result: Result<T, StorageError>) -> bool {
    matches!(result, Err(StorageError::Unavailable(_)))
}

async fn try_put(store: &S3Blobs, name: &str, contents: impl Into<Bytes>) -> Result<(), StorageError> {
    let contents = crate::storage::suite::blobs::stream(vec![Ok(contents.into())]);
    let staged = store.stage(PROJECT, contents, u64::MAX).await?;
    store.commit(PROJECT, staged, name).await
}

#[tokio::test]
async fn a_store_that_refuses_for_a_moment_is_asked_again() {
    let (store, fake) = fresh().await;
    for call in [Call::Begin, Call::Part, Call::Complete] {
        fake.fail(Fault::Refuse(call, 2));
        try_put(&store, "a", large(1)).await.unwrap();
        assert_eq!(fake.met.load(Ordering::SeqCst), 2, "{call:?}");
    }
    fake.fail(Fault::Refuse(Call::Put, 2));
    try_put(&store, "b", "small").await.unwrap();
    fake.fail(Fault::Refuse(Call::Get, 2));
    assert!(whole(&store, "a").await.unwrap() == large(1));
}

#[tokio::test]
async fn a_request_whose_answer_is_lost_is_repeated() {
    let (store, fake) = fresh().await;
    fake.fail(Fault::Lose(Call::Put, 1));
    try_put(&store, "a", "small").await.unwrap();
    assert_eq!(whole(&store, "a").await.unwrap(), b"small");
    for (seed, call) in [(1, Call::Begin), (2, Call::Part), (3, Call::Complete)] {
        fake.fail(Fault::Lose(call, 1));
        try_put(&store, "b", large(seed)).await.unwrap();
        assert_eq!(fake.met.load(Ordering::SeqCst), 1, "{call:?}");
        assert!(whole(&store, "b").await.unwrap() == large(seed), "{call:?}");
    }
}

#[tokio::test]
async fn an_upload_into_a_failing_store_leaves_no_name() {
    let (store, fake) = fresh().await;
    put(&store, "a", "old").await;
    let (small, large) = (Bytes::from("small"), Bytes::from(large(1)));
    for (contents, call) in [
        (&small, Call::Put),
        (&large, Call::Begin),
        (&large, Call::Part),
        (&large, Call::Complete),
    ] {
        fake.fail(Fault::Refuse(call, u64::MAX));
        assert!(is_unavailable(try_put(&store, "a", contents.clone()).await), "{call:?}");
        assert!(
            is_unavailable(try_put(&store, "d/b", contents.clone()).await),
            "{call:?}"
        );
    }
    fake.fail(Fault::None);
    assert_eq!(whole(&store, "a").await.unwrap(), b"old");
    assert_eq!(list(&store, "").await, [("a".into(), Some(3))]);
    assert_eq!(usage(&store).await, (1, 3));
}

// The paused clock advances whenever all tasks wait for time only.
#[tokio::test(start_paused = true)]
async fn requests_to_a_silent_store_time_out() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = S3Location {
        endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        ..fake::nowhere()
    };
    let bucket = Bucket::connect(&place).unwrap();
    let store = S3Blobs::new(bucket, place, Arc::new(MemoryRecords::new()));
    let extents = vec![extent::Extent {
        object: object_id::ObjectId::fresh().unwrap(),
        size: 1,
    }];
    let new = NewFile {
        size: 1,
        digest: None,
        extents,
    };
    store.index.name(PROJECT, "a", &new).await.unwrap();
    let began = tokio::time::Instant::now();
    assert!(is_unavailable(store.read(PROJECT, "a", ByteRange::ALL).await));
    assert!(is_unavailable(try_put(&store, "b", "small").await));
    assert!(is_unavailable(try_put(&store, "b", large(1)).await));
    // Names need no store.
    assert!(store.stat(PROJECT, "a").await.unwrap().is_some());
    assert!(store.delete(PROJECT, "a").await.unwrap());
    assert!(began.elapsed() < Duration::from_secs(5 * 60));
}

/// Records whose next commit gets no answer, after it was applied or without.
struct Cut {
    records: MemoryRecords,
    /// True if the next commit is applied. `None`: it gets its answer.
    next: std::sync::Mutex<Option<bool>>,
}

#[async_trait]
impl Records for Cut {
    async fn get(&self, project: ProjectId, keys: &[Vec<u8>]) -> Result<Values, StorageError> {
        self.records.get(project, keys).await
    }

    async fn scan(&self, project: ProjectId, ranges: &[Range]) -> Result<Page, StorageError> {
        self.records.scan(project, ranges).await
    }

    async fn commit(&self, project: ProjectId, commit: Commit) -> Result<(), CommitError> {
        let is_cut = self.next.lock().unwrap().take();
        if is_cut != Some(false) {
            self.records.commit(project, commit).await?;
        }
        match is_cut {
            Some(_) => Err(StorageError::Unavailable("the connection was cut".into()).into()),
            None => Ok(()),
        }
    }
}

#[tokio::test]
async fn a_connection_cut_at_the_commit_leaves_the_old_file_or_the_new_one() {
    let (fake, place) = Fake::start().await;
    let records = Arc::new(Cut {
        records: MemoryRecords::new(),
        next: std::sync::Mutex::default(),
    });
    let store = S3Blobs::open(&place, Arc::<Cut>::clone(&records)).await.unwrap();
    put(&store, "a", "old").await;
    for (is_applied, seen) in [(false, &b"old"[..]), (true, b"new 2")] {
        *records.next.lock().unwrap() = Some(is_applied);
        let contents = if is_applied { "new 2" } else { "new" };
        assert!(is_unavailable(try_put(&store, "a", contents).await));
        assert_eq!(whole(&store, "a").await.unwrap(), seen);
        assert_eq!(usage(&store).await, (1, seen.len() as u64));
    }
    // A client that repeats its request succeeds.
    try_put(&store, "a", "new 3").await.unwrap();
    collect_all(&store).await;
    assert_eq!(whole(&store, "a").await.unwrap(), b"new 3");
    assert_eq!(fake.keys().len(), 1);
}
