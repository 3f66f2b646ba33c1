//! The imports that the host provides to the component: rights, storage, time, random numbers and headers,
//! and nothing else.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Method;
use mlforge::{Limits, Plugin};
use mlforge_tests::{GuestHost, TEST_GUEST};

#[tokio::test]
async fn a_readers_commit_is_denied() {
    let guest = GuestHost::new();
    assert_eq!(guest.caller("reporter", "1").get("/write").await.body, "denied");
    assert_eq!(guest.caller("reading", "1").get("/write").await.body, "denied");
    assert_eq!(guest.caller("reporter", "1").get("/read").await.body, "1 ");
}

#[tokio::test]
async fn a_reader_stages_no_blob() {
    let guest = GuestHost::new();
    assert_eq!(
        guest
            .caller("reporter", "1")
            .send(Method::GET, "/stage", "x".into())
            .await
            .body,
        "denied"
    );
}

#[tokio::test]
async fn only_maintenance_sets_commit_statuses() {
    // The import has no project among its parameters: a status is always one of the instance's own project.
    let guest = GuestHost::with(|builder| builder.external_url("https://ml.test").commit_statuses(true));
    for token in ["owner", "developer", "reporter", "reading"] {
        assert_eq!(guest.caller(token, "1").get("/status").await.body, "denied", "{token}");
    }
}

#[tokio::test]
async fn only_a_writer_announces_an_ended_run() {
    let guest = GuestHost::with(|builder| builder.external_url("https://ml.test").commit_statuses(true));
    assert_eq!(guest.developer().get("/announce").await.body, "true");
    for token in ["reporter", "reading"] {
        assert_eq!(guest.caller(token, "1").get("/announce").await.body, "false", "{token}");
    }
    // By default no status is set.
    assert_eq!(GuestHost::new().developer().get("/announce").await.body, "false");
}

#[tokio::test]
async fn rights_end_with_their_request() {
    let guest = GuestHost::new();
    assert_eq!(guest.developer().get("/write").await.body, "written");
    // This instance answers a reader now.
    assert_eq!(guest.caller("reporter", "1").get("/write").await.body, "denied");
    assert_eq!(guest.caller("reporter", "1").get("/count").await.body, "3");
}

#[tokio::test]
async fn records_belong_to_one_project() {
    let guest = GuestHost::new();
    assert_eq!(guest.developer().get("/write").await.body, "written");
    assert_eq!(guest.developer().get("/read").await.body, "1 value");
    assert_eq!(guest.caller("developer", "2").get("/read").await.body, "1 ");
}

#[tokio::test]
async fn writes_after_the_answer_have_the_rights_of_the_request() {
    let guest = GuestHost::new();
    assert_eq!(guest.developer().get("/late").await.body, "will write");
    assert_eq!(guest.developer().get("/read").await.body, "1 value");
}

#[tokio::test]
async fn a_blob_is_read_back_unchanged() {
    let guest = GuestHost::limited(mlforge::Limits {
        small_body_bytes_max: 20 << 20,
        ..mlforge::Limits::default()
    });
    let blob: String = (0..600_000).map(|number| format!("{number} ")).collect();
    let staged = guest.developer().post("/stage", blob.clone()).await;
    assert_eq!(staged.body, format!("staged {}", blob.len()));
    // The component reads all but the first byte.
    assert!(guest.developer().get("/blob").await.body == blob[1..]);
    assert_eq!(guest.caller("developer", "2").get("/blob").await.body, "no blob");
}

#[tokio::test]
async fn blobs_are_listed() {
    let guest = GuestHost::new();
    guest.developer().post("/stage", "x").await;
    let listed = guest.developer().get("/list").await.body;
    assert!(
        listed.starts_with("Ok([Item { name: \"dir\", size: None }]) Err("),
        "{listed}"
    );
}

#[tokio::test]
async fn time_can_be_frozen() {
    let guest = GuestHost::with(|builder| builder.clock(|| UNIX_EPOCH + Duration::from_secs(1_234_567)));
    assert_eq!(guest.developer().get("/clock").await.body, "1234567");
}

