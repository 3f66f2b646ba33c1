//! A database that is away, refuses, or has lost a writer's fence.

use super::*;
use crate::storage::postgres::connector::Fault;
use crate::storage::postgres::group::Group;
use crate::storage::postgres::line::{Line, Sent};

/// Ends the sessions of all hosts, and lets nobody in.
async fn shut(database: &Database) {
    let admin = connect("postgres").await;
    let name = &database.name;
    admin
        .batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        .await
        .unwrap();
    admin
        .batch_execute(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        ))
        .await
        .unwrap();
}

async fn unshut(database: &Database) {
    let admin = connect("postgres").await;
    let name = &database.name;
    admin
        .batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
        .await
        .unwrap();
}

fn is_unavailable(result: &Result<(), CommitError>) -> bool {
    matches!(result, Err(CommitError::Failed(StorageError::Unavailable(_))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_ride_out_a_short_absence() {
    let (store, database) = open().await;
    let store = Arc::new(store);
    write(&*store, [put("a", "1")]).await;
    shut(&database).await;
    let (reader, writer) = (Arc::clone(&store), Arc::clone(&store));
    let read = tokio::spawn(async move { get(&*reader, "a").await.1 });
    let written = tokio::spawn(async move { writer.commit(PROJECT, commit(vec![], vec![put("b", "2")])).await });
    // Both have met the closed door when the health knows of it.
    while store.health.is_well() {
        tokio::task::yield_now().await;
    }
    unshut(&database).await;
    assert_eq!(read.await.unwrap(), b"1");
    written.await.unwrap().unwrap();
    assert_eq!(get(&*store, "b").await.1, b"2");
    store.ping().await.unwrap();
}

#[tokio::test]
async fn after_a_long_absence_calls_fail_at_once_until_the_database_is_back() {
    let (store, database) = open().await;
    write(&store, [put("a", "1")]).await;
    shut(&database).await;
    store.health.has_been_away();
    assert!(store.ping().await.is_err() && store.get(PROJECT, &["a".into()]).await.is_err());
    assert!(is_unavailable(
        &store.commit(PROJECT, commit(vec![], vec![put("a", "2")])).await
    ));
    unshut(&database).await;
    // Only commits come now. The first ones may meet the pause between two tries.
    while is_unavailable(&store.commit(PROJECT, commit(vec![], vec![put("a", "2")])).await) {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(&store, "a").await.1, b"2");
}

#[tokio::test]
async fn a_commit_that_the_database_refuses_fails_alone() {
    let (store, database) = open().await;
    let client = database.client().await;
    // Stands for a full disk, for one record.
    client
        .batch_execute("ALTER TABLE mlforge.records ADD CONSTRAINT refused CHECK (key <> 'bad'::bytea)")
        .await
        .unwrap();
    let (good, bad, other) = tokio::join!(
        store.commit(PROJECT, commit(vec![], vec![put("good", "")])),
        store.commit(PROJECT, commit(vec![], vec![put("bad", ""), put("half", "")])),
        store.commit(PROJECT, commit(vec![], vec![put("other", "")])),
    );
    assert!(good.is_ok() && other.is_ok() && is_unavailable(&bad));
    let page = store.scan(PROJECT, &[range("", "z")]).await.unwrap();
    assert_eq!(page.counts, [2]);
}

/// A connection whose fence was taken over changes nothing, even if it goes on later.
#[tokio::test]
async fn a_fenced_connection_writes_nothing() {
    let (store, database) = open().await;
    let connector = Connector::new(&database.address).unwrap();
    let line = async |fence| {
        Line::open(&connector, fence)
            .await
            .map_err(|fault: Fault| fault.text().to_owned())
    };
    let (mut old, _) = line(None).await.unwrap();
    let fence = old.fence();
    let group = async |line: &mut Line, key: &str, id| {
        let group = Group::of_test(PROJECT, commit(vec![], vec![put(key, "")])).await;
        line.send(&group, id)
            .await
            .map_err(|fault| fault.text().to_owned())
            .unwrap()
    };
    assert!(matches!(group(&mut old, "a", 11).await, Sent::Decided(_)));
    let (mut new, former) = line(Some(old.fence())).await.unwrap();
    assert_eq!(former.unwrap().id, 11);
    assert!(matches!(group(&mut old, "b", 12).await, Sent::Fenced));
    assert!(matches!(group(&mut new, "c", 13).await, Sent::Decided(_)));
    assert_ne!(format!("{fence:?}"), format!("{:?}", new.fence()));
    let page = store.scan(PROJECT, &[range("", "z")]).await.unwrap();
    assert_eq!(page.counts, [2]);
}
