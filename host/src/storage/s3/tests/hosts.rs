//! Several hosts on one bucket and the same records.

use std::collections::BTreeSet;

use super::*;
use crate::storage::quota::Quota;
use crate::storage::suite::blobs::list;
use crate::storage::{FileUsage, PerProject};

/// Hosts that know nothing of each other.
async fn hosts(count: usize) -> (Vec<S3Blobs>, Arc<Fake>) {
    let records: Arc<dyn Records> = Arc::new(MemoryRecords::new());
    hosts_on(vec![records; count]).await
}

async fn hosts_on(records: Vec<Arc<dyn Records>>) -> (Vec<S3Blobs>, Arc<Fake>) {
    let (fake, place) = Fake::start().await;
    let mut hosts = Vec::new();
    for records in records {
        hosts.push(S3Blobs::open(&place, records).await.unwrap());
    }
    (hosts, fake)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hosts_that_write_one_name_at_once_one_wins_whole() {
    let (hosts, fake) = hosts(2).await;
    let contents = [large(1), large(2)];
    for round in 0..5 {
        let staged = [
            stage(&hosts[0], &contents[0]).await,
            stage(&hosts[1], &contents[1]).await,
        ];
        let writes = hosts.iter().zip(staged).map(|(host, staged)| {
            let host = host.clone();
            tokio::spawn(async move { host.commit(PROJECT, staged, "d/a").await })
        });
        for write in writes.collect::<Vec<_>>() {
            write.await.unwrap().unwrap();
        }
        let seen = whole(&hosts[0], "d/a").await.unwrap();
        assert!(contents.contains(&seen), "round {round}");
        assert!(whole(&hosts[1], "d/a").await.unwrap() == seen, "round {round}");
        assert_eq!(usage(&hosts[1]).await, (1, 12_000_000));
    }
    collect_all(&hosts[0]).await;
    assert_eq!(fake.keys().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_many_hosts_lose_nothing() {
    let records: Arc<dyn Records> = Arc::new(MemoryRecords::new());
    change_much_at_once(vec![records; 3]).await;
}

/// Changes the files of a project on three hosts, each with its own access to the records, and compares what is left.
pub(in crate::storage) async fn change_much_at_once(records: Vec<Arc<dyn Records>>) {
    let (hosts, fake) = hosts_on(records).await;
    let works: Vec<_> = (0..9)
        .map(|work| {
            let host = hosts[work % 3].clone();
            tokio::spawn(async move {
                for i in 0..12 {
                    put(&host, &format!("d/{}/{work}-{i}", i % 3), "12").await;
                    put(&host, &format!("d/shared-{}", i % 2), "345").await;
                    if i % 4 == 3 {
                        let name = format!("d/{}/{work}-{i}", i % 3);
                        // Another task may have removed the directory.
                        assert!(host.delete(PROJECT, &name).await.unwrap() || i == 7);
                    }
                    if i == 7 {
                        host.delete_below(PROJECT, "d/1").await.unwrap();
                    }
                }
            })
        })
        .collect();
    for work in works {
        work.await.unwrap();
    }
    let (mut files, mut bytes) = (0, 0);
    let mut directories = BTreeSet::from(["d".to_owned()]);
    while let Some(directory) = directories.pop_first() {
        for (name, size) in list(&hosts[1], &directory).await {
            match size {
                Some(size) => (files, bytes) = (files + 1, bytes + size),
                None => _ = directories.insert(format!("{directory}/{name}")),
            }
        }
    }
    assert_eq!(usage(&hosts[2]).await, (files, bytes));
    collect_all(&hosts[2]).await;
    assert_eq!(fake.keys().len() as u64, files);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_file_and_a_directory_made_at_once_one_succeeds() {
    let (hosts, _fake) = hosts(2).await;
    for round in 0..10 {
        let (above, below) = (format!("{round}/a"), format!("{round}/a/b"));
        let (one, other) = (stage(&hosts[0], "1").await, stage(&hosts[1], "2").await);
        let (one, other) = tokio::join!(
            hosts[0].commit(PROJECT, one, &above),
            hosts[1].commit(PROJECT, other, &below)
        );
        assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_is_that_of_all_hosts() {
    let (hosts, fake) = hosts(3).await;
    let max = FileUsage {
        files: u64::MAX,
        bytes: 10,
    };
    let quotas: Vec<Quota> = hosts
        .iter()
        .map(|host| Quota::new(Arc::new(host.clone()), PerProject::all(max)))
        .collect();
    let uploads: Vec<_> = (0..12)
        .map(|upload| {
            let quota = quotas[upload % 3].clone();
            tokio::spawn(async move {
                let contents = crate::storage::suite::blobs::stream(vec![Ok("1234".into())]);
                let staged = quota.stage(PROJECT, contents, u64::MAX).await?;
                quota.commit(PROJECT, staged, &format!("{upload}")).await
            })
        })
        .collect();
    let mut stored = 0;
    for upload in uploads {
        match upload.await.unwrap() {
            Ok(()) => stored += 1,
            Err(StorageError::Full(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((stored, usage(&hosts[0]).await), (2, (2, 8)));
    until(|| fake.keys().len() == 2).await;
    // Room that one host frees may be used by another.
    let name = list(&hosts[0], "").await[0].0.clone();
    assert!(quotas[0].delete(PROJECT, &name).await.unwrap());
    put(&quotas[1], "again", "123456").await;
    assert!(quotas[2].reserve(PROJECT, 1).await.unwrap().is_none());
    assert_eq!(quotas[2].used(PROJECT).await.unwrap(), 10);
    // A replacement counts only what it adds.
    put(&hosts[2], "again", "654321").await;
}
