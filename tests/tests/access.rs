//! Access checks and their order.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use mlforge_tests::{Answer, Caller, GuestHost};

const READ: &str = "/hello";

async fn read(guest: &GuestHost, token: &str, project: &str) -> (u16, String) {
    guest.caller(token, project).get(READ).await.error()
}

async fn write(guest: &GuestHost, token: &str, project: &str) -> (u16, String) {
    guest.caller(token, project).post("/write", "").await.error()
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.into())
}

#[tokio::test]
async fn authentication_is_checked_first() {
    let guest = GuestHost::new();
    assert_eq!(write(&guest, "", "3").await, error(401, "UNAUTHENTICATED"));
    assert_eq!(write(&guest, "unknown", "3").await, error(401, "UNAUTHENTICATED"));
}

#[tokio::test]
async fn the_scope_is_checked_after_authentication() {
    let guest = GuestHost::new();
    assert_eq!(
        write(&guest, "reading-stranger", "3").await,
        error(403, "PERMISSION_DENIED")
    );
    assert_eq!(write(&guest, "reading", "1").await, error(403, "PERMISSION_DENIED"));
    assert_eq!(read(&guest, "reading", "1").await, error(200, ""));
}

#[tokio::test]
async fn the_project_is_checked_after_the_scope() {
    let guest = GuestHost::new();
    assert_eq!(
        write(&guest, "stranger", "1").await,
        error(404, "RESOURCE_DOES_NOT_EXIST")
    );
    assert_eq!(read(&guest, "owner", "3").await, error(404, "RESOURCE_DOES_NOT_EXIST"));
    assert_eq!(
        read(&guest, "owner", "a%FF").await,
        error(404, "RESOURCE_DOES_NOT_EXIST")
    );
}

#[tokio::test]
async fn the_role_is_checked_last() {
    let guest = GuestHost::new();
    assert_eq!(write(&guest, "reporter", "1").await, error(403, "PERMISSION_DENIED"));
    assert_eq!(read(&guest, "reporter", "1").await, error(200, ""));
    assert_eq!(write(&guest, "developer", "1").await, error(200, ""));
}

#[tokio::test]
async fn a_project_is_reached_by_its_encoded_path() {
    assert_eq!(read(&GuestHost::new(), "owner", "group%2Ftwo").await, error(200, ""));
}

#[tokio::test]
async fn without_a_credential_the_forge_is_not_asked() {
    let guest = GuestHost::new();
    read(&guest, "", "1").await;
    assert_eq!(guest.forge.calls(), 0);
    read(&guest, "owner", "1").await;
    assert_eq!(guest.forge.calls(), 1);
}

#[tokio::test]
async fn a_forge_that_is_down_admits_no_request() {
    let guest = GuestHost::new();
    guest.forge.go_down();
    let answer = guest.developer().get(READ).await;
    assert_eq!(answer.error(), error(503, "TEMPORARILY_UNAVAILABLE"));
    assert_eq!(answer.headers["retry-after"], "1");
}

#[tokio::test]
async fn a_private_token_or_a_password_authenticates() {
    let guest = GuestHost::new();
    let private = Caller::new(&guest.host, "", "1").header("private-token", "owner");
    assert_eq!(private.get(READ).await.status, 200);
    // The texts "somebody:owner" and "owner:" in Base64.
    for basic in ["c29tZWJvZHk6b3duZXI=", "b3duZXI6"] {
        let caller = Caller::new(&guest.host, "", "1").header("authorization", &format!("Basic {basic}"));
        assert_eq!(caller.get(READ).await.status, 200);
    }
}

#[tokio::test]
async fn a_missing_credential_is_answered_with_a_challenge() {
    let answer = GuestHost::new().caller("", "1").get(READ).await;
    assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"mlforge\"");
}

#[tokio::test]
async fn health_needs_no_credential() {
    let guest = GuestHost::new();
    for uri in ["/-/health", "/health", "/api/v4/projects/99/ml/mlflow/health"] {
        let request = Request::builder().uri(uri).body(Full::new(Bytes::new())).unwrap();
        let answer = Answer::of(&guest.host, request).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "OK"), "{uri}");
    }
    assert_eq!(guest.forge.calls(), 0);
}

#[tokio::test]
async fn an_unknown_address_is_an_unknown_endpoint() {
    let guest = GuestHost::new();
    for uri in ["/", "/api/v4/projects/1/ml/mlflow", "/api/2.0/mlflow/runs/get"] {
        let request = Request::builder()
            .uri(uri)
            .method(Method::POST)
            .body(Full::new(Bytes::new()))
            .unwrap();
        assert_eq!(
            Answer::of(&guest.host, request).await.error(),
            error(404, "ENDPOINT_NOT_FOUND")
        );
    }
}

#[tokio::test]
async fn a_page_of_another_site_cannot_write() {
    let guest = GuestHost::new();
    let basic = || Caller::new(&guest.host, "", "1").header("authorization", "Basic b3duZXI6");
    let own = || basic().header("host", "localhost:5000");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let refused = own().header(name, value).post("/write", "").await;
        assert_eq!(refused.error(), error(403, "PERMISSION_DENIED"));
        assert!(refused.body.contains("--external-url"), "{}", refused.body);
        assert_eq!(own().header(name, value).get(READ).await.status, 200);
        let with_token = guest.developer().header("host", "localhost:5000").header(name, value);
        assert_eq!(with_token.post("/write", "").await.status, 403);
    }
    let from_own_page = own()
        .header("origin", "http://localhost:5000")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(from_own_page.post("/write", "").await.body, "written");
    assert_eq!(own().post("/write", "").await.body, "written");
}

#[tokio::test]
async fn under_an_unknown_host_name_a_token_is_accepted_and_a_password_is_refused() {
    let guest = GuestHost::with(|builder| {
        builder
            .external_url("https://ml.example.org")
            .host_names(["forge.test"])
    });
    let under = |host: &str, header: &'static str, value: &str| {
        Caller::new(&guest.host, "", "1")
            .header("host", host)
            .header(header, value)
    };
    let refused = under("evil.example", "authorization", "Basic b3duZXI6").get(READ).await;
    assert_eq!(refused.error(), error(403, "PERMISSION_DENIED"));
    assert!(
        refused.body.contains("evil.example") && refused.body.contains("--external-url"),
        "{}",
        refused.body
    );
    assert_eq!(under("evil.example", "cookie", "session=1").get(READ).await.status, 403);
    for known in [
        "ml.example.org",
        "FORGE.test:8080",
        "localhost:5000",
        "127.0.0.1",
        "[::1]:5000",
    ] {
        assert_eq!(
            under(known, "authorization", "Basic b3duZXI6").get(READ).await.status,
            200,
            "{known}"
        );
        assert_eq!(
            under(known, "cookie", "session=1").get(READ).await.status,
            401,
            "{known}"
        );
    }
    for (name, value) in [("authorization", "Bearer owner"), ("private-token", "owner")] {
        let behind_a_proxy = under("any.example", name, value).header("cookie", "proxy=1");
        assert_eq!(behind_a_proxy.post("/write", "").await.status, 200);
    }
    assert!(mlforge::Host::builder().host_names(["a:80"]).build().is_err());
}
