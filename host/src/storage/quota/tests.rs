#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::storage::memory::MemoryBlobs;
use crate::storage::suite::blobs::{put, stage, stream};
use crate::storage::suite::{OTHER, PROJECT, blobs_suite};

blobs_suite!((Quota::new(Arc::new(MemoryBlobs::new()), bytes_max(u64::MAX)), ()));

fn bytes_max(bytes: u64) -> PerProject<FileUsage> {
    PerProject::all(FileUsage { files: u64::MAX, bytes })
}

fn of_ten_bytes() -> Quota {
    Quota::new(Arc::new(MemoryBlobs::new()), bytes_max(10))
}

async fn has_room(quota: &Quota, bytes: u64) -> bool {
    quota.reserve(PROJECT, bytes).await.unwrap().is_some()
}

/// True if exactly `bytes` bytes are left.
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
async fn files_from_before_the_start_are_counted() {
    let blobs = Arc::new(MemoryBlobs::new());
    for name in ["a", "d/e/f", "d/g"] {
        put(&*blobs, name, "12").await;
    }
    assert!(has_left(&Quota::new(blobs, bytes_max(10)), 4).await);
}

#[tokio::test]
async fn a_replaced_file_counts_until_the_replacement() {
    let quota = of_ten_bytes();
    put(&quota, "a", "123456").await;
    assert!(matches!(try_stage(&quota, "12345").await, Err(StorageError::Full(_))));
    put(&quota, "a", "1234").await;
    assert!(has_left(&quota, 6).await);
}

async fn try_stage(quota: &Quota, contents: &'static str) -> Result<Box<dyn Staged>, StorageError> {
    let contents = stream(vec![Ok(contents.into())]);
    quota.stage(PROJECT, contents, u64::MAX).await
}

#[tokio::test]
async fn staged_bytes_count_until_they_are_dropped() {
    let quota = of_ten_bytes();
    let staged = stage(&quota, "123456").await;
    assert!(has_left(&quota, 4).await);
    assert!(matches!(try_stage(&quota, "12345").await, Err(StorageError::Full(_))));
    drop(staged);
    assert!(has_left(&quota, 10).await);
}

