//! Access under a forge that speaks the protocol of `docs/forge-protocol.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mlforge::forge::ForgeAddress;
use mlforge::forge::http::{HttpForge, HttpOptions};
use mlforge_tests::{Answer, Caller, GuestHost};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const READ: &str = "/hello";
const SECRET: &str = "webhook-secret";
const WEBHOOK: &str = r#"{"events": [{"project": 7}, {"user": 12}]}"#;
/// The signature of `WEBHOOK`, as the protocol's page has it.
const SIGNATURE: &str = "sha256=1ccc2d38d6ea9b1bf272df988fd8111169c37c63460d6ea9e439d82571480b89";

/// A host whose forge reads its answer from the credential: `ROLE.SCOPE.VISIBILITY` or a status.
struct Served {
    guest: GuestHost,
    calls: Arc<AtomicUsize>,
}

impl Served {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/authorize", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, Arc::clone(&calls)));
        let forge = HttpForge::new(HttpOptions {
            address: ForgeAddress { url, authorities: None },
            service_token: None,
            webhook_secret: Some(SECRET.into()),
            session_cookie: Some("session".into()),
        });
        let forge = Arc::new(forge.unwrap());
        Self {
            guest: GuestHost::with(|builder| builder.forge(forge)),
            calls,
        }
    }

    fn caller(&self, token: &str) -> Caller {
        self.guest.caller(token, "7")
    }

    async fn read(&self, token: &str) -> (u16, String) {
        self.caller(token).get(READ).await.error()
    }

    async fn write(&self, token: &str) -> (u16, String) {
        self.caller(token).post("/write", "").await.error()
    }

    /// Sends the webhook.
    async fn notify(&self, signature: &str) -> u16 {
        let request = Request::post("/-/webhook").header("x-mlforge-signature", signature);
        let body = Full::new(Bytes::from_static(WEBHOOK.as_bytes()));
        Answer::of(&self.guest.host, request.body(body).unwrap()).await.status
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn serve(listener: TcpListener, calls: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        calls.fetch_add(1, Ordering::SeqCst);
        let head = head(&mut stream).await;
        let credential = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            match name.to_ascii_lowercase().as_str() {
                "authorization" => value.strip_prefix("Bearer "),
                "cookie" => value.strip_prefix("session="),
                _ => None,
            }
        });
        let (status, body) = answer(credential.unwrap_or("401"));
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\nretry-after: 20\r\nconnection: close\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

fn answer(credential: &str) -> (u16, String) {
    let parts: Vec<_> = credential.split('.').collect();
    match parts[..] {
        [role, scope, visibility] => {
            let project = json!({"id": 7, "path": "vision/cats", "visibility": visibility});
            let actor = json!({"id": 12, "login": "ada"});
            let access = json!({"project": project, "actor": actor, "role": role, "scope": scope});
            (200, access.to_string())
        }
        _ => (credential.parse().unwrap_or(401), String::new()),
    }
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.into())
}

#[tokio::test]
async fn role_and_scope_decide_and_visibility_does_not() {
    let served = Served::new().await;
    for (role, role_writes) in [
        ("guest", false),
        ("reporter", false),
        ("developer", true),
        ("maintainer", true),
        ("owner", true),
    ] {
        for (scope, scope_writes) in [("api", true), ("read_api", false)] {
            for visibility in ["private", "internal", "public"] {
                let token = format!("{role}.{scope}.{visibility}");
                assert_eq!(served.read(&token).await, error(200, ""), "{token}");
                let written = match role_writes && scope_writes {
                    true => error(200, ""),
                    false => error(403, "PERMISSION_DENIED"),
                };
                assert_eq!(served.write(&token).await, written, "{token}");
            }
        }
    }
}

#[tokio::test]
async fn each_refusal_of_the_forge_is_one_of_the_host() {
    let served = Served::new().await;
    for (status, refusal) in [
        ("401", error(401, "UNAUTHENTICATED")),
        ("403", error(403, "PERMISSION_DENIED")),
        ("404", error(404, "RESOURCE_DOES_NOT_EXIST")),
        ("200", error(503, "TEMPORARILY_UNAVAILABLE")),
        ("410", error(503, "TEMPORARILY_UNAVAILABLE")),
        ("429", error(503, "TEMPORARILY_UNAVAILABLE")),
        ("500", error(503, "TEMPORARILY_UNAVAILABLE")),
    ] {
        assert_eq!(served.read(status).await, refusal, "{status}");
        assert_eq!(served.write(status).await, refusal, "{status}");
    }
    let answer = served.caller("429").get(READ).await;
    assert_eq!(answer.headers["retry-after"], "20");
}

#[tokio::test]
async fn many_requests_cost_one_call_until_a_webhook() {
    let served = Served::new().await;
    let developer = "developer.api.private";
    let mut writers = JoinSet::new();
    for _ in 0..32 {
        let caller = served.caller(developer);
        writers.spawn(async move { caller.post("/write", "").await.status });
    }
    assert_eq!(writers.join_all().await, [200; 32]);
    assert_eq!(served.calls(), 1);
    assert_eq!(served.notify("sha256=00").await, 403);
    served.read(developer).await;
    assert_eq!(served.calls(), 1);
    assert_eq!(served.notify(SIGNATURE).await, 204);
    served.read(developer).await;
    assert_eq!(served.calls(), 2);
}

#[tokio::test]
async fn a_hidden_project_is_asked_for_again_after_a_webhook() {
    let served = Served::new().await;
    for calls in [1, 1] {
        assert_eq!(served.read("404").await.0, 404);
        assert_eq!(served.calls(), calls);
    }
    assert_eq!(served.notify(SIGNATURE).await, 204);
    assert_eq!(served.read("404").await.0, 404);
    assert_eq!(served.calls(), 2);
}

#[tokio::test]
async fn the_session_cookie_reaches_the_forge() {
    let served = Served::new().await;
    let browser = |cookie: &str| served.caller("").header("host", "localhost").header("cookie", cookie);
    let signed_in = browser("other=1; session=guest.api.public");
    assert_eq!(signed_in.get(READ).await.status, 200);
    assert_eq!(browser("other=guest.api.public").get(READ).await.status, 401);
}
