//! The open connections of a server: their number is bounded.
//!
//! A full server closes a connection instead of letting a new one wait. Connections are closed in this order,
//! and the longest in its state first:
//!
//! 1. strangers: connections without a request, and those whose last request was not admitted. Among them, the
//!    address with the most connections goes first;
//! 2. idle connections of a caller or project that exceeds its share;
//! 3. other idle connections.
//!
//! A connection whose request was admitted and still runs is never closed for a new one.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limits::budget::{Bounds, Claim, Load};
use crate::limits::pace::Pace;

/// Of all connections, at most one in this many is closed in one step.
const STRANGERS_CLOSED_PART: usize = 32;

/// All connections of a server. Cheap to clone; all clones are the same.
#[derive(Clone, Debug)]
pub(crate) struct Connections {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    places: Arc<Semaphore>,
    open: Mutex<Open>,
    /// Notified when a request ends.
    idle: Notify,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    /// Number of connections that were told to close and still hold their permit. While there are any, no
    /// other connection is closed.
    closing: usize,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connection {
    peer: Peer,
    state: Mutex<State>,
    /// Notified when the connection has to close.
    closing: Notify,
}

#[derive(Debug)]
struct State {
    /// The caller and project of the last request. `None`: that request is not admitted yet.
    claim: Option<Claim>,
    /// True if the connection ever had a request.
    was_asked: bool,
    /// Number of requests whose answers are not sent yet.
    busy: usize,
    /// Time of the last change between busy and idle.
    since: Instant,
    /// The minimum rate at which the client has to read the answer.
    pace: Pace,
}

/// The network address of a client. For IPv6 it is the part that identifies a customer of a network provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

/// Number of bits of an IPv6 address that a customer chooses.
const OWN_BITS_V6: u32 = 64;

impl From<IpAddr> for Peer {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V6(ip) => Self(IpAddr::V6((ip.to_bits() >> OWN_BITS_V6 << OWN_BITS_V6).into())),
            ip => Self(ip),
        }
    }
}

/// A connection's permit and registration. Dropping it lets the next connection in.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Connections,
    id: u64,
    pub(crate) connection: Arc<Connection>,
    _permit: OwnedSemaphorePermit,
}

/// A request on a connection, from its head until its answer is sent or given up.
#[derive(Debug)]
pub(crate) struct ActiveRequest {
    connections: Connections,
    pub(crate) connection: Arc<Connection>,
}

