#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use mlforge::storage::memory::MemoryRecords;
use mlforge::storage::{KEY_BYTES_MAX, PAGE_BYTES};

use super::*;

const PROJECT: ProjectId = ProjectId(7);

async fn write(records: &MemoryRecords, writes: impl IntoIterator<Item = RecordWrite>) {
    let commit = Commit {
        writes: writes.into_iter().collect(),
        ..Commit::default()
    };
    records.commit(PROJECT, commit).await.unwrap();
}

fn put(key: &str, value: &[u8]) -> RecordWrite {
    RecordWrite::Put(key.into(), value.to_vec())
}

/// Records that need several pages: the least and the greatest key, and large values.
async fn source() -> MemoryRecords {
    let source = MemoryRecords::new();
    write(
        &source,
        [
            RecordWrite::Put(vec![0], vec![]),
            RecordWrite::Put(vec![u8::MAX; KEY_BYTES_MAX], vec![1]),
        ],
    )
    .await;
    for number in 0..5 {
        write(
            &source,
            [put(&format!("large/{number}"), &vec![number; PAGE_BYTES / 2])],
        )
        .await;
    }
    let small = (0..WRITES_AT_ONCE + 1).map(|number| put(&format!("small/{number}"), b"x"));
    write(&source, small).await;
    source
}

fn copier<'a>(
    source: &'a MemoryRecords,
    target: &'a MemoryRecords,
    progress: &'a Progress,
) -> Copier<'a, MemoryRecords, MemoryRecords> {
    Copier {
        source,
        target,
        progress,
    }
}

#[tokio::test]
async fn a_copy_has_every_record_and_nothing_else() {
    let (source, target, progress) = (source().await, MemoryRecords::new(), Progress::default());
    // Records that a former try has left: a right one, a wrong one, and one that has gone meanwhile.
    write(
        &target,
        [put("small/1", b"x"), put("small/2", b"y"), put("small/2/gone", b"")],
    )
    .await;
    write(&target, [put("large", b""), put("z", b"")]).await;
    let copier = copier(&source, &target, &progress);
    copier.copy(PROJECT).await.unwrap();
    assert_eq!(copier.verify(PROJECT).await.unwrap(), 2 + 5 + WRITES_AT_ONCE + 1);
}

#[tokio::test]
async fn a_record_that_differs_is_found_and_named() {
    let (source, target, progress) = (source().await, MemoryRecords::new(), Progress::default());
    let copier = copier(&source, &target, &progress);
    copier.copy(PROJECT).await.unwrap();
    for (change, back) in [
        (put("small/9", b"y"), put("small/9", b"x")),
        (RecordWrite::Delete("small/9".into()), put("small/9", b"x")),
        (put("small/9+", b""), RecordWrite::Delete("small/9+".into())),
    ] {
        let name = hex(change.key());
        write(&target, [change]).await;
        let error = copier.verify(PROJECT).await.unwrap_err().to_string();
        assert!(error.contains(&format!("project 7: record {name} differs")), "{error}");
        write(&target, [back]).await;
    }
    copier.verify(PROJECT).await.unwrap();
}
