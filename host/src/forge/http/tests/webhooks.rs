//! Webhooks of the protocol.

use http::HeaderMap;
use ring::hmac::{HMAC_SHA256, Key, sign};

use super::*;
use crate::forge::{Event, Webhook, WebhookError};

const SECRET: &str = "webhook-secret";

fn forge(secret: Option<&str>) -> HttpForge {
    let address = ForgeAddress {
        url: "http://forge.example.org".into(),
        authorities: None,
    };
    let webhook_secret = secret.map(str::to_owned);
    HttpForge::new(HttpOptions {
        address,
        webhook_secret,
        ..HttpOptions::default()
    })
    .unwrap()
}

fn signature(body: &str) -> String {
    let digits = sign(&Key::new(HMAC_SHA256, SECRET.as_bytes()), body.as_bytes());
    digits
        .as_ref()
        .iter()
        .fold("sha256=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn events(body: &str, signature: Option<&str>) -> Result<Vec<Event>, WebhookError> {
    let mut headers = HeaderMap::new();
    if let Some(signature) = signature {
        headers.insert("x-mlforge-signature", signature.parse().unwrap());
    }
    let body = body.as_bytes();
    forge(Some(SECRET)).events(Webhook {
        headers: &headers,
        body,
    })
}

fn signed(body: &str) -> Result<Vec<Event>, WebhookError> {
    events(body, Some(&signature(body)))
}

#[test]
fn a_webhook_tells_of_projects_users_or_everything() {
    let body = r#"{"events": [{"project": 7}, {"user": 12}, {"user": "u-9"}, {"everything": true}], "sent_at": 1}"#;
    let users = ["12", "u-9"].map(|id| Event::User(id.into()));
    let [number, text] = users;
    assert_eq!(
        signed(body),
        Ok(vec![Event::Project(ProjectId(7)), number, text, Event::Everything])
    );
    assert_eq!(signed(r#"{"events": []}"#), Ok(vec![]));
}

#[test]
fn very_many_events_are_one() {
    let body = |count| json!({ "events": vec![json!({"project": 7}); count] }).to_string();
    assert_eq!(signed(&body(100)).unwrap().len(), 100);
    assert_eq!(signed(&body(101)), Ok(vec![Event::Everything]));
}

#[test]
fn a_webhook_without_the_right_signature_is_refused() {
    let body = r#"{"events": [{"everything": true}]}"#;
    let right = signature(body);
    let hex = right.trim_start_matches("sha256=");
    for wrong in [
        "",
        hex,
        "sha256=",
        &format!("sha1={hex}"),
        &right[..right.len() - 2],
        &signature("{}"),
    ] {
        assert_eq!(events(body, Some(wrong)), Err(WebhookError::BadSignature), "{wrong}");
    }
    assert_eq!(events(body, None), Err(WebhookError::BadSignature));
}

#[test]
fn a_webhook_that_is_not_understood_is_refused_with_the_place() {
    for (body, place) in [
        ("", "EOF"),
        ("{}", "`events`"),
        (r#"{"events": {}}"#, "events"),
        (r#"{"events": [{"project": 7}, {"project": "7"}]}"#, "events[1]"),
        (r#"{"events": [{"group": 7}]}"#, "`group`"),
        (r#"{"events": [{}]}"#, "events[0]"),
        (r#"{"events": [{"project": 7, "user": 12}]}"#, "events[0]"),
        (r#"{"events": [{"everything": false}]}"#, "events[0]"),
        (r#"{"events": []} {}"#, "trailing"),
    ] {
        let document = serde_json::from_str(body).ok();
        assert!(
            document.is_none_or(|document| !schema::fits("webhook", &document)),
            "{body}"
        );
        match signed(body) {
            Err(WebhookError::Malformed(why)) => assert!(why.contains(place), "{body}: {why}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn without_a_secret_no_webhook_is_taken() {
    let (headers, body) = (HeaderMap::new(), &b"{}"[..]);
    let refused = forge(None).events(Webhook {
        headers: &headers,
        body,
    });
    assert_eq!(refused, Err(WebhookError::Unsupported));
}