impl Connections {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            inner: Arc::new(Inner {
                bounds,
                places: Arc::new(Semaphore::new(bounds.all)),
                open: Mutex::default(),
                idle: Notify::new(),
            }),
        }
    }

    /// Admits a new connection, for which another one is closed if the server is full. It waits only while
    /// all connections are busy. `pace` is the pace of answers until there is one.
    pub(crate) async fn place(&self, peer: Peer, pace: Pace) -> Place {
        let places = &self.inner.places;
        loop {
            let acquired = match Arc::clone(places).try_acquire_owned() {
                Ok(permit) => Ok(permit),
                // A connection that is told to close returns its permit at once.
                Err(_) if self.close_some() => Arc::clone(places).acquire_owned().await,
                Err(_) => tokio::select! {
                    permit = Arc::clone(places).acquire_owned() => permit,
                    () = self.inner.idle.notified() => continue,
                },
            };
            // The semaphore is never closed.
            if let Ok(permit) = acquired {
                return self.open(permit, peer, pace);
            }
        }
    }

    /// Number of open connections, and its bound.
    pub(crate) fn load(&self) -> Load {
        let max = self.inner.bounds.all;
        Load {
            used: max.saturating_sub(self.inner.places.available_permits()),
            max,
        }
    }

    fn open(&self, permit: OwnedSemaphorePermit, peer: Peer, pace: Pace) -> Place {
        let state = State {
            claim: None,
            was_asked: false,
            busy: 0,
            since: Instant::now(),
            pace,
        };
        let connection = Arc::new(Connection {
            peer,
            state: Mutex::new(state),
            closing: Notify::new(),
        });
        let mut open = self.lock();
        let id = open.next;
        open.next += 1;
        open.connections.insert(id, Arc::clone(&connection));
        Place {
            connections: self.clone(),
            id,
            connection,
            _permit: permit,
        }
    }

    /// Closes the first connection in the order, or several if they are strangers', but never the later half
    /// of strangers. Returns `false` when all connections are busy. Several are closed at once because this
    /// inspects every connection, which is too slow for each new connection of a flood.
    fn close_some(&self) -> bool {
        let mut open = self.lock();
        if open.closing > 0 {
            return true;
        }
        let counts = Counts::of(&open, self.inner.bounds);
        let mut ranked: Vec<_> = open
            .connections
            .iter()
            .filter_map(|(id, connection)| {
                let state = connection.lock();
                Some((counts.rank(connection.peer, &state)?, state.since, *id))
            })
            .collect();
        ranked.sort_unstable();
        let strangers = ranked.partition_point(|(rank, ..)| *rank < Rank::BeyondShare);
        let most = (self.inner.bounds.all / STRANGERS_CLOSED_PART).max(1);
        for (_, _, id) in ranked.iter().take((strangers / 2).clamp(1, most)) {
            if let Some(connection) = open.connections.remove(id) {
                open.closing += 1;
                connection.closing.notify_one();
            }
        }
        !ranked.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // No code that may panic runs under the lock.
        self.inner.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Records that the last request was admitted.
    pub(crate) fn accept(&self, claim: Claim) {
        self.lock().claim = Some(claim);
    }

    /// True if the connection ever had a request.
    pub(crate) fn was_asked(&self) -> bool {
        self.lock().was_asked
    }

    /// The minimum rate at which the client has to read the answer.
    pub(crate) fn pace(&self) -> Pace {
        self.lock().pace
    }

    pub(crate) fn set_pace(&self, pace: Pace) {
        self.lock().pace = pace;
    }

    /// Waits until the connection has to close.
    pub(crate) async fn closed(&self) {
        self.closing.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that may panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ActiveRequest {
    /// Registers a request on a connection.
    pub(crate) fn begin(connections: &Connections, connection: &Arc<Connection>) -> Self {
        let mut state = connection.lock();
        // The connection is a stranger's until this request is admitted.
        state.claim = None;
        state.busy += 1;
        state.was_asked = true;
        state.since = Instant::now();
        drop(state);
        Self {
            connections: connections.clone(),
            connection: Arc::clone(connection),
        }
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let mut state = self.connection.lock();
        state.busy = state.busy.saturating_sub(1);
        state.since = Instant::now();
        drop(state);
        self.connections.inner.idle.notify_one();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.connections.lock();
        if open.connections.remove(&self.id).is_none() {
            open.closing = open.closing.saturating_sub(1);
        }
    }
}

/// Number of connections by project, caller and address.
struct Counts {
    bounds: Bounds,
    projects: HashMap<crate::storage::ProjectId, usize>,
    callers: HashMap<crate::limits::budget::CallerId, usize>,
    /// Counts all connections, those of strangers too.
    peers: HashMap<Peer, usize>,
}

/// The reason why a connection may be closed. Lower ranks are closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A stranger's connection. The more connections its address has, the lower the rank, so a flood from one
    /// address closes its own.
    Stranger(Reverse<usize>),
    /// An idle connection of a caller or project that exceeds its share.
    BeyondShare,
    /// Any other idle connection.
    Idle,
}

impl Counts {
    fn of(open: &Open, bounds: Bounds) -> Self {
        let mut counts = Self {
            bounds,
            projects: HashMap::new(),
            callers: HashMap::new(),
            peers: HashMap::new(),
        };
        for connection in open.connections.values() {
            *counts.peers.entry(connection.peer).or_default() += 1;
            let Some(claim) = connection.lock().claim else { continue };
            *counts.projects.entry(claim.project).or_default() += 1;
            if let Some(caller) = claim.caller {
                *counts.callers.entry(caller).or_default() += 1;
            }
        }
        counts
    }

    /// Returns the rank of a connection. `None`: it must not be closed.
    fn rank(&self, peer: Peer, state: &State) -> Option<Rank> {
        let Some(claim) = state.claim else {
            return Some(Rank::Stranger(Reverse(count(&self.peers, &peer))));
        };
        if state.busy > 0 {
            return None;
        }
        let of_caller = claim.caller.map_or(0, |caller| count(&self.callers, &caller));
        let is_beyond = count(&self.projects, &claim.project) > self.bounds.project || of_caller > self.bounds.caller;
        Some(if is_beyond { Rank::BeyondShare } else { Rank::Idle })
    }
}

fn count<K: Eq + Hash>(counts: &HashMap<K, usize>, key: &K) -> usize {
    counts.get(key).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
