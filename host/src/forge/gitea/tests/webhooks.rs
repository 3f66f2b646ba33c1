//! Webhooks, signed well and badly.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;

const BODY: &[u8] = br#"{"action": "deleted", "repository": {"id": 5, "full_name": "team/model"}}"#;

fn forge(secret: Option<&str>) -> GiteaForge {
    let mut options = options("http://127.0.0.1:1");
    options.webhook_secret = secret.map(ToOwned::to_owned);
    GiteaForge::new(options).unwrap()
}

fn sign(secret: &str, body: &[u8]) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signature = ring::hmac::sign(&key, body);
    signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&'static str, &str)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    pairs.iter().map(pair).collect()
}

fn events(forge: &GiteaForge, headers: &HeaderMap, body: &[u8]) -> Result<Vec<Event>, WebhookError> {
    forge.events(Webhook { headers, body })
}

#[test]
fn a_signed_webhook_tells_which_repository_changed() {
    let forge = forge(Some("s3cret"));
    let good = sign("s3cret", BODY);
    for (event, signature) in [
        ("x-gitea-event", "x-gitea-signature"),
        ("x-forgejo-event", "x-forgejo-signature"),
        ("x-gogs-event", "x-gogs-signature"),
    ] {
        let headers = headers(&[(event, "repository"), (signature, &good)]);
        assert_eq!(events(&forge, &headers, BODY), Ok(vec![Event::Project(ProjectId(5))]));
    }
    let push = headers(&[("x-gitea-event", "push"), ("x-gitea-signature", &good)]);
    assert_eq!(events(&forge, &push, BODY), Ok(Vec::new()));
}

#[test]
fn a_webhook_that_is_not_proven_is_refused() {
    let forge = forge(Some("s3cret"));
    let good = sign("s3cret", BODY);
    let other = sign("other", BODY);
    for signature in [
        other.as_str(),
        "",
        "00",
        "x",
        &good[1..],
        &format!("{good}0"),
        &format!("{good}00"),
        "é",
    ] {
        let headers = headers(&[("x-gitea-event", "repository"), ("x-gitea-signature", signature)]);
        assert_eq!(
            events(&forge, &headers, BODY),
            Err(WebhookError::BadSignature),
            "{signature}"
        );
    }
    let unsigned = headers(&[("x-gitea-event", "repository")]);
    assert_eq!(events(&forge, &unsigned, BODY), Err(WebhookError::BadSignature));
    let changed = headers(&[("x-gitea-event", "repository"), ("x-gitea-signature", &good)]);
    assert_eq!(events(&forge, &changed, b"{}"), Err(WebhookError::BadSignature));
}

#[test]
fn without_a_secret_no_webhook_is_taken() {
    let headers = headers(&[("x-gitea-event", "repository"), ("x-gitea-signature", &sign("", BODY))]);
    assert_eq!(events(&forge(None), &headers, BODY), Err(WebhookError::Unsupported));
}

#[test]
fn a_proven_webhook_that_is_not_understood_is_malformed() {
    let forge = forge(Some("s3cret"));
    for body in [b"{}".as_slice(), b"not JSON", br#"{"repository": {"id": -1}}"#] {
        let headers = headers(&[
            ("x-gitea-event", "repository"),
            ("x-gitea-signature", &sign("s3cret", body)),
        ]);
        assert!(matches!(
            events(&forge, &headers, body),
            Err(WebhookError::Malformed(_))
        ));
    }
    let no_event = headers(&[("x-gitea-signature", &sign("s3cret", BODY))]);
    assert!(matches!(
        events(&forge, &no_event, BODY),
        Err(WebhookError::Malformed(_))
    ));
}
