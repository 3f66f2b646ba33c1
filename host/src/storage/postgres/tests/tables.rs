//! The tables of the host itself, when connections are lost.

use super::*;
use crate::storage::sql::{Value, values};

const INSERT: &str = "INSERT INTO settings (name, value) VALUES (?1, ?2)";
const NAMES: &str = "SELECT name FROM settings";

async fn open() -> (Tables, Database, Client) {
    let database = Database::new().await;
    // This creates the tables.
    database.records().await;
    let tables = Tables::open(&database.address).unwrap();
    let client = database.client().await;
    (tables, database, client)
}

/// Cuts the connection of the tables, in or outside a transaction, and waits until it has ended.
async fn cut(client: &Client, state: &str) {
    let of_it = format!("FROM pg_stat_activity WHERE datname = current_database() AND state = '{state}'");
    let cut = format!("SELECT count(pg_terminate_backend(pid)) {of_it}");
    client.query_one(&cut, &[]).await.unwrap();
    let left = format!("SELECT count(*) {of_it}");
    while client.query_one(&left, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_transaction_whose_connection_is_lost_fails_as_a_whole() {
    let (tables, _database, client) = open().await;
    tables.rows("BEGIN", &[]).unwrap();
    tables.rows(INSERT, values!["a", [1_u8]]).unwrap();
    cut(&client, "idle in transaction").await;
    // On another connection each of these would be a transaction of its own.
    let second: &[Value] = values!["b", [1_u8]];
    let none: &[Value] = &[];
    for (sql, values) in [(INSERT, second), (NAMES, none), ("COMMIT", none)] {
        assert!(tables.rows(sql, values).is_err(), "{sql}");
    }
    assert_eq!(tables.rows(NAMES, &[]).unwrap(), []);
    tables.rows("BEGIN", &[]).unwrap();
    tables.rows(INSERT, second).unwrap();
    tables.rows("COMMIT", &[]).unwrap();
    assert_eq!(tables.rows(NAMES, &[]).unwrap().len(), 1);
}

#[tokio::test]
async fn a_read_whose_connection_is_lost_is_repeated() {
    let (tables, _database, client) = open().await;
    for _ in 0..10 {
        assert_eq!(tables.rows(NAMES, &[]).unwrap(), []);
        cut(&client, "idle").await;
    }
}
