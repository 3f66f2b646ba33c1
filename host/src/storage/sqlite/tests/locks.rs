//! Locks that other processes hold on the database.

use super::*;

#[tokio::test]
async fn waiting_for_a_locked_database_blocks_no_thread() {
    let directory = TempDir::new().unwrap();
    // Without a write-ahead log, a writer locks readers out.
    let foreign = Connection::open(database(&directory)).unwrap();
    foreign
        .execute_batch("CREATE TABLE records (project, key, version, value); BEGIN EXCLUSIVE")
        .unwrap();
    let readers = Readers::new(database(&directory));
    let read = readers.read(|connection| reader::get(connection, PROJECT, &["a".into()]));
    // This runs on the only thread that there is.
    let unlock = async { foreign.execute_batch("COMMIT").unwrap() };
    let (values, ()) = tokio::join!(read, unlock);
    assert_eq!(values.unwrap().versions, [0]);
}

#[tokio::test(start_paused = true)]
async fn a_read_fails_when_the_database_stays_locked() {
    let directory = TempDir::new().unwrap();
    let foreign = Connection::open(database(&directory)).unwrap();
    foreign
        .execute_batch("CREATE TABLE records (project, key, version, value); BEGIN EXCLUSIVE")
        .unwrap();
    let readers = Readers::new(database(&directory));
    let read = readers.read(|connection| reader::scan(connection, PROJECT, &[range("a", "b")]));
    let error = read.await.unwrap_err();
    assert!(
        matches!(&error, StorageError::Unavailable(why) if why.contains("another process has locked")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_foreign_write_lock_stops_no_reads() {
    let (store, directory) = open();
    write(&store, [put("a", "1")]).await;
    let foreign = Connection::open(database(&directory)).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = hand_over(store.commit(PROJECT, commit(Vec::new(), vec![put("a", "2")]))).await;
    assert_eq!(get(&store, "a").await.1, b"1");
    assert_eq!(store.scan(PROJECT, &[range("a", "b")]).await.unwrap().counts, [1]);
    foreign.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap();
    assert_eq!(get(&store, "a").await.1, b"2");
}

#[tokio::test]
async fn emptying_the_log_does_not_wait_long_for_a_foreign_reader() {
    let (_queue, mut writer, directory) = idle_writer();
    writer.connection().execute_batch("CREATE TABLE t (x)").unwrap();
    let foreign = Connection::open(database(&directory)).unwrap();
    foreign.execute_batch("BEGIN").unwrap();
    foreign
        .query_row("SELECT count(*) FROM records", [], |_| Ok(()))
        .unwrap();
    writer.connection().execute_batch("CREATE TABLE u (x)").unwrap();
    let began = std::time::Instant::now();
    (0..4).for_each(|_| writer.empty_log());
    // It would take four times five seconds if it waited as for a lock.
    assert!(began.elapsed().as_secs() < 15);
    let log = || fs::metadata(directory.path().join("records.db-wal")).unwrap().len();
    assert!(log() > 0);
    drop(foreign);
    writer.empty_log();
    assert_eq!(log(), 0);
}
