//! Messages between the hosts of a database: a cache is outdated, or one of them works on something.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::lease::{FREE, TAKE};
use super::{PostgresAddress, Tables, random_id};
use crate::storage::sql::{SqlError, Value};

/// Longest time after which a host learns that a cache is outdated.
const PAUSE: Duration = Duration::from_secs(1);
/// The name under which changes of the forge's decisions are counted.
const DECISIONS: &str = "decisions";

/// The state that hosts share besides records. Its calls take a round trip each, on a thread of its own.
#[derive(Debug)]
pub(crate) struct SharedState {
    tables: Arc<Tables>,
    /// The number of this host in leases.
    holder: i64,
    /// When this host looked last, and the number of changes then.
    seen: Mutex<Option<(Instant, i64)>>,
}

/// A lease of 60 seconds, which ends when it is dropped.
#[derive(Debug)]
pub(crate) struct HeldLease {
    tables: Arc<Tables>,
    values: [Value; 2],
}

impl SharedState {
    pub(crate) fn open(address: &PostgresAddress) -> anyhow::Result<Self> {
        Ok(Self {
            tables: Arc::new(Tables::open(address)?),
            holder: random_id().context("no number for this host")?,
            seen: Mutex::default(),
        })
    }

    /// Tells all hosts that decisions of the forge may have changed.
    pub(crate) async fn tell_decisions_changed(&self) -> Result<(), SqlError> {
        let tables = Arc::clone(&self.tables);
        blocking(move || tables.note_change(DECISIONS)).await
    }

    /// True if another host may have told since the last call that decisions have changed. It looks once a second. After a
    /// failure nothing is known, so it is true.
    pub(crate) async fn have_decisions_changed(&self) -> bool {
        let mut seen = self.seen.lock().await;
        if seen.is_some_and(|(at, _)| at.elapsed() < PAUSE) {
            return false;
        }
        let (tables, asked) = (Arc::clone(&self.tables), Instant::now());
        let number = blocking(move || tables.changes(DECISIONS)).await;
        let former = seen.take().map(|(_, number)| number);
        *seen = number.as_ref().ok().map(|number| (asked, *number));
        former.is_none() || number.ok() != former
    }

    /// Takes a lease. `None`: another host has it, or the database does not answer.
    pub(crate) async fn lease(&self, name: String) -> Option<HeldLease> {
        let lease = HeldLease {
            tables: Arc::clone(&self.tables),
            values: [name.into(), self.holder.into()],
        };
        let (tables, values) = (Arc::clone(&lease.tables), lease.values.clone());
        match blocking(move || tables.rows(TAKE, &values)).await {
            Ok(rows) if !rows.is_empty() => Some(lease),
            // It is not held, so nothing may be freed.
            _ => {
                lease.forget();
                None
            }
        }
    }
}

impl HeldLease {
    fn forget(mut self) {
        self.values = [Value::Null, Value::Null];
    }
}

impl Drop for HeldLease {
    fn drop(&mut self) {
        if self.values.contains(&Value::Null) {
            return;
        }
        // Nobody waits for this. A lease that is not freed ends by itself.
        self.tables.send(FREE, &self.values);
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SqlError> + Send + 'static,
) -> Result<T, SqlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| SqlError::Failed(error.to_string()))?
}

#[cfg(all(test, feature = "postgres-tests"))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::storage::postgres::tests::Database;

    async fn hosts() -> (Database, [SharedState; 2]) {
        let database = Database::new().await;
        let _records = database.records().await;
        let hosts = [(), ()].map(|()| SharedState::open(&database.address).unwrap());
        (database, hosts)
    }

    #[tokio::test]
    async fn a_lease_is_held_by_one_host_until_it_is_dropped_or_expires() {
        let (database, [one, two]) = hosts().await;
        let held = one.lease("x".into()).await.unwrap();
        assert!(two.lease("x".into()).await.is_none());
        let other = two.lease("y".into()).await.unwrap();
        drop(held);
        // The end of the lease is on its way.
        let held = loop {
            match two.lease("x".into()).await {
                Some(held) => break held,
                None => tokio::task::yield_now().await,
            }
        };
        assert!(one.lease("x".into()).await.is_none());
        let client = database.client().await;
        client
            .batch_execute("UPDATE mlforge.leases SET until = now() - interval '1 second'")
            .await
            .unwrap();
        assert!(one.lease("x".into()).await.is_some());
        drop((held, other));
    }

    #[tokio::test]
    async fn a_host_learns_within_a_second_that_decisions_have_changed() {
        let (_database, [one, two]) = hosts().await;
        // At first nothing is known.
        assert!(two.have_decisions_changed().await);
        assert!(!two.have_decisions_changed().await);
        one.tell_decisions_changed().await.unwrap();
        while !two.have_decisions_changed().await {
            tokio::task::yield_now().await;
        }
        assert!(!two.have_decisions_changed().await);
    }
}