#[tokio::test]
async fn random_numbers_can_be_seeded() {
    let draw = async |seed| {
        let guest = GuestHost::with(|builder| builder.random_seed(seed));
        [
            guest.developer().get("/random").await.body,
            guest.developer().get("/random").await.body,
        ]
    };
    let drawn = draw(1).await;
    assert_eq!(drawn, draw(1).await);
    assert_ne!(drawn, draw(2).await);
    assert_ne!(drawn[0], drawn[1]);
}

#[tokio::test]
async fn the_component_sees_the_rest_of_the_address_as_it_was_sent() {
    let body = GuestHost::new()
        .developer()
        .post("/echo?filter=a%2Fb&x", "the body")
        .await
        .body;
    assert!(body.starts_with("POST /echo?filter=a%2Fb&x\n"), "{body}");
    assert!(body.ends_with("\n\nthe body"), "{body}");
}

#[tokio::test]
async fn identity_comes_only_from_the_host() {
    let caller = GuestHost::new()
        .caller("reporter", "1")
        .header("x-mlforge-rights", "write")
        .header("x-mlforge-actor", "root")
        .header("x-mlforge-role", "owner")
        .header("x-mlforge-audit", "root root root")
        .header("x-mlforge-actor-id", "root")
        .header("x-mlforge-actor-name", "root")
        .header("x-mlforge-other", "x");
    let body = caller.get("/echo").await.body;
    assert!(
        body.contains(
            "\nx-mlforge-actor: reporter\nx-mlforge-actor-id: 3\nx-mlforge-rights: read\nx-mlforge-role: reporter\n"
        ),
        "{body}"
    );
    assert!(!body.contains("root") && !body.contains("x-mlforge-other"), "{body}");
}

#[tokio::test]
async fn no_token_reaches_the_component() {
    let caller = GuestHost::new()
        .developer()
        .header("private-token", "secret")
        .header("cookie", "secret");
    let body = caller
        .header("content-type", "application/json")
        .header("x-forwarded-for", "secret")
        .get("/echo")
        .await
        .body;
    assert!(body.contains("content-type: application/json"), "{body}");
    assert!(
        !body.contains("secret") && !body.contains("Bearer") && !body.contains("cookie"),
        "{body}"
    );
}

#[tokio::test]
async fn only_harmless_headers_leave_the_component() {
    let answer = GuestHost::new().developer().get("/headers").await;
    assert_eq!(answer.headers["content-type"], "text/x-test");
    assert_eq!(answer.headers["etag"], "\"1\"");
    // The third is the host's own.
    assert!(answer.headers.contains_key("x-request-id"));
    assert_eq!(answer.headers.len(), 3, "{:?}", answer.headers);
}

#[test]
fn the_component_imports_only_the_interfaces_of_its_world() {
    let plugin = Plugin::compile(TEST_GUEST, None, &Limits::default()).unwrap();
    let mut imports = plugin.imports();
    imports.sort();
    let expected = [
        "mlforge:plugin/blobs@0.1.0",
        "mlforge:plugin/forge@0.1.0",
        "mlforge:plugin/records@0.1.0",
        "mlforge:plugin/report@0.1.0",
        "wasi:clocks/system-clock@0.3.0",
        "wasi:http/types@0.3.0",
        "wasi:random/random@0.3.0",
    ];
    imports.retain(|name| name != "wasi:clocks/types@0.3.0");
    assert_eq!(imports, expected);
}

#[test]
fn a_component_with_other_imports_is_refused() {
    let refused = Plugin::compile(&importing("wasi:sockets/types@0.3.0"), None, &Limits::default());
    let error = format!("{:#}", refused.err().expect("a refusal"));
    assert!(error.contains("wasi:sockets/types@0.3.0"), "{error}");
}

/// A component that imports an interface with one function, and does nothing.
fn importing(name: &str) -> Bytes {
    let length = u8::try_from(name.len()).unwrap();
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    component.extend([7, 16, 1, 0x42, 2, 1, 0x40, 0, 1, 0, 4, 0, 3, b'r', b'u', b'n', 1, 0]);
    component.extend([10, length + 5, 1, 0, length]);
    component.extend(name.as_bytes());
    component.extend([5, 0]);
    component.into()
}
