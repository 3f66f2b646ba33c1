//! Views of one moment, for tools.

use std::ops::ControlFlow;

use super::*;
use crate::storage::PAGE_BYTES;
use crate::storage::postgres::PostgresSnapshot;

/// Opens a view, which waits for the database, on a thread of its own.
async fn snapshot(database: &Database) -> PostgresSnapshot {
    let address = database.address.clone();
    let opened = tokio::task::spawn_blocking(move || PostgresSnapshot::open(&address).unwrap());
    opened.await.unwrap()
}

/// Reads with a view on a thread that may wait.
async fn reading<T: Send + 'static>(
    snapshot: PostgresSnapshot,
    read: impl FnOnce(&PostgresSnapshot) -> T + Send + 'static,
) -> T {
    let read = move || {
        let result = read(&snapshot);
        drop(snapshot);
        result
    };
    tokio::task::spawn_blocking(read).await.unwrap()
}

fn keys(snapshot: &PostgresSnapshot, prefix: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let collect = |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        ControlFlow::Continue(())
    };
    snapshot.scan(PROJECT, prefix, collect).unwrap();
    keys
}

#[tokio::test]
async fn a_view_is_of_one_moment() {
    let (store, database) = open().await;
    write(&store, vec![put("a", "old"), put("b", "")]).await;
    let snapshot = snapshot(&database).await;
    assert!(snapshot.is_shared());
    write(&store, vec![put("a", "new"), put("c", ""), Write::Delete("b".into())]).await;
    reading(snapshot, |snapshot| {
        assert_eq!(snapshot.projects().unwrap(), [PROJECT]);
        assert_eq!(snapshot.get(PROJECT, b"a").unwrap(), Some(b"old".to_vec()));
        assert_eq!(snapshot.get(PROJECT, b"b").unwrap(), Some(vec![]));
        assert_eq!(snapshot.get(PROJECT, b"c").unwrap(), None);
        assert_eq!(keys(snapshot, b""), [b"a", b"b"]);
    })
    .await;
}

#[tokio::test]
async fn a_view_reads_more_than_a_page() {
    let (store, database) = open().await;
    for number in 0..5 {
        let large = Write::Put(format!("x{number}").into(), vec![number; PAGE_BYTES / 2]);
        write(&store, vec![large]).await;
    }
    write(&store, vec![put("w", ""), put("y", "")]).await;
    let snapshot = snapshot(&database).await;
    reading(snapshot, |snapshot| {
        assert_eq!(keys(snapshot, b"").len(), 7);
        assert_eq!(keys(snapshot, b"x"), [b"x0", b"x1", b"x2", b"x3", b"x4"]);
        let mut count = 0;
        let first = |_: &[u8], _: &[u8]| {
            count += 1;
            ControlFlow::Break(())
        };
        snapshot.scan(PROJECT, b"x", first).unwrap();
        assert_eq!(count, 1);
    })
    .await;
}
