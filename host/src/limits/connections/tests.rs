#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use tokio::time::{advance, timeout};

use super::*;
use crate::forge::Actor;
use crate::limits::budget::CallerId;
use crate::storage::ProjectId;

const PACE: Pace = Pace {
    grace: Duration::from_secs(30),
    rate_min: 1,
};

fn connections(all: usize, caller: usize) -> Connections {
    Connections::new(Bounds {
        all,
        project: all,
        caller,
    })
}

fn claim(caller: u64) -> Claim {
    let actor = Actor::new(caller.to_string(), "");
    Claim {
        project: ProjectId(1),
        caller: Some(CallerId::of(&actor)),
    }
}

fn peer(ip: &str) -> Peer {
    ip.parse::<IpAddr>().unwrap().into()
}

/// Opens a connection, a second after all others.
async fn open(connections: &Connections) -> Place {
    advance(Duration::from_secs(1)).await;
    connections.place(peer("192.0.2.1"), PACE).await
}

async fn accepted(connections: &Connections, caller: u64) -> Place {
    let place = open(connections).await;
    place.connection.accept(claim(caller));
    place
}

/// Begins a request that is admitted.
fn busy(connections: &Connections, place: &Place, caller: u64) -> ActiveRequest {
    let active = ActiveRequest::begin(connections, &place.connection);
    place.connection.accept(claim(caller));
    active
}

/// Opens another connection. Returns the index of the connection that is closed for it.
async fn who_goes(connections: &Connections, places: Vec<Place>) -> Option<usize> {
    let newcomer = {
        let connections = connections.clone();
        tokio::spawn(async move { connections.place(peer("192.0.2.1"), PACE).await })
    };
    tokio::task::yield_now().await;
    let is_closed = |place: &Place| !connections.lock().connections.contains_key(&place.id);
    let gone = places.iter().position(is_closed);
    if let Some(gone) = gone {
        places[gone].connection.closed().await;
    }
    drop(places);
    newcomer.await.unwrap();
    gone
}

#[tokio::test(start_paused = true)]
async fn strangers_are_closed_first_and_the_longest_idle_of_them() {
    let all = connections(4, 4);
    let places = vec![
        accepted(&all, 1).await,
        open(&all).await,
        open(&all).await,
        open(&all).await,
    ];
    advance(Duration::from_secs(1)).await;
    drop(ActiveRequest::begin(&all, &places[1].connection));
    let _active = ActiveRequest::begin(&all, &places[2].connection);
    assert_eq!(who_goes(&all, places).await, Some(3));
}

#[tokio::test(start_paused = true)]
async fn the_address_with_the_most_strangers_is_closed_first() {
    let all = connections(4, 4);
    let mut places = Vec::new();
    for ip in ["192.0.2.7", "2001:db8::1", "2001:db8::2:3", "2001:db8:0:1::1"] {
        advance(Duration::from_secs(1)).await;
        places.push(all.place(peer(ip), PACE).await);
    }
    assert_eq!(who_goes(&all, places).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn several_strangers_are_closed_at_once_but_not_the_latest() {
    let all = connections(128, 128);
    let mut places = Vec::new();
    for _ in 0..128 {
        places.push(open(&all).await);
    }
    let gone = |places: &[Place]| {
        let open = &all.lock().connections;
        places.iter().filter(|place| !open.contains_key(&place.id)).count()
    };
    assert!(all.close_some());
    assert_eq!((gone(&places[..4]), gone(&places)), (4, 4));
    // While closed connections still hold their permits, no more are closed.
    assert!(all.close_some());
    assert_eq!(gone(&places), 4);
    // One connection is a known caller's, and two are strangers'.
    for place in places.drain(..126) {
        drop(place);
    }
    places.push(accepted(&all, 1).await);
    assert!(all.close_some());
    assert_eq!((gone(&places[..1]), gone(&places)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_connection_whose_request_is_not_admitted_is_a_strangers() {
    let all = connections(2, 2);
    let places = vec![accepted(&all, 1).await, accepted(&all, 1).await];
    let _active = ActiveRequest::begin(&all, &places[1].connection);
    assert_eq!(who_goes(&all, places).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn idle_connections_beyond_a_share_are_closed_after_strangers() {
    let all = connections(4, 2);
    let places = vec![
        accepted(&all, 1).await,
        accepted(&all, 2).await,
        accepted(&all, 2).await,
        accepted(&all, 2).await,
    ];
    let _active = busy(&all, &places[1], 2);
    assert_eq!(who_goes(&all, places).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn the_connection_that_is_idle_longest_is_closed() {
    let all = connections(3, 3);
    let places = vec![
        accepted(&all, 1).await,
        accepted(&all, 2).await,
        accepted(&all, 3).await,
    ];
    advance(Duration::from_secs(1)).await;
    drop(busy(&all, &places[0], 1));
    assert_eq!(who_goes(&all, places).await, Some(1));
}

#[tokio::test(start_paused = true)]
async fn while_all_are_busy_a_new_connection_waits_for_an_idle_one() {
    let all = connections(1, 1);
    let place = accepted(&all, 1).await;
    let active = busy(&all, &place, 1);
    let mut newcomer = std::pin::pin!(all.place(peer("192.0.2.1"), PACE));
    assert!(timeout(Duration::from_secs(60), &mut newcomer).await.is_err());
    drop(active);
    let closed = async {
        place.connection.closed().await;
        drop(place);
    };
    tokio::join!(newcomer, closed);
}
