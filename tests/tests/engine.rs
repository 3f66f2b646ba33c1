//! Isolation of requests: traps, endless loops, memory limits and overload affect one request only. Rules for
//! sharing instances.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use http_body::{Body, Frame};
use mlforge::Limits;
use mlforge_tests::{Caller, GuestHost, Trickle};

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.into())
}

fn quick(request_timeout: Duration) -> Limits {
    Limits {
        request_timeout,
        ..Limits::default()
    }
}

async fn count(caller: &Caller) -> String {
    caller.get("/count").await.body
}

/// Sends the request until a new instance answers.
async fn until_replaced(caller: &Caller, path: &str) {
    let replaced = async {
        while caller.get(path).await.body != "1" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), replaced).await.unwrap();
}

#[tokio::test]
async fn a_trap_costs_one_request() {
    let guest = GuestHost::new();
    assert_eq!(count(&guest.developer()).await, "1");
    assert_eq!(
        guest.developer().get("/trap").await.error(),
        error(500, "INTERNAL_ERROR")
    );
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn the_answer_to_an_internal_error_reveals_no_details() {
    let answer = GuestHost::new().developer().get("/refuse").await;
    assert_eq!(answer.error(), error(500, "INTERNAL_ERROR"));
    assert!(!answer.body.contains("secret"), "{}", answer.body);
}

// On one thread, which the endless loop and all others share.
#[tokio::test]
async fn an_endless_loop_ends_at_the_time_limit_and_delays_no_other_request() {
    let guest = GuestHost::limited(quick(Duration::from_millis(500)));
    let (spinner, other) = (guest.developer(), guest.developer());
    let began = Instant::now();
    let spin = tokio::spawn(async move { spinner.get("/spin").await.error() });
    let mut answered = 0;
    while !spin.is_finished() {
        assert_eq!(other.get("/hello").await.status, 200);
        answered += 1;
    }
    assert_eq!(spin.await.unwrap(), error(504, "DEADLINE_EXCEEDED"));
    assert!(began.elapsed() < Duration::from_secs(10));
    assert!(answered > 5, "{answered}");
}

#[tokio::test]
async fn a_request_that_waits_without_end_ends_at_the_time_limit() {
    let guest = GuestHost::limited(quick(Duration::from_millis(50)));
    assert_eq!(
        guest.developer().get("/hang").await.error(),
        error(504, "DEADLINE_EXCEEDED")
    );
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn the_memory_of_an_instance_is_limited() {
    let guest = GuestHost::limited(Limits {
        instance_bytes_max: 64 << 20,
        ..Limits::default()
    });
    let answer = guest.developer().get("/eat").await;
    assert_eq!(answer.error(), error(413, "INVALID_PARAMETER_VALUE"));
    assert!(answer.body.contains("67108864 bytes"), "{}", answer.body);
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn all_instances_share_a_budget_of_memory() {
    let guest = GuestHost::limited(Limits {
        instances_bytes_max: 8 << 20,
        ..Limits::default()
    });
    let answer = guest.developer().get("/grow").await;
    assert_eq!(answer.error(), error(503, "TEMPORARILY_UNAVAILABLE"));
    assert_eq!(answer.headers["retry-after"], "1");
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn an_idle_instance_makes_room_for_a_running_one() {
    // Enough memory for one instance, not for two.
    let guest = GuestHost::limited(Limits {
        instances_bytes_max: 2 << 20,
        ..Limits::default()
    });
    for project in ["1", "2", "1"] {
        assert_eq!(count(&guest.caller("developer", project)).await, "1");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let guest = GuestHost::limited(Limits {
        answer_bytes_max: 8 << 20,
        ..Limits::default()
    });
    assert_eq!(
        guest.developer().get("/flood").await.error(),
        error(500, "INTERNAL_ERROR")
    );
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn all_bodies_share_a_budget() {
    let guest = GuestHost::limited(Limits {
        bodies_bytes_max: 1000,
        ..Limits::default()
    });
    assert_eq!(
        guest.developer().post("/echo", vec![b'x'; 2000]).await.error(),
        error(503, "TEMPORARILY_UNAVAILABLE")
    );
    assert_eq!(guest.developer().post("/echo", vec![b'x'; 100]).await.status, 200);
}

#[tokio::test]
async fn a_projects_instance_is_used_again() {
    let guest = GuestHost::new();
    assert_eq!(count(&guest.developer()).await, "1");
    assert_eq!(count(&guest.caller("reporter", "1")).await, "2");
}

#[tokio::test]
async fn two_projects_never_share_an_instance() {
    let guest = GuestHost::new();
    assert_eq!(count(&guest.developer()).await, "1");
    assert_eq!(count(&guest.caller("developer", "2")).await, "1");
    assert_eq!(count(&guest.developer()).await, "2");
    assert_eq!(count(&guest.caller("developer", "group%2Ftwo")).await, "2");
}

#[tokio::test]
async fn isolated_requests_get_an_instance_each() {
    let guest = GuestHost::with(|builder| builder.isolate(true));
    assert_eq!(count(&guest.developer()).await, "1");
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn an_instance_is_replaced_after_its_limit_of_requests() {
    let guest = GuestHost::limited(Limits {
        instance_requests_max: 2,
        ..Limits::default()
    });
    for expected in ["1", "2", "1"] {
        assert_eq!(count(&guest.developer()).await, expected);
    }
}

#[tokio::test]
async fn an_instance_that_has_grown_is_not_used_again() {
    let guest = GuestHost::new();
    assert_eq!(guest.developer().get("/grow").await.status, 200);
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn the_number_of_idle_instances_is_limited() {
    let guest = GuestHost::limited(Limits {
        idle_max: 1,
        ..Limits::default()
    });
    assert_eq!(count(&guest.developer()).await, "1");
    assert_eq!(count(&guest.caller("developer", "2")).await, "1");
    assert_eq!(count(&guest.developer()).await, "1");
}

#[tokio::test]
async fn an_idle_instance_is_dropped_after_its_timeout() {
    let guest = GuestHost::limited(Limits {
        instance_idle_timeout: Duration::from_millis(1),
        ..Limits::default()
    });
    assert_eq!(count(&guest.developer()).await, "1");
    until_replaced(&guest.developer(), "/count").await;
}

#[tokio::test]
async fn a_query_instance_stays_idle_for_longer() {
    let guest = GuestHost::limited(Limits {
        instance_idle_timeout: Duration::from_millis(1),
        ..Limits::default()
    });
    let search = async || guest.developer().get("/count/search").await.body;
    assert_eq!(search().await, "1");
    assert_eq!(count(&guest.developer()).await, "1");
    until_replaced(&guest.developer(), "/count").await;
    assert_eq!(search().await, "2");
}

#[tokio::test]
async fn an_idle_query_instance_is_dropped_after_its_timeout_or_over_its_memory_limit() {
    for (query_instance_idle_timeout, query_instances_idle_bytes_max) in
        [(Duration::from_millis(1), usize::MAX), (Duration::MAX, 0)]
    {
        let guest = GuestHost::limited(Limits {
            instance_idle_timeout: Duration::from_millis(1),
            query_instance_idle_timeout,
            query_instances_idle_bytes_max,
            ..Limits::default()
        });
        assert_eq!(guest.developer().get("/count/search").await.body, "1");
        until_replaced(&guest.developer(), "/count/search").await;
    }
}

#[tokio::test]
async fn a_request_beyond_the_queue_is_refused() {
    let guest = GuestHost::limited(Limits {
        concurrent_requests_max: 1,
        queued_requests_max: 0,
        ..Limits::default()
    });
    let holder = guest.developer();
    let held = tokio::spawn(async move { holder.get("/hang").await });
    tokio::task::yield_now().await;
    let answer = guest.developer().get("/hello").await;
    assert_eq!(answer.error(), error(503, "TEMPORARILY_UNAVAILABLE"));
    assert_eq!(answer.headers["retry-after"], "1");
    held.abort();
}

#[tokio::test]
async fn a_queued_request_is_refused_after_the_queue_timeout() {
    let queue_timeout = Duration::from_millis(20);
    let guest = GuestHost::limited(Limits {
        concurrent_requests_max: 1,
        queued_requests_max: 1,
        queue_timeout,
        project_percent_max: 100,
        caller_percent_max: 100,
        ..Limits::default()
    });
    let holder = guest.developer();
    let held = tokio::spawn(async move { holder.get("/hang").await });
    tokio::task::yield_now().await;
    assert_eq!(
        guest.developer().get("/hello").await.error(),
        error(503, "TEMPORARILY_UNAVAILABLE")
    );
    held.abort();
}

#[tokio::test]
async fn a_cancelled_request_releases_its_permit() {
    let guest = GuestHost::limited(Limits {
        concurrent_requests_max: 1,
        queued_requests_max: 0,
        ..Limits::default()
    });
    let holder = guest.developer();
    let held = tokio::spawn(async move { holder.get("/hang").await });
    tokio::task::yield_now().await;
    assert_eq!(guest.developer().get("/hello").await.status, 503);
    held.abort();
    assert!(held.await.unwrap_err().is_cancelled());
    assert_eq!(guest.developer().get("/hello").await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_when_it_is_announced() {
    let guest = GuestHost::limited(Limits {
        body_bytes_max: 10,
        ..Limits::default()
    });
    let answer = guest
        .developer()
        .header("content-length", "11")
        .send(Method::POST, "/echo", Bytes::new())
        .await;
    assert_eq!(answer.error(), error(413, "INVALID_PARAMETER_VALUE"));
    assert_eq!(guest.developer().post("/echo", "0123456789").await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_when_it_comes() {
    let guest = GuestHost::limited(Limits {
        body_bytes_max: 10,
        ..Limits::default()
    });
    // A body of unknown length, in pieces.
    let pieces = Pieces(VecDeque::from(["01234", "56789", "x"]));
    let request = Request::post("/api/v4/projects/1/ml/mlflow/echo").header("private-token", "developer");
    let response = guest.host.handle(request.body(pieces).unwrap()).await;
    assert_eq!(response.status(), 413);
}

/// A body that comes in pieces and does not announce its length.
struct Pieces(VecDeque<&'static str>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece.into()))))
    }
}

#[tokio::test]
async fn a_request_that_reports_a_fault_still_succeeds() {
    assert_eq!(GuestHost::new().developer().get("/fault").await.body, "reported");
}

#[tokio::test]
async fn requests_run_at_the_same_time() {
    let guest = GuestHost::new();
    let all = (0..50).map(|_| {
        let caller = guest.developer();
        tokio::spawn(async move { caller.get("/hello").await.body })
    });
    for answer in all.collect::<Vec<_>>() {
        assert_eq!(answer.await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_even_with_short_pauses() {
    let guest = GuestHost::limited(Limits {
        body_idle_timeout: Duration::from_millis(200),
        ..Limits::default()
    });
    let request = Request::post("/api/v4/projects/1/ml/mlflow/echo").header("private-token", "developer");
    let request = request.body(Trickle::every(Duration::from_millis(1))).unwrap();
    assert_eq!(guest.host.handle(request).await.status(), 408);
}

#[tokio::test]
async fn most_routes_take_small_bodies_only() {
    let guest = GuestHost::limited(Limits {
        small_body_bytes_max: 10,
        ..Limits::default()
    });
    let answer = guest
        .developer()
        .post("/api/2.0/mlflow/runs/search", "0123456789x")
        .await;
    assert_eq!(answer.error(), error(413, "INVALID_PARAMETER_VALUE"));
    assert!(answer.body.contains("at most 10 bytes"), "{}", answer.body);
    assert_ne!(
        guest
            .developer()
            .post("/api/2.0/mlflow/runs/log-batch", "0123456789x")
            .await
            .status,
        413
    );
}
