//! Rates of requests: each token and each project may send so many a second, and is told when to send the next.

use std::time::Duration;

use mlforge::Limits;
use mlforge_tests::Answer;
use mlforge_tests::GuestHost;

fn limited(token: Option<&str>, project: Option<&str>) -> GuestHost {
    let rate = |text: Option<&str>| text.map(|text| text.parse().unwrap());
    GuestHost::limited(Limits {
        token_rate: rate(token),
        project_rate: rate(project),
        ..Limits::default()
    })
}

/// The message of a refusal, and the seconds after which the client may ask again.
#[track_caller]
fn refusal(answer: &Answer) -> (String, u64) {
    assert_eq!(answer.error(), (429, "REQUEST_LIMIT_EXCEEDED".to_owned()));
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    let seconds = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    (body["message"].as_str().unwrap().to_owned(), seconds)
}

#[tokio::test(start_paused = true)]
async fn a_token_that_exceeds_its_rate_is_told_when_to_ask_again() {
    let guest = limited(Some("1:3"), None);
    let developer = guest.developer();
    for _ in 0..3 {
        assert_eq!(developer.get("/hello").await.status, 200);
    }
    let (message, seconds) = refusal(&developer.get("/hello").await);
    assert!(message.contains("1 requests a second, and 3 at once"), "{message}");
    // It holds in every project, and for no other token.
    refusal(&guest.caller("developer", "2").get("/hello").await);
    assert_eq!(guest.caller("reporter", "1").get("/hello").await.status, 200);
    tokio::time::advance(Duration::from_secs(seconds)).await;
    assert_eq!(developer.get("/hello").await.status, 200);
    let metrics = guest.host.metrics();
    let refused = "mlforge_requests_refused_total{bound=\"token_rate\"} 2";
    assert!(metrics.contains(refused), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn all_tokens_of_a_project_share_its_rate() {
    let guest = limited(Some("100"), Some("1:2"));
    assert_eq!(guest.caller("owner", "1").get("/hello").await.status, 200);
    assert_eq!(guest.developer().get("/hello").await.status, 200);
    let (message, _) = refusal(&guest.caller("reporter", "1").get("/hello").await);
    assert!(message.starts_with("All clients of one project together"), "{message}");
    assert_eq!(guest.caller("reporter", "2").get("/hello").await.status, 200);
    let metrics = guest.host.metrics();
    assert!(metrics.contains("mlforge_requests_refused_total{bound=\"project_rate\"} 1"));
}

#[tokio::test(start_paused = true)]
async fn without_a_rate_nothing_is_refused_for_it() {
    let guest = GuestHost::new();
    for _ in 0..1_000 {
        assert_eq!(guest.developer().get("/hello").await.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_the_forge_rejects_costs_its_project_nothing() {
    let guest = limited(None, Some("1:1"));
    for _ in 0..10 {
        assert_eq!(guest.caller("nobody", "1").get("/hello").await.status, 401);
    }
    assert_eq!(guest.developer().get("/hello").await.status, 200);
}
