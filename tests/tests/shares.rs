//! Shared limits: one caller and one project may use a share of them, and no more.

use std::time::Duration;

use mlforge::Limits;
use mlforge_tests::{Caller, GuestHost};

/// The time limit of every wait. Only a fault takes so long.
const LONG: Duration = Duration::from_secs(60);

/// Repeats the request until the answer has this status.
async fn until(caller: &Caller, path: &str, status: u16) {
    let asking = async { while caller.get(path).await.status != status {} };
    tokio::time::timeout(LONG, asking).await.expect("this status");
}

#[tokio::test]
async fn one_caller_and_one_project_may_use_a_share_of_the_permits() {
    let guest = GuestHost::limited(Limits {
        concurrent_requests_max: 4,
        queue_timeout: Duration::from_millis(20),
        ..Limits::default()
    });
    let hang = |token: &'static str| {
        let caller = guest.caller(token, "1");
        tokio::spawn(async move { while caller.get("/hang").await.status == 429 {} })
    };
    let mut held = vec![hang("owner")];
    until(&guest.caller("owner", "1"), "/hello", 429).await;
    let refused = guest.caller("owner", "1").get("/hello").await;
    assert_eq!(refused.error(), (429, "REQUEST_LIMIT_EXCEEDED".to_owned()));
    assert_eq!(refused.headers["retry-after"], "1");
    // The limit also applies in another project.
    assert_eq!(guest.caller("owner", "2").get("/hello").await.status, 429);
    assert_eq!(guest.developer().get("/hello").await.status, 200);
    held.push(hang("developer"));
    until(&guest.caller("reporter", "1"), "/hello", 429).await;
    assert_eq!(guest.caller("reporter", "2").get("/hello").await.status, 200);
    for task in held {
        task.abort();
    }
    until(&guest.developer(), "/hello", 200).await;
}

#[tokio::test]
async fn one_caller_may_use_a_share_of_the_instance_memory() {
    let guest = GuestHost::limited(Limits {
        instance_bytes_max: 24 << 20,
        instances_bytes_max: 96 << 20,
        ..Limits::default()
    });
    // Each needs 17 MiB. Two are more than one caller may have, and the server has memory for five.
    let grow = || {
        let callers = [guest.caller("owner", "1"), guest.caller("owner", "2")];
        callers.map(|caller| tokio::spawn(async move { while caller.get("/grow-and-hang").await.status == 429 {} }))
    };
    let held = grow();
    until(&guest.caller("owner", "1"), "/grow", 429).await;
    assert_eq!(guest.developer().get("/grow").await.status, 200);
    held.iter().for_each(tokio::task::JoinHandle::abort);
}
