//! The tables, their format, and the plans of the statements.

use super::*;
use crate::storage::postgres::statements::{APPLY, GET, LOCK_HEAD, MEASURE, PROJECTS, SCAN};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_that_start_together_create_the_tables_once() {
    let database = Arc::new(Database::new().await);
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let database = Arc::clone(&database);
            tokio::spawn(async move { database.records().await.identity() })
        })
        .collect();
    let mut identities = std::collections::BTreeSet::new();
    for opened in opening {
        identities.insert(opened.await.unwrap());
    }
    assert_eq!(identities.len(), 1);
    let (other, _database) = open().await;
    assert!(!identities.contains(&other.identity()));
}

#[tokio::test]
async fn a_newer_format_is_refused_at_the_start_and_after_a_lost_connection() {
    let (store, database) = open().await;
    write(&store, [put("a", "1")]).await;
    let client = database.client().await;
    let newer = "UPDATE mlforge.meta SET value = value + 1 WHERE name = 'format'";
    client.batch_execute(newer).await.unwrap();
    let error = format!("{:#}", PostgresRecords::open(&database.address).await.err().unwrap());
    assert!(error.contains("knows none above"), "{error}");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mlforge'
        AND datname = current_database()";
    client.batch_execute(end).await.unwrap();
    let error = store.get(PROJECT, &["a".into()]).await.unwrap_err().to_string();
    assert!(error.contains("knows none above"), "{error}");
}

#[tokio::test]
async fn tables_of_another_program_are_left_alone() {
    let database = Database::new().await;
    let client = database.client().await;
    client
        .batch_execute("CREATE TABLE users (x int); CREATE TABLE records (x int)")
        .await
        .unwrap();
    write(&database.records().await, [put("a", "1")]).await;
    let rows = client
        .query("SELECT x FROM records UNION ALL SELECT x FROM users", &[])
        .await
        .unwrap();
    assert!(rows.is_empty());
}

/// An empty table that was never analyzed has the worst plans.
#[tokio::test]
async fn every_statement_finds_records_by_the_primary_key() {
    let (_store, database) = open().await;
    let connector = Connector::new(&database.address).unwrap();
    let client = connector
        .connect()
        .await
        .map_err(|fault| fault.text().to_owned())
        .unwrap();
    for (name, sql) in [
        ("apply", APPLY),
        ("get", GET),
        ("scan", SCAN),
        ("measure", MEASURE),
        ("projects", PROJECTS),
        ("head", LOCK_HEAD),
    ] {
        let parameters = client.prepare(sql).await.unwrap().params().len();
        client.batch_execute(&format!("PREPARE {name} AS {sql}")).await.unwrap();
        let nulls = vec!["NULL"; parameters].join(", ");
        let rows = client
            .query(&format!("EXPLAIN EXECUTE {name} ({nulls})"), &[])
            .await
            .unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let plan = plan.join("\n");
        let by_key = plan.contains("using records_pkey") || name == "head";
        assert!(
            by_key && !plan.contains("Seq Scan on records") && !plan.contains("Bitmap"),
            "{name}:\n{plan}"
        );
        assert!(
            !plan.contains("Hash Join") && !plan.contains("Merge"),
            "{name}:\n{plan}"
        );
    }
}