/// Under concurrency, named files and uploads never exceed the bound together.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_uploads_do_not_exceed_the_bound() {
    for round in 0..20 {
        let blobs = Arc::new(Slow(MemoryBlobs::new()));
        let quota = Quota::new(blobs.clone(), bytes_max(10));
        let uploads: Vec<_> = (0..24)
            .map(|number| {
                let quota = quota.clone();
                tokio::spawn(async move {
                    let staged = try_stage(&quota, "1234").await?;
                    // Some uploads replace each other's file.
                    quota.commit(PROJECT, staged, &format!("{}", number % 12)).await
                })
            })
            .collect();
        for upload in uploads {
            let done = upload.await.unwrap();
            assert!(matches!(done, Ok(()) | Err(StorageError::Full(_))), "{done:?}");
        }
        let kept = quota.inner.usage_below(PROJECT, "").await.unwrap().bytes;
        assert!(kept <= 10, "round {round}: {kept}");
        assert!(has_left(&quota, 10 - kept).await, "round {round}: {kept}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bytes_are_reserved_until_the_file_is_named() {
    let quota = of_ten_bytes();
    let reservation = quota.reserve(PROJECT, 6).await.unwrap().unwrap();
    assert!(reservation.draw(6));
    let contents = stream(vec![Ok("123456".into())]);
    let staged = quota.stage_within(PROJECT, contents, 9, Some(reservation.clone()));
    let staged = staged.await.unwrap();
    assert!(has_left(&quota, 4).await);
    drop(reservation);
    assert!(has_left(&quota, 4).await);
    quota.commit(PROJECT, staged, "a").await.unwrap();
    assert!(has_left(&quota, 4).await);
}

#[tokio::test]
async fn a_file_longer_than_its_reservation_needs_room() {
    let quota = of_ten_bytes();
    let reservation = quota.reserve(PROJECT, 4).await.unwrap().unwrap();
    let stage =
        |text: &'static str| quota.stage_within(PROJECT, stream(vec![Ok(text.into())]), 99, Some(reservation.clone()));
    let staged = stage("1234567").await.unwrap();
    assert!(has_left(&quota, 3).await);
    assert!(matches!(stage("1234").await, Err(StorageError::Full(_))));
    drop(staged);
    drop(reservation);
    assert!(has_left(&quota, 10).await);
}

#[tokio::test]
async fn a_reservation_holds_room_until_it_is_dropped() {
    let quota = of_ten_bytes();
    let known = quota.reserve(PROJECT, 6).await.unwrap().unwrap();
    let unknown = quota.reserve(PROJECT, 0).await.unwrap().unwrap();
    assert!(known.draw(6) && unknown.draw(4) && !unknown.draw(1));
    assert!(has_left(&quota, 0).await);
    drop(known);
    assert!(has_left(&quota, 6).await);
    drop(unknown);
    assert!(has_left(&quota, 10).await);
}

#[tokio::test]
async fn a_full_project_can_join_parts_but_not_multiply_them() {
    let quota = of_ten_bytes();
    put(&quota, "p/1", "12345").await;
    put(&quota, "p/2", "12345").await;
    let parts = ["p/1".to_owned(), "p/2".to_owned()];
    assert!(quota.join(PROJECT, &parts, "a", 99).await.unwrap());
    assert!(!has_room(&quota, 0).await);
    assert!(quota.delete_below(PROJECT, "p").await.unwrap());
    assert!(has_left(&quota, 0).await);
    put_all(&quota, &["b", "c"]).await.unwrap_err();
    quota.delete(PROJECT, "a").await.unwrap();
    put_all(&quota, &["b"]).await.unwrap();
    let same = ["b".to_owned(), "b".to_owned(), "b".to_owned()];
    let refused = quota.join(PROJECT, &same, "c", 99).await;
    assert!(matches!(refused, Err(StorageError::Full(_))), "{refused:?}");
    assert!(has_left(&quota, 6).await);
    assert!(!quota.join(PROJECT, &["b".into(), "x".into()], "c", 99).await.unwrap());
    assert!(has_left(&quota, 6).await);
}

async fn put_all(quota: &Quota, names: &[&str]) -> Result<(), StorageError> {
    for name in names {
        let staged = try_stage(quota, "1234").await?;
        quota.commit(PROJECT, staged, name).await?;
    }
    Ok(())
}

/// A storage whose changes take a moment, as a sync does. File names tell whether and when a change fails.
struct Slow(MemoryBlobs);

impl Slow {
    /// Fails before the change when the name contains `lost`, and after it when the name contains `late`.
    async fn change<T>(
        &self,
        name: &str,
        change: impl Future<Output = Result<T, StorageError>>,
    ) -> Result<T, StorageError> {
        let failed = || Err(StorageError::Unavailable("no answer".into()));
        if name.contains("lost") {
            return failed();
        }
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let done = change.await;
        if name.contains("late") { failed() } else { done }
    }
}

#[async_trait]
impl Blobs for Slow {
    async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
    ) -> Result<Box<dyn Staged>, StorageError> {
        self.0.stage(project, contents, bytes_max).await
    }

    async fn commit(&self, project: ProjectId, staged: Box<dyn Staged>, name: &str) -> Result<(), StorageError> {
        self.change(name, self.0.commit(project, staged, name)).await
    }

    async fn stat(&self, project: ProjectId, name: &str) -> Result<Option<BlobInfo>, StorageError> {
        self.0.stat(project, name).await
    }

    async fn read(&self, project: ProjectId, name: &str, range: ByteRange) -> Result<Option<OpenBlob>, StorageError> {
        self.0.read(project, name, range).await
    }

    async fn list(&self, project: ProjectId, page: ListRequest<'_>) -> Result<Vec<BlobItem>, StorageError> {
        self.0.list(project, page).await
    }

    async fn delete(&self, project: ProjectId, name: &str) -> Result<bool, StorageError> {
        self.change(name, self.0.delete(project, name)).await
    }

    async fn join(
        &self,
        project: ProjectId,
        parts: &[String],
        name: &str,
        bytes_max: u64,
    ) -> Result<bool, StorageError> {
        self.change(name, self.0.join(project, parts, name, bytes_max)).await
    }

    async fn delete_below(&self, project: ProjectId, directory: &str) -> Result<bool, StorageError> {
        self.change(directory, self.0.delete_below(project, directory)).await
    }
}

#[tokio::test]
async fn the_effect_of_a_failed_change_is_counted() {
    let quota = Quota::new(Arc::new(Slow(MemoryBlobs::new())), bytes_max(10));
    put_all(&quota, &["lost"]).await.unwrap_err();
    assert!(has_left(&quota, 10).await);
    put_all(&quota, &["d-late/a"]).await.unwrap_err();
    assert!(has_left(&quota, 6).await);
    quota.delete(PROJECT, "d-late/a").await.unwrap_err();
    assert!(has_left(&quota, 10).await);
    put_all(&quota, &["b"]).await.unwrap();
    quota.join(PROJECT, &["b".into()], "lost", 99).await.unwrap_err();
    assert!(has_left(&quota, 6).await);
    quota.join(PROJECT, &["b".into()], "d-late/c", 99).await.unwrap_err();
    assert!(has_left(&quota, 2).await);
    quota.delete_below(PROJECT, "d-late").await.unwrap_err();
    assert!(has_left(&quota, 6).await);
}
