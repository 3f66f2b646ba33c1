//! A lease: a row that says which host works on something, until a time by the database's clock.

use tokio_postgres::Client;

/// Takes a lease (name, holder), or renews it. It returns a row if the holder has it now.
pub(super) const TAKE: &str = "
    INSERT INTO mlforge.leases AS l (name, holder, until) VALUES ($1, $2, now() + interval '60 seconds')
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE l.until < now() OR l.holder = excluded.holder RETURNING 1";
/// Frees a lease (name, holder) that the holder has.
pub(super) const FREE: &str = "DELETE FROM mlforge.leases WHERE name = $1 AND holder = $2";

/// A lease of 60 seconds. A host that dies loses it. What it guards must be safe without it, because a stopped host that
/// goes on after that time does not know that it has lost the lease.
pub(super) struct Lease {
    name: String,
    holder: i64,
}

impl Lease {
    pub(super) fn new(name: String, holder: i64) -> Self {
        Self { name, holder }
    }

    /// Takes the lease, or renews it. Returns `false` while another host has it.
    pub(super) async fn take(&self, client: &Client) -> Result<bool, tokio_postgres::Error> {
        Ok(client.query_opt(TAKE, &[&self.name, &self.holder]).await?.is_some())
    }

    /// Frees the lease, if this host has it.
    pub(super) async fn free(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        client.execute(FREE, &[&self.name, &self.holder]).await.map(drop)
    }
}
