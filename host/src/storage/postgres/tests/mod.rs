#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_postgres::{Client, NoTls};

use super::*;
use crate::storage::suite::records::{get, put, range, write};
use crate::storage::suite::{PROJECT, records_suite};
use crate::storage::{Check, PAGE_ENTRIES_MAX, Write};

mod cut;
mod faults;
#[cfg(feature = "s3")]
mod files;
mod groups;
mod races;
mod schema;
mod snapshot;
mod tables;

/// A server for tests, without a database. `cargo xtask test postgres` starts it.
fn server() -> String {
    std::env::var("MLFORGE_TEST_POSTGRES").expect("MLFORGE_TEST_POSTGRES: run `cargo xtask test postgres`")
}

/// A database of its own for one test.
pub(crate) struct Database {
    pub(crate) address: PostgresAddress,
    name: String,
}

impl Database {
    pub(crate) async fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("t{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = connect("postgres").await;
        admin
            .batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0"))
            .await
            .unwrap();
        Self {
            address: format!("{}/{name}", server()).parse().unwrap(),
            name,
        }
    }

    pub(crate) async fn records(&self) -> PostgresRecords {
        PostgresRecords::open(&self.address).await.unwrap()
    }

    /// A connection that knows nothing of mlforge.
    pub(crate) async fn client(&self) -> Client {
        connect(&self.name).await
    }
}

async fn connect(database: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(&format!("{}/{database}", server()), NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

async fn open() -> (PostgresRecords, Database) {
    let database = Database::new().await;
    (database.records().await, database)
}

records_suite!(open().await);

fn commit(checks: Vec<Check>, writes: Vec<Write>) -> Commit {
    Commit { checks, writes }
}

fn check(key: &str, version: u64) -> Check {
    Check {
        key: key.into(),
        version,
    }
}

#[tokio::test]
async fn the_hosts_of_a_database_see_each_others_commits() {
    let (one, database) = open().await;
    let two = database.records().await;
    assert_eq!(one.identity(), two.identity());
    write(&one, [put("a", "1")]).await;
    let (version, value) = get(&two, "a").await;
    assert_eq!(value, b"1");
    two.commit(PROJECT, commit(vec![check("a", version)], vec![put("a", "2")]))
        .await
        .unwrap();
    let outdated = one
        .commit(PROJECT, commit(vec![check("a", version)], vec![put("a", "3")]))
        .await;
    assert!(matches!(outdated, Err(CommitError::Conflict(key)) if key == b"a"));
    assert_eq!(get(&one, "a").await.1, b"2");
}

#[tokio::test]
async fn a_setting_is_that_of_the_first_host() {
    let (one, database) = open().await;
    let two = database.records().await;
    assert_eq!(one.setting("key", b"1").await.unwrap(), b"1");
    assert_eq!(two.setting("key", b"2").await.unwrap(), b"1");
    assert_eq!(two.setting("other", b"2").await.unwrap(), b"2");
}

#[tokio::test]
async fn projects_are_listed_in_order() {
    let (store, _database) = open().await;
    assert_eq!(store.projects(None).await.unwrap(), []);
    for project in [5, 0, 70_000] {
        store
            .commit(ProjectId(project), commit(vec![], vec![put("a", "")]))
            .await
            .unwrap();
    }
    assert_eq!(store.projects(None).await.unwrap(), [0, 5, 70_000].map(ProjectId));
    assert_eq!(store.projects(Some(ProjectId(5))).await.unwrap(), [ProjectId(70_000)]);
}

#[tokio::test]
async fn a_page_ends_at_its_number_of_entries() {
    let (store, _database) = open().await;
    let count = PAGE_ENTRIES_MAX + 5;
    for first in (0..count).step_by(10_000) {
        let writes: Vec<_> = (first..count.min(first + 10_000))
            .map(|i| put(format!("k{i:06}"), ""))
            .collect();
        write(&store, writes).await;
    }
    let page = store.scan(PROJECT, &[range("k", "l"), range("k", "l")]).await.unwrap();
    assert_eq!(
        (page.counts, page.cut),
        (vec![u32::try_from(PAGE_ENTRIES_MAX).unwrap(), 0], Some(0))
    );
    let last = PAGE_ENTRIES_MAX - 1;
    let rest = store
        .scan(PROJECT, &[range(format!("k{last:06}\0"), "l")])
        .await
        .unwrap();
    assert_eq!((rest.counts, rest.cut), (vec![5], None));
}
