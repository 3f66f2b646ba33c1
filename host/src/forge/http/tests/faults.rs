//! A forge that fails: every fault is an error, and no credential leaves the forge.

use std::time::Duration;

use super::*;

/// The error of a request that is answered so.
async fn fault(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> ForgeError {
    ask(&StandIn::start(answer).await).await.unwrap_err()
}

#[tokio::test]
async fn other_statuses_are_errors() {
    for status in [201, 204, 304, 400, 405, 410, 500, 502, 503] {
        let error = ask(&StandIn::answering(status, access()).await).await.unwrap_err();
        assert!(error.reason.contains(&status.to_string()), "{error}");
    }
}

#[tokio::test]
async fn an_overloaded_forge_is_asked_again_when_it_says() {
    for status in [429, 503] {
        let error = fault(move |_| whole(status, "retry-after: 20\r\n", "")).await;
        assert_eq!(error.retry_after, Some(Duration::from_secs(20)), "{error}");
        let error = fault(move |_| whole(status, "retry-after: soon\r\n", "")).await;
        assert_eq!(error.retry_after, None, "{error}");
    }
}

#[tokio::test]
async fn garbage_is_an_error() {
    for body in ["", "<html>", "[]", "null", "{}", "\u{0}", "{\"project\": "] {
        assert!(ask(&StandIn::answering(200, body).await).await.is_err(), "{body}");
    }
    let twice = format!("{}{}", access(), access());
    assert!(ask(&StandIn::answering(200, twice).await).await.is_err());
    for bytes in ["no http\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", ""] {
        fault(move |_| Reply::Whole(bytes.into())).await;
    }
}

#[tokio::test]
async fn a_huge_answer_is_an_error() {
    let mut document = access();
    document["padding"] = "x".repeat(1 << 20).into();
    let error = ask(&StandIn::answering(200, document).await).await.unwrap_err();
    assert!(error.reason.contains("bytes"), "{error}");
}

// The clock goes on by itself once nothing else happens, so these tests take no time.
#[tokio::test(start_paused = true)]
async fn a_forge_that_does_not_answer_is_given_up() {
    let error = fault(|_| Reply::Stalled("")).await;
    assert!(error.reason.contains("in time"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_forge_that_stops_within_its_answer_is_given_up() {
    let error = fault(|_| Reply::Stalled("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")).await;
    assert!(error.reason.contains("in time"), "{error}");
}

#[tokio::test]
async fn a_forge_that_is_not_there_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let address = ForgeAddress { url, authorities: None };
    let forge = HttpForge::new(HttpOptions {
        address,
        ..HttpOptions::default()
    })
    .unwrap();
    let error = forge.resolve(&ProjectRef::Id(7), &token()).await.unwrap_err();
    assert!(error.reason.contains("cannot connect"), "{error}");
    assert!(forge.probe().await.is_err());
}

#[tokio::test]
async fn a_redirect_to_another_origin_is_an_error_and_the_credential_stays() {
    let elsewhere = StandIn::answering(200, access()).await;
    for status in [301, 302, 307, 308] {
        let location = format!("location: {}\r\n", elsewhere.url);
        let error = fault(move |_| whole(status, &location, "")).await;
        assert!(error.reason.contains(&status.to_string()), "{error}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_within_the_origin_is_followed_with_the_credential() {
    let stand_in = StandIn::start(|head| match head.starts_with("GET /mlforge/authorize?") {
        true => whole(308, "location: /mlforge/authorize/?project=7\r\n", ""),
        false => whole(200, "", &access().to_string()),
    })
    .await;
    let forge = stand_in.forge(HttpOptions::default());
    for (credential, name) in [
        (token(), "authorization"),
        (Credential::PrivateToken("p".into()), "private-token"),
    ] {
        let decision = forge.resolve(&ProjectRef::Id(7), &credential).await;
        assert!(matches!(decision, Ok(Decision::Known(_))), "{decision:?}");
        let request = stand_in.requests().pop().unwrap();
        assert!(request.starts_with("GET /mlforge/authorize/?project=7 "), "{request}");
        assert!(header(&request, name).is_some(), "{request}");
    }
}

#[tokio::test]
async fn a_loop_of_redirects_is_an_error() {
    let stand_in = StandIn::start(|_| whole(302, "location: /mlforge/authorize\r\n", "")).await;
    ask(&stand_in).await.unwrap_err();
    assert_eq!(stand_in.requests().len(), 4);
}
