//! A writer's connection, its fence, and the one round trip of a group.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use super::connector::{Connector, Fault};
use super::group::Group;
use super::random_id;
use super::statements::{APPLY, LOCK_HEAD, MAKE_FENCE, SWEEP_FENCES, TAKE_FENCE};

/// Maximum time of a group. It is above the server's own limits of a statement and of a wait for a lock.
const GROUP_TIME: Duration = Duration::from_secs(60);

/// A compare-and-set fence: a row that holds the id of the writer's last group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fence {
    writer: i64,
    last: i64,
}

/// The group that the fence held when it was taken over.
pub(super) struct Former {
    pub(super) id: i64,
    /// The places of its broken checks.
    pub(super) broken: Vec<i64>,
}

/// The result of a group that the database has answered.
pub(super) enum Sent {
    /// The places of broken checks.
    Decided(Vec<i64>),
    /// Another connection has taken the fence, and nothing was done.
    Fenced,
}

/// A connection that decides groups.
pub(super) struct Line {
    client: Client,
    lock_head: Statement,
    apply: Statement,
    fence: Fence,
}

impl Line {
    /// Makes a connection. It takes the fence of a lost one over, or makes a new one. The former group is `None` if there was no
    /// fence, or if its row is gone.
    pub(super) async fn open(connector: &Connector, fence: Option<Fence>) -> Result<(Self, Option<Former>), Fault> {
        let client = connector.connect().await?;
        let (fence, former) = match fence {
            Some(fence) => take_fence(&client, fence).await?,
            None => (make_fence(&client).await?, None),
        };
        let line = Self {
            lock_head: client.prepare(LOCK_HEAD).await?,
            apply: client.prepare(APPLY).await?,
            client,
            fence,
        };
        Ok((line, former))
    }

    pub(super) fn fence(&self) -> Fence {
        self.fence
    }

    /// Sends a group as one transaction, and waits for its outcome.
    pub(super) async fn send(&mut self, group: &Group, id: i64) -> Result<Sent, Fault> {
        let late = |_| Fault::Lost("a group has not ended in time".to_owned());
        let rows = timeout(GROUP_TIME, self.transact(group, id)).await.map_err(late)??;
        let mut broken = Vec::with_capacity(rows.len());
        for row in rows {
            match row.try_get(0)? {
                -1_i64 => return Ok(Sent::Fenced),
                place => broken.push(place),
            }
        }
        self.fence.last = id;
        Ok(Sent::Decided(broken))
    }

    /// Sends all statements of the transaction before it waits for the answer of the first. If one fails, the database ends the
    /// transaction with a rollback, and the first error is returned.
    async fn transact(&self, group: &Group, id: i64) -> Result<Vec<Row>, Fault> {
        let p = group.parameters();
        let parameters: [&(dyn ToSql + Sync); 20] = [
            &p.checks.ords,
            &p.checks.projects,
            &p.checks.keys,
            &p.expected,
            &p.puts.keys.ords,
            &p.puts.keys.projects,
            &p.puts.keys.keys,
            &p.puts.versions,
            &p.puts.values,
            &p.raises.keys.ords,
            &p.raises.keys.projects,
            &p.raises.keys.keys,
            &p.raises.versions,
            &p.raises.values,
            &p.deletes.ords,
            &p.deletes.projects,
            &p.deletes.keys,
            &id,
            &self.fence.writer,
            &self.fence.last,
        ];
        let begin = Begun::poll(self.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED")).await;
        let projects = group.projects();
        let mut locks = Vec::with_capacity(projects.len());
        for project in &projects {
            let lock = async { self.client.execute(&self.lock_head, &[project]).await };
            locks.push(Begun::poll(lock).await);
        }
        let apply = Begun::poll(self.client.query(&self.apply, &parameters)).await;
        let commit = Begun::poll(self.client.batch_execute("COMMIT")).await;
        let mut result = begin.end().await;
        for lock in locks {
            result = result.and(lock.end().await.map(drop));
        }
        let rows = apply.end().await;
        let committed = commit.end().await;
        result?;
        let rows = rows?;
        committed?;
        Ok(rows)
    }
}

async fn make_fence(client: &Client) -> Result<Fence, Fault> {
    client.execute(SWEEP_FENCES, &[]).await?;
    let fence = Fence {
        writer: new_id()?,
        last: new_id()?,
    };
    client.execute(MAKE_FENCE, &[&fence.writer, &fence.last]).await?;
    Ok(fence)
}

async fn take_fence(client: &Client, fence: Fence) -> Result<(Fence, Option<Former>), Fault> {
    let last = new_id()?;
    let Some(row) = client.query_opt(TAKE_FENCE, &[&fence.writer, &last]).await? else {
        return Ok((make_fence(client).await?, None));
    };
    let former = Former {
        id: row.try_get(0)?,
        broken: row.try_get(1)?,
    };
    let writer = fence.writer;
    Ok((Fence { writer, last }, Some(former)))
}

fn new_id() -> Result<i64, Fault> {
    random_id().map_err(|error| Fault::Refused(error.to_string()))
}

/// A request that was sent. The client sends a request when its future is polled first, so that requests are sent in the order
/// of these polls.
enum Begun<F: Future> {
    Ended(F::Output),
    Running(Pin<Box<F>>),
}

impl<F: Future> Begun<F> {
    async fn poll(request: F) -> Self {
        let mut request = Box::pin(request);
        let first = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
        match first {
            Poll::Ready(output) => Self::Ended(output),
            Poll::Pending => Self::Running(request),
        }
    }

    async fn end(self) -> F::Output {
        match self {
            Self::Ended(output) => output,
            Self::Running(request) => request.await,
        }
    }
}
