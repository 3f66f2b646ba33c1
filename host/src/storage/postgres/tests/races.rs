//! Two hosts, each with several clients, race on a few records. Every race of a check with a write is made on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::Barrier;

use super::*;

/// Number of hosts, and of clients of each.
const HOSTS: usize = 2;
const CLIENTS: usize = 4;
const ROUNDS: usize = 30;

/// The part of one client in a round: its changes and answers.
#[derive(Default)]
struct Seen {
    /// Names of the races that it won.
    won: Vec<&'static str>,
    /// The count that it wrote.
    count: Option<u64>,
}

async fn decided(store: &PostgresRecords, checks: Vec<Check>, writes: Vec<Write>) -> bool {
    match store.commit(PROJECT, commit(checks, writes)).await {
        Ok(()) => true,
        Err(CommitError::Conflict(_)) => false,
        Err(CommitError::Failed(error)) => panic!("{error}"),
    }
}

/// Adds one to the counter, as often as it takes.
async fn count_up(store: &PostgresRecords) -> u64 {
    loop {
        let (version, value) = get(store, "counter").await;
        let count = String::from_utf8(value).unwrap().parse::<u64>().unwrap_or(0) + 1;
        if decided(
            store,
            vec![check("counter", version)],
            vec![put("counter", count.to_string())],
        )
        .await
        {
            return count;
        }
    }
}

/// The races of one client in one round.
async fn play(store: &PostgresRecords, round: usize, client: usize) -> Seen {
    let mut seen = Seen::default();
    let name = |race: &str| format!("{race}/{round:03}");
    // Exactly one creates an absent record.
    if decided(
        store,
        vec![check(&name("make"), 0)],
        vec![put(name("make"), client.to_string())],
    )
    .await
    {
        seen.won.push("make");
    }
    // Each half writes one of two records if both are absent. If both halves won, that would be write skew.
    let (a, b) = (name("skew-a"), name("skew-b"));
    let (mine, won) = if client.is_multiple_of(2) {
        (&a, "skew-a")
    } else {
        (&b, "skew-b")
    };
    if decided(store, vec![check(&a, 0), check(&b, 0)], vec![put(mine, "")]).await {
        seen.won.push(won);
    }
    // Blind writes in both orders: readers must see them as one.
    let value = client.to_string();
    let mut pair = vec![put(name("pair-a"), &value), put(name("pair-b"), &value)];
    if client.is_multiple_of(2) {
        pair.reverse();
    }
    assert!(decided(store, vec![], pair).await);
    let both = store
        .get(PROJECT, &[name("pair-a").into(), name("pair-b").into()])
        .await
        .unwrap();
    assert_eq!(both.versions[0], both.versions[1]);
    assert!(decided(store, vec![], vec![Write::PutMax(name("max").into(), value.into())]).await);
    seen.count = Some(count_up(store).await);
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_of_two_hosts_have_one_winner_and_lose_nothing() {
    let database = Database::new().await;
    let barrier = Arc::new(Barrier::new(HOSTS * CLIENTS));
    let mut clients = Vec::new();
    for host in 0..HOSTS {
        let store = Arc::new(database.records().await);
        for client in 0..CLIENTS {
            let (store, barrier) = (Arc::clone(&store), Arc::clone(&barrier));
            clients.push(tokio::spawn(async move {
                let mut seen = Vec::new();
                for round in 0..ROUNDS {
                    barrier.wait().await;
                    seen.push(play(&store, round, host * CLIENTS + client).await);
                }
                seen
            }));
        }
    }
    let (mut wins, mut counts) = (BTreeMap::new(), BTreeSet::new());
    for client in clients {
        for (round, seen) in client.await.unwrap().into_iter().enumerate() {
            for won in seen.won {
                *wins.entry((round, won.split('-').next().unwrap())).or_insert(0) += 1;
            }
            assert!(counts.insert(seen.count.unwrap()), "a count was given twice");
        }
    }
    let all = HOSTS * CLIENTS * ROUNDS;
    assert_eq!(counts, (1..=u64::try_from(all).unwrap()).collect());
    assert!(
        wins.len() == 2 * ROUNDS && wins.values().all(|count| *count == 1),
        "{wins:?}"
    );
    let store = database.records().await;
    for round in 0..ROUNDS {
        assert_eq!(get(&store, &format!("max/{round:03}")).await.1, b"7");
    }
}

/// Each client deletes the record, makes it again, or replaces it. A version must always mean the same value.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_never_means_two_values() {
    let database = Database::new().await;
    let mut clients = Vec::new();
    for client in 0..HOSTS * CLIENTS {
        let store = database.records().await;
        clients.push(tokio::spawn(async move {
            let mut seen = BTreeMap::new();
            for round in 0..ROUNDS {
                let (version, value) = get(&store, "a").await;
                if version > 0 {
                    assert!(seen.insert(version, value.clone()).is_none_or(|former| former == value));
                }
                let write = match (client + round) % 3 {
                    0 => Write::Delete("a".into()),
                    _ => put("a", format!("{client}/{round}")),
                };
                decided(&store, vec![check("a", version)], vec![write]).await;
            }
            seen
        }));
    }
    let mut all = BTreeMap::new();
    for client in clients {
        for (version, value) in client.await.unwrap() {
            assert_eq!(*all.entry(version).or_insert_with(|| value.clone()), value);
        }
    }
}

/// Connections end at any moment, also while a group commits. The fence tells whether it has, so that no commit happens twice and
/// no caller sees an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_and_repeat_nothing() {
    let database = Database::new().await;
    let store = Arc::new(database.records().await);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for round in 0..100 {
                    count_up(&store).await;
                    // A second try of this commit would fail, because its record exists then.
                    let once = format!("once/{client}/{round}");
                    assert!(decided(&store, vec![check(&once, 0)], vec![put(&once, "")]).await);
                }
            })
        })
        .collect();
    let killer = database.client().await;
    let mut killed: i64 = 0;
    while !clients.iter().all(tokio::task::JoinHandle::is_finished) {
        let kill = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'mlforge' AND datname = current_database()) ended";
        killed += killer.query_one(kill, &[]).await.unwrap().get::<_, i64>(0);
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    for client in clients {
        client.await.unwrap();
    }
    assert!(killed > 0);
    let expected = (CLIENTS * 100).to_string();
    assert_eq!(get(&*store, "counter").await.1, expected.as_bytes());
    let once = store.scan(PROJECT, &[range("once/", "once0")]).await.unwrap();
    assert_eq!(once.counts[0].to_string(), expected);
}
