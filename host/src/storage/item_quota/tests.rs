#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::storage::memory::MemoryRecords;
use crate::storage::suite::{PROJECT, records_suite};
use crate::storage::{Check, PerProject, Write};

/// Items that are single records, and items of which a record tells its number.
fn kinds(max: u64) -> Vec<ItemKind> {
    let single = ItemKind {
        name: "runs",
        ranges: &[(b"r", b"s")],
        count: |_, _| Some(1),
        max: PerProject::all(max),
    };
    let many = ItemKind {
        name: "points",
        ranges: &[(b"H", b"I"), (b"h", b"i")],
        count: |_, value| Some(value.first().copied().map_or(0, u64::from)),
        max: PerProject::all(max),
    };
    vec![single, many]
}

fn bounded(records: Arc<dyn Records>, max: u64) -> ItemQuota {
    ItemQuota::new(records, kinds(max), false)
}

records_suite!((bounded(Arc::new(MemoryRecords::new()), u64::MAX), ()));

fn put(key: &str, count: u8) -> Commit {
    Commit {
        checks: vec![Check {
            key: key.into(),
            version: 0,
        }],
        writes: vec![Write::Put(key.into(), vec![count])],
    }
}

fn delete(key: &str) -> Commit {
    Commit {
        checks: Vec::new(),
        writes: vec![Write::Delete(key.into())],
    }
}

async fn is_full(quota: &ItemQuota, commit: Commit) -> bool {
    match quota.commit(PROJECT, commit).await {
        Ok(()) => false,
        Err(CommitError::Failed(StorageError::Full(_))) => true,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn items_from_before_the_start_are_counted() {
    let records = Arc::new(MemoryRecords::new());
    for number in 0..2 * RECORDS_AT_ONCE {
        records.commit(PROJECT, put(&format!("r{number}"), 1)).await.unwrap();
    }
    records.commit(PROJECT, put("other", 1)).await.unwrap();
    let quota = bounded(records, u64::from(2 * RECORDS_AT_ONCE) + 1);
    assert!(!is_full(&quota, put("r-a", 1)).await);
    assert!(is_full(&quota, put("r-b", 1)).await);
    assert!(!is_full(&quota, put("other-b", 1)).await);
    assert!(!is_full(&quota, delete("r0")).await);
    assert!(!is_full(&quota, put("r-b", 1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_and_a_change_of_an_item_count_nothing() {
    let quota = bounded(Arc::new(MemoryRecords::new()), 2);
    assert!(!is_full(&quota, put("r1", 1)).await);
    for _ in 0..5 {
        let again = quota.commit(PROJECT, put("r1", 1)).await;
        assert!(matches!(again, Err(CommitError::Conflict(_))), "{again:?}");
    }
    let version = quota.get(PROJECT, &[b"r1".to_vec()]).await.unwrap().versions[0];
    let mut change = put("r1", 1);
    change.checks[0].version = version;
    assert!(!is_full(&quota, change).await);
    assert!(!is_full(&quota, put("r2", 1)).await);
    assert!(is_full(&quota, put("r3", 1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_full_project_is_counted_again_when_it_may_have_less() {
    let quota = bounded(Arc::new(MemoryRecords::new()), 10);
    assert!(!is_full(&quota, put("h1", 10)).await);
    assert!(is_full(&quota, put("h2", 1)).await);
    // The key of a deleted record does not tell how many items it had.
    assert!(!is_full(&quota, delete("h1")).await);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(is_full(&quota, put("h2", 10)).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!is_full(&quota, put("h2", 10)).await);
}

#[tokio::test]
async fn changes_beside_a_count_are_counted_once() {
    let records = Arc::new(MemoryRecords::new());
    for number in 0..3 * RECORDS_AT_ONCE {
        records.commit(PROJECT, put(&format!("r{number:06}"), 1)).await.unwrap();
    }
    let quota = bounded(records, u64::from(3 * RECORDS_AT_ONCE));
    let account = quota.inner.account(PROJECT);
    let mut end = quota.inner.begin_count(PROJECT, &account).unwrap();
    let mut swapped = 0_u32;
    while !*end.borrow() {
        // One goes and one comes, each on one side of the place that the count has reached or on the other.
        let (gone, new) = (swapped * 7 % (3 * RECORDS_AT_ONCE), 900_000 - swapped);
        for commit in [delete(&format!("r{gone:06}")), put(&format!("r{new:06}"), 1)] {
            let changes = quota.inner.kinds.changes(&commit);
            quota.inner.commit(PROJECT, &account, commit, &changes).await.unwrap();
        }
        swapped += 1;
        tokio::task::yield_now().await;
    }
    assert!(end.wait_for(|is_over| *is_over).await.is_ok());
    assert!(account.exceeded(&quota.inner.kinds.changes(&put("r-", 1))).is_some());
    quota
        .commit(PROJECT, delete(&format!("r{:06}", 900_000)))
        .await
        .unwrap();
    assert!(account.exceeded(&quota.inner.kinds.changes(&put("r-", 1))).is_none());
}

/// Two hosts that share records.
fn hosts(max: u64) -> [ItemQuota; 2] {
    let records = Arc::new(MemoryRecords::new());
    [(); 2].map(|()| ItemQuota::new(Arc::<MemoryRecords>::clone(&records), kinds(max), true))
}

#[tokio::test(start_paused = true)]
async fn a_host_learns_after_minutes_what_another_one_added() {
    let [one, other] = hosts(4);
    assert!(!is_full(&one, put("r1", 1)).await);
    for name in ["r2", "r3"] {
        assert!(!is_full(&other, put(name, 1)).await);
    }
    tokio::time::sleep(Duration::from_secs(301)).await;
    // This change begins the count, which the next one finds.
    assert!(!is_full(&one, put("r4", 1)).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(is_full(&one, put("r5", 1)).await);
}

#[tokio::test(start_paused = true)]
async fn a_full_host_learns_within_a_minute_that_another_one_made_room() {
    let [one, other] = hosts(1);
    assert!(!is_full(&one, put("r1", 1)).await);
    assert!(!is_full(&other, delete("r1")).await);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert!(is_full(&one, put("r2", 1)).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!is_full(&one, put("r2", 1)).await);
}
