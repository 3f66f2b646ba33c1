//! The storage of a tracker's records: in memory, or where `MLFORGE_TEST_STORAGE` says.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mlforge::storage::Records;
use mlforge::storage::memory::MemoryRecords;
use mlforge::storage::postgres::PostgresRecords;
use mlforge::storage::sqlite::SqliteRecords;
use mlforge::{Host, HostBuilder};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;

/// A place outside the memory. It is removed when dropped.
pub(crate) enum Place {
    Directory(#[allow(dead_code, reason = "it is kept for its end")] tempfile::TempDir),
    Database(String),
}

/// Sets the storage of records. `None`: it is in memory.
pub(crate) fn with_records(runtime: &Runtime) -> (HostBuilder, Arc<dyn Records>, Option<Arc<Place>>) {
    match std::env::var("MLFORGE_TEST_STORAGE").as_deref() {
        Ok("sqlite") => {
            let directory = tempfile::tempdir().expect("a temporary directory");
            let records = SqliteRecords::open(&directory.path().join("records.db")).expect("a new database");
            let (builder, records) = lent(records);
            (builder, records, Some(Arc::new(Place::Directory(directory))))
        }
        Ok("postgres") => {
            let name = new_database();
            let address = format!("{}/{name}", server()).parse().expect("an address");
            let records = runtime
                .block_on(PostgresRecords::open(&address))
                .expect("a new database");
            let (builder, records) = lent(records);
            (builder, records, Some(Arc::new(Place::Database(name))))
        }
        _ => {
            let (builder, records) = lent(MemoryRecords::new());
            (builder, records, None)
        }
    }
}

fn lent(records: impl Records) -> (HostBuilder, Arc<dyn Records>) {
    let records = Arc::new(records);
    (Host::builder().records(Arc::clone(&records)), records)
}

fn server() -> String {
    std::env::var("MLFORGE_TEST_POSTGRES").expect("MLFORGE_TEST_POSTGRES: cargo xtask test postgres sets it")
}

/// Creates a database of the test's own, and returns its name.
fn new_database() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("h{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    execute(format!("CREATE DATABASE {name} TEMPLATE template0"));
    name
}

/// Runs a statement of the server, on a thread of its own, because a test may drop its tracker on a runtime's thread.
fn execute(statement: String) {
    let run = async move {
        let address = format!("{}/postgres", server());
        let (client, connection) = tokio_postgres::connect(&address, NoTls).await.expect("the server");
        tokio::spawn(connection);
        client.batch_execute(&statement).await.expect("the statement succeeds");
    };
    let thread = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(run);
    });
    thread.join().expect("the thread ends");
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Place::Database(name) = self {
            execute(format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}
