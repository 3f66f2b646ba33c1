#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;

use rusqlite::Connection;
use tempfile::TempDir;

use super::queue::tests::hand_over;
use super::schema::Versions;
use super::*;
use crate::storage::suite::records::{entries, get, put, range, write};
use crate::storage::suite::{PROJECT, records_suite};
use crate::storage::{Check, Write};

mod locks;

fn open() -> (SqliteRecords, TempDir) {
    let directory = TempDir::new().unwrap();
    (reopen(&directory), directory)
}

fn reopen(directory: &TempDir) -> SqliteRecords {
    SqliteRecords::open(&database(directory)).unwrap()
}

fn database(directory: &TempDir) -> PathBuf {
    directory.path().join("records.db")
}

records_suite!(open());

/// A writer that has not started, on a fresh database.
fn idle_writer() -> (Queue, Writer, TempDir) {
    let (store, directory) = open();
    drop(store);
    let (queue, jobs) = Queue::new();
    let path = database(&directory);
    let writer = Writer::new(schema::open(&path).unwrap(), &path, jobs, Arc::clone(&queue.counts)).unwrap();
    (queue, writer, directory)
}

fn counts(queue: &Queue) -> (u64, u64) {
    (queue.counts.commits.get(), queue.counts.groups.get())
}

/// Queues all commits before the writer starts, then runs the writer.
async fn decide_together(queue: &Queue, writer: Writer, commits: Vec<Commit>) -> Vec<Result<(), CommitError>> {
    let mut waiting = Vec::new();
    for commit in commits {
        waiting.push(hand_over(queue.commit(PROJECT, commit)).await);
    }
    queue.close();
    writer.run();
    let mut outcomes = Vec::new();
    for deciding in waiting {
        outcomes.push(deciding.await);
    }
    outcomes
}

fn commit(checks: Vec<Check>, writes: Vec<Write>) -> Commit {
    Commit { checks, writes }
}

fn absent(key: &str) -> Vec<Check> {
    vec![Check {
        key: key.into(),
        version: 0,
    }]
}

#[tokio::test]
async fn queued_commits_share_one_transaction() {
    let (queue, writer, directory) = idle_writer();
    let commits = (0..100)
        .map(|i| commit(Vec::new(), vec![put(format!("k{i}"), "")]))
        .collect();
    let outcomes = decide_together(&queue, writer, commits).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(counts(&queue), (100, 1));
    let page = reopen(&directory).scan(PROJECT, &[range("k", "l")]).await.unwrap();
    assert_eq!(page.counts, [100]);
}

#[tokio::test]
async fn a_conflict_in_a_group_fails_that_commit_only() {
    let (queue, writer, directory) = idle_writer();
    let commits = ["1", "2", "3"]
        .map(|value| commit(absent("a"), vec![put("a", value), put(value, "")]))
        .to_vec();
    let outcomes = decide_together(&queue, writer, commits).await;
    assert!(outcomes[0].is_ok());
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, Err(CommitError::Conflict(key)) if key == b"a"));
    }
    assert_eq!(counts(&queue), (3, 1));
    let page = reopen(&directory).scan(PROJECT, &[range("", "z")]).await.unwrap();
    let keys: Vec<_> = entries(&page).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, [b"1", b"a"]);
}

#[tokio::test]
async fn a_failure_undoes_its_group_and_spares_the_next() {
    let (queue, writer, directory) = idle_writer();
    // The limit of pages acts like a full disk.
    writer.connection().pragma_update(None, "max_page_count", 10).unwrap();
    let writer_thread = std::thread::spawn(|| writer.run());
    let huge = commit(Vec::new(), vec![put("a", "small"), put("b", vec![0; 1 << 20])]);
    let failed = queue.commit(PROJECT, huge).await;
    assert!(
        matches!(failed, Err(CommitError::Failed(StorageError::Unavailable(_)))),
        "{failed:?}"
    );
    queue
        .commit(PROJECT, commit(absent("a"), vec![put("c", "")]))
        .await
        .unwrap();
    queue.close();
    writer_thread.join().unwrap();
    let page = reopen(&directory).scan(PROJECT, &[range("", "z")]).await.unwrap();
    assert_eq!(page.bytes, b"c");
}

