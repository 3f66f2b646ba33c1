//! The tables, the number of their format, and its migration.
//!
//! All tables are in a schema of their own, `mlforge`, so the database may be one that the forge has too. Each step of a
//! migration is a transaction, which writes the number of the format that it leads to. A lease lets one host migrate while
//! the others wait. Steps only add, so that a host of the former version can go on.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::connector::Fault;
use super::lease::Lease;
use super::random_id;

/// Number of the stored format: the number of steps.
pub(super) const FORMAT: i64 = 1;
/// The migration from format `i` to `i + 1`.
const STEPS: [&str; 1] = [concat!(include_str!("records.sql"), include_str!("forge.sql"))];
/// Tables that the lease of a migration needs.
const FIRST: &str = "
    CREATE SCHEMA IF NOT EXISTS mlforge;
    CREATE TABLE IF NOT EXISTS mlforge.meta (name text PRIMARY KEY, value bigint NOT NULL);
    CREATE TABLE IF NOT EXISTS mlforge.leases (
        name text PRIMARY KEY, holder bigint NOT NULL, until timestamptz NOT NULL)";
const READ_FORMAT: &str = "SELECT value FROM mlforge.meta WHERE name = 'format'";
/// Number of tries to create the first tables, at which other hosts may be too.
const TRIES_MAX: usize = 20;
/// Pause between two looks at a migration of another host.
const PAUSE: Duration = Duration::from_millis(200);
/// Maximum number of looks: five minutes.
const LOOKS_MAX: usize = 1_500;

/// Brings the tables to the newest format, or waits until another host has. Returns the database's identity.
pub(super) async fn migrate(client: &Client) -> anyhow::Result<u64> {
    create_first(client).await?;
    let lease = Lease::new("schema".to_owned(), random_id()?);
    for _ in 0..LOOKS_MAX {
        let found = format(client).await.map_err(|fault| anyhow!("{}", fault.text()))?;
        if found > FORMAT {
            bail!(newer(found));
        }
        if found == FORMAT {
            return identity(client).await;
        }
        if lease.take(client).await? {
            let migrated = step_up(client, found).await;
            if migrated.is_err() {
                client.batch_execute("ROLLBACK").await?;
            }
            lease.free(client).await?;
            migrated.with_context(|| format!("cannot migrate the database from format {found}"))?;
        } else {
            tokio::time::sleep(PAUSE).await;
        }
    }
    bail!("another host has not ended its migration of the database after five minutes")
}

/// Fails if the format is above that of this program. A newer host may have migrated since the start.
pub(super) async fn check(client: &Client) -> Result<(), Fault> {
    match format(client).await? {
        found if found > FORMAT => Err(Fault::Refused(newer(found))),
        _ => Ok(()),
    }
}

fn newer(found: i64) -> String {
    format!("the database has format {found}, and this mlforge knows none above {FORMAT}: use a newer one")
}

/// Returns the number of the format; 0: there are no tables yet.
async fn format(client: &Client) -> Result<i64, Fault> {
    match client.query_opt(READ_FORMAT, &[]).await {
        Ok(row) => Ok(row.map_or(Ok(0), |row| row.try_get(0))?),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

async fn create_first(client: &Client) -> anyhow::Result<()> {
    // `IF NOT EXISTS` does not keep two hosts from creating a table at the same time. One of them fails.
    let races = [
        SqlState::UNIQUE_VIOLATION,
        SqlState::DUPLICATE_TABLE,
        SqlState::DUPLICATE_SCHEMA,
    ];
    for _ in 0..TRIES_MAX {
        if client.query_opt(READ_FORMAT, &[]).await.is_ok() {
            return Ok(());
        }
        match client.batch_execute(FIRST).await {
            Ok(()) => return Ok(()),
            Err(error) if error.code().is_some_and(|code| races.contains(code)) => {}
            Err(error) => return Err(anyhow!(error).context("cannot create tables in the database")),
        }
    }
    bail!("other hosts keep creating the tables of the database")
}

/// Runs the steps after this format. The lease is long enough for steps that only add tables; one that takes longer is safe
/// too, because a second host fails at the number of the format.
async fn step_up(client: &Client, found: i64) -> anyhow::Result<()> {
    let done = usize::try_from(found).context("the database has a negative format")?;
    for (format, step) in (found + 1..).zip(STEPS.iter().skip(done)) {
        let number = format!(
            "INSERT INTO mlforge.meta (name, value) VALUES ('format', {format})
             ON CONFLICT (name) DO UPDATE SET value = excluded.value;"
        );
        client
            .batch_execute(&format!("BEGIN; {step} {number} COMMIT"))
            .await
            .inspect_err(|error| {
                tracing::error!(target: "mlforge::database", %error, format, "a step of the migration failed");
            })?;
        tracing::info!(target: "mlforge::database", format, "migrated the database");
    }
    Ok(())
}

async fn identity(client: &Client) -> anyhow::Result<u64> {
    const MAKE: &str = "INSERT INTO mlforge.meta (name, value) VALUES ('identity', $1) ON CONFLICT DO NOTHING";
    client.execute(MAKE, &[&random_id()?]).await?;
    let row = client
        .query_one("SELECT value FROM mlforge.meta WHERE name = 'identity'", &[])
        .await?;
    Ok(row.try_get::<_, i64>(0)?.cast_unsigned())
}

/// Returns a setting. If there is none, it is `value` from now on.
pub(super) async fn setting(client: &Client, name: &str, value: &[u8]) -> Result<Vec<u8>, Fault> {
    const MAKE: &str = "INSERT INTO mlforge.settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    client.execute(MAKE, &[&name, &value]).await?;
    let row = client
        .query_one("SELECT value FROM mlforge.settings WHERE name = $1", &[&name])
        .await?;
    Ok(row.try_get(0)?)
}

/// Returns a setting. `None`: there is none.
pub(super) async fn find_setting(client: &Client, name: &str) -> Result<Option<Vec<u8>>, Fault> {
    const FIND: &str = "SELECT value FROM mlforge.settings WHERE name = $1";
    let row = client.query_opt(FIND, &[&name]).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Removes a setting, if there is one.
pub(super) async fn remove_setting(client: &Client, name: &str) -> Result<(), Fault> {
    const REMOVE: &str = "DELETE FROM mlforge.settings WHERE name = $1";
    client.execute(REMOVE, &[&name]).await?;
    Ok(())
}

/// True if nothing was stored yet: no record, no user, no project and no setting.
pub(super) async fn is_unused(client: &Client) -> Result<bool, Fault> {
    const LOOK: &str = "
        SELECT NOT (EXISTS (SELECT FROM mlforge.records) OR EXISTS (SELECT FROM mlforge.users)
            OR EXISTS (SELECT FROM mlforge.projects) OR EXISTS (SELECT FROM mlforge.settings))";
    Ok(client.query_one(LOOK, &[]).await?.try_get(0)?)
}
