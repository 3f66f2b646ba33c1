//! Groups: commits that share a transaction.

use super::*;
use crate::storage::suite::records::entries;

/// Holds the head of the project, as a slow group of another host does, until the returned client commits.
async fn hold(database: &Database) -> Client {
    let client = database.client().await;
    client
        .batch_execute("BEGIN; INSERT INTO mlforge.heads VALUES (7, 1) ON CONFLICT (project) DO UPDATE SET seq = 1")
        .await
        .unwrap();
    client
}

/// Queues commits while another host holds the project, and returns their outcomes in order.
async fn decide_together(
    store: &Arc<PostgresRecords>,
    database: &Database,
    commits: Vec<Commit>,
) -> Vec<Result<(), CommitError>> {
    let held = hold(database).await;
    let mut waiting = Vec::new();
    for commit in commits {
        let store = Arc::clone(store);
        let mut deciding = Box::pin(async move { store.commit(PROJECT, commit).await });
        // The first poll queues the commit.
        let first =
            std::future::poll_fn(|context| std::task::Poll::Ready(deciding.as_mut().poll(context).is_pending()));
        assert!(first.await);
        waiting.push(deciding);
    }
    held.batch_execute("COMMIT").await.unwrap();
    let mut outcomes = Vec::new();
    for deciding in waiting {
        outcomes.push(deciding.await);
    }
    outcomes
}

#[tokio::test]
async fn queued_commits_share_transactions() {
    let (store, database) = open().await;
    let store = Arc::new(store);
    let commits = (0..100)
        .map(|i| commit(vec![], vec![put(format!("k{i}"), "")]))
        .collect();
    let outcomes = decide_together(&store, &database, commits).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let counts = store.counts().unwrap();
    assert!(counts.commits == 100 && counts.groups <= 2, "{counts:?}");
    assert_eq!((counts.conflicts, counts.queued, counts.bytes), (0, 0, None));
    assert_eq!(counts.syncs.count(), counts.groups);
    assert_eq!(store.scan(PROJECT, &[range("k", "l")]).await.unwrap().counts, [100]);
}

#[tokio::test]
async fn of_commits_that_expect_the_same_version_one_succeeds_and_the_others_cost_nothing() {
    let (store, database) = open().await;
    let store = Arc::new(store);
    let commits = (0..50)
        .map(|i| {
            commit(
                vec![check("b", 0), check("a", 0)],
                vec![put("a", i.to_string()), put(format!("i{i}"), "")],
            )
        })
        .collect();
    let outcomes = decide_together(&store, &database, commits).await;
    assert!(outcomes[0].is_ok());
    for outcome in &outcomes[1..] {
        assert!(matches!(outcome, Err(CommitError::Conflict(key)) if key == b"a"));
    }
    let counts = store.counts().unwrap();
    assert!(counts.groups <= 2, "{counts:?}");
    assert_eq!((counts.commits, counts.conflicts), (50, 49));
    let page = store.scan(PROJECT, &[range("", "z")]).await.unwrap();
    let keys: Vec<_> = entries(&page).into_iter().map(|(_, key, _)| key).collect();
    assert_eq!(keys, [b"a".to_vec(), b"i0".to_vec()]);
}

#[tokio::test]
async fn commits_of_a_group_apply_in_their_order() {
    let (store, database) = open().await;
    let store = Arc::new(store);
    write(&*store, [put("d", "old")]).await;
    let raise = |value: &str| Write::PutMax(b"m".to_vec(), value.into());
    let delete = |key: &str| Write::Delete(key.into());
    let commits = [
        vec![put("a", "1"), raise("5")],
        vec![put("a", "2"), raise("9"), delete("d")],
        vec![put("a", "3"), raise("7")],
        vec![delete("a")],
        vec![put("a", "4"), put("d", "new")],
    ];
    let outcomes = decide_together(&store, &database, commits.map(|writes| commit(vec![], writes)).to_vec()).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let values = store.get(PROJECT, &["a", "m", "d"].map(Into::into)).await.unwrap();
    assert_eq!(values.bytes, b"49new");
}

#[tokio::test]
async fn a_broken_check_fails_its_commit_only() {
    let (store, database) = open().await;
    let store = Arc::new(store);
    let commits = vec![
        commit(vec![check("x", 0)], vec![put("a", "1")]),
        commit(
            vec![check("y", 0), check("x", 7), check("z", 7)],
            vec![put("a", "2"), put("b", "2")],
        ),
        commit(vec![check("x", 0), check("y", 0)], vec![put("c", "3")]),
    ];
    let outcomes = decide_together(&store, &database, commits).await;
    assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    assert!(matches!(&outcomes[1], Err(CommitError::Conflict(key)) if key == b"x"));
    let page = store.scan(PROJECT, &[range("", "z")]).await.unwrap();
    assert_eq!(
        entries(&page)
            .into_iter()
            .map(|(_, _, value)| value)
            .collect::<Vec<_>>(),
        [b"1", b"3"]
    );
}