#[tokio::test]
async fn every_commit_of_a_failed_group_fails() {
    let (queue, writer, _directory) = idle_writer();
    writer.connection().pragma_update(None, "max_page_count", 10).unwrap();
    let commits = vec![
        commit(absent("a"), vec![put("a", "")]),
        commit(absent("a"), vec![put("a", "")]),
        commit(Vec::new(), vec![put("b", vec![0; 1 << 20])]),
    ];
    for outcome in decide_together(&queue, writer, commits).await {
        assert!(
            matches!(outcome, Err(CommitError::Failed(StorageError::Unavailable(_)))),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn reopening_keeps_records_and_gives_new_versions() {
    let (store, directory) = open();
    let mut versions = std::collections::BTreeSet::new();
    let mut store = Some(store);
    for round in 0..4 {
        let open = store.take().unwrap_or_else(|| reopen(&directory));
        assert_eq!(get(&open, "kept").await.1, vec![1; round]);
        write(&open, [put("kept", vec![1; round + 1]), Write::Delete("again".into())]).await;
        write(&open, [put("again", "")]).await;
        assert!(versions.insert(get(&open, "kept").await.0));
        assert!(versions.insert(get(&open, "again").await.0));
    }
}

#[tokio::test]
async fn a_used_up_block_of_versions_is_followed_by_a_new_one() {
    let (queue, mut writer, directory) = idle_writer();
    writer.versions().use_up_to(2);
    let writer_thread = std::thread::spawn(|| writer.run());
    for i in 0..5 {
        queue
            .commit(PROJECT, commit(Vec::new(), vec![put(format!("k{i}"), "")]))
            .await
            .unwrap();
    }
    queue.close();
    writer_thread.join().unwrap();
    let keys: Vec<_> = (0..5).map(|i| format!("k{i}").into_bytes()).collect();
    let versions = reopen(&directory).get(PROJECT, &keys).await.unwrap().versions;
    assert!(versions.is_sorted_by(|a, b| a < b), "{versions:?}");
    let connection = Connection::open(database(&directory)).unwrap();
    assert!(Versions::reserve(&connection).unwrap().take() > versions[4]);
}

/// Each round opens the files of a crash, with the log cut at another place.
#[tokio::test]
async fn a_cut_log_loses_whole_commits_from_its_end_only() {
    let (store, directory) = open();
    for i in 0..12 {
        write(
            &store,
            [
                put("a", i.to_string()),
                put("z", i.to_string()),
                put(format!("i{i}"), ""),
            ],
        )
        .await;
    }
    let last = get(&store, "a").await.0;
    let (main, log) = (
        fs::read(database(&directory)).unwrap(),
        fs::read(directory.path().join("records.db-wal")).unwrap(),
    );
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..=log.len()).rev().step_by(3011).chain([log.len()]) {
        let crashed = TempDir::new().unwrap();
        fs::write(database(&crashed), &main).unwrap();
        fs::write(crashed.path().join("records.db-wal"), &log[..cut]).unwrap();
        let Ok(store) = SqliteRecords::open(&database(&crashed)) else {
            // Without the log, the main file has no tables yet: they were lost with the reservation of
            // versions.
            continue;
        };
        let values = store.get(PROJECT, &["a".into(), "z".into()]).await.unwrap();
        assert_eq!(values.versions[0], values.versions[1]);
        let page = store.scan(PROJECT, &[range("i", "j")]).await.unwrap();
        let expected = page.counts[0]
            .checked_sub(1)
            .map_or(String::new(), |i| i.to_string().repeat(2));
        assert_eq!(values.bytes, expected.into_bytes());
        seen.insert(page.counts[0]);
        write(&store, [put("a", "")]).await;
        assert!(cut < log.len() || get(&store, "a").await.0 > last);
    }
    assert!(seen.contains(&12) && seen.len() > 5, "{seen:?}");
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let (store, directory) = open();
    let path = database(&directory);
    let error = format!("{:#}", SqliteRecords::open(&path).err().unwrap());
    assert!(
        error.contains("another server") && error.contains(path.to_str().unwrap()),
        "{error}"
    );
    drop(store);
    reopen(&directory);
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let (store, directory) = open();
    drop(store);
    let connection = Connection::open(database(&directory)).unwrap();
    connection
        .execute("UPDATE meta SET value = 2 WHERE name = 'format'", [])
        .unwrap();
    let error = format!("{:#}", SqliteRecords::open(&database(&directory)).err().unwrap());
    assert!(error.contains("format 2") && error.contains("records.db"), "{error}");
}

#[tokio::test]
async fn foreign_files_are_refused_and_left_alone() {
    let directory = TempDir::new().unwrap();
    let connection = Connection::open(database(&directory)).unwrap();
    connection.execute_batch("CREATE TABLE other (x)").unwrap();
    drop(connection);
    let before = fs::read(database(&directory)).unwrap();
    assert!(format!("{:#}", SqliteRecords::open(&database(&directory)).err().unwrap()).contains("no records database"));
    assert_eq!(fs::read(database(&directory)).unwrap(), before);
    fs::write(database(&directory), "no database at all, but a text of some length").unwrap();
    assert!(SqliteRecords::open(&database(&directory)).is_err());
}

#[tokio::test]
async fn closing_completes_queued_commits_and_refuses_new_ones() {
    let (store, directory) = open();
    // Another process that writes makes the writer wait.
    let blocker = Connection::open(database(&directory)).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = Vec::new();
    for i in 0..50 {
        let deciding = store.commit(PROJECT, commit(Vec::new(), vec![put(format!("k{i}"), "")]));
        waiting.push(hand_over(deciding).await);
    }
    blocker.execute_batch("COMMIT").unwrap();
    store.close();
    for deciding in waiting {
        deciding.await.unwrap();
    }
    let after = store.commit(PROJECT, Commit::default()).await;
    assert!(matches!(after, Err(CommitError::Failed(StorageError::Unavailable(_)))));
    assert!(matches!(
        store.get(PROJECT, &["k".into()]).await,
        Err(StorageError::Unavailable(_))
    ));
    assert!(matches!(
        store.scan(PROJECT, &[range("k", "l")]).await,
        Err(StorageError::Unavailable(_))
    ));
    drop(store);
    assert_eq!(
        reopen(&directory)
            .scan(PROJECT, &[range("k", "l")])
            .await
            .unwrap()
            .counts,
        [50]
    );
}

#[tokio::test]
async fn the_log_stays_short() {
    let (store, directory) = open();
    let log = || fs::metadata(directory.path().join("records.db-wal")).unwrap().len();
    // A reader that never ends keeps SQLite from restarting the log.
    let reader = schema::open_reader(&database(&directory)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    reader
        .query_row("SELECT count(*) FROM records", [], |_| Ok(()))
        .unwrap();
    for i in 0..3 {
        write(&store, [put(format!("a{i}"), vec![1; 20 << 20])]).await;
    }
    assert!(log() > 60 << 20, "{}", log());
    reader.execute_batch("COMMIT").unwrap();
    write(&store, [put("a", vec![1; 20 << 20])]).await;
    // When this commit is decided, the writer has checked the length of the log.
    write(&store, [put("b", "")]).await;
    assert!(log() < 1 << 20, "{}", log());
}

#[tokio::test]
async fn a_failed_write_loses_nothing_and_later_ones_succeed() {
    let (queue, writer, directory) = idle_writer();
    let connection = Connection::open(database(&directory)).unwrap();
    // The pragma acts like a file system that has become read-only.
    writer.connection().pragma_update(None, "query_only", true).unwrap();
    let outcomes = decide_together(&queue, writer, vec![commit(Vec::new(), vec![put("a", "lost")])]).await;
    let refused = &outcomes[0];
    assert!(
        matches!(refused, Err(CommitError::Failed(StorageError::Unavailable(why))) if why.contains("readonly")),
        "{refused:?}"
    );
    drop(connection);
    let store = reopen(&directory);
    assert_eq!(get(&store, "a").await.0, 0);
    write(&store, [put("a", "kept")]).await;
    assert_eq!(get(&store, "a").await.1, b"kept");
}

#[tokio::test]
async fn a_database_keeps_its_own_identity() {
    let (store, directory) = open();
    let (other, _other) = open();
    assert_ne!(store.identity(), other.identity());
    let identity = store.identity();
    drop(store);
    assert_eq!(reopen(&directory).identity(), identity);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let (store, directory) = open();
    write(&store, [put("a", "")]).await;
    for file in fs::read_dir(directory.path()).unwrap() {
        assert_eq!(
            file.as_ref().unwrap().metadata().unwrap().permissions().mode() & 0o777,
            0o600,
            "{file:?}"
        );
    }
}

#[tokio::test]
async fn idle_readers_are_reused() {
    let (store, _directory) = open();
    for _ in 0..20 {
        get(&store, "a").await;
    }
    assert_eq!(store.readers.idle_count(), 1);
}
