//! A GitLab that is down, slow, overloaded, hostile or not understood.

use std::time::Duration;

use serde_json::json;

use super::stand_in::{Answer, StandIn};
use super::world::{Fault, SERVICE_TOKEN, World};
use crate::forge::id_token::signer::SigningKey;
use crate::forge::{Credential, Forge as _, ForgeError, JobRef};
use crate::storage::ProjectId;

/// The requests of an access token and of a job's token.
const REQUESTS: [&str; 4] = ["/user", "/personal_access_tokens", "/projects/7", "/members"];

async fn failure(world: &World, part: &'static str, fault: Fault) -> ForgeError {
    world.change(|facts| facts.fault = Some((part, fault)));
    world.resolve(&World::ada()).await.unwrap_err()
}

#[tokio::test]
async fn every_request_that_fails_or_is_not_understood_counts_as_no_answer() {
    let faults = [
        Fault::Status(500, vec![]),
        Fault::Status(502, vec![]),
        Fault::Status(503, vec![]),
        Fault::Status(408, vec![]),
        Fault::Status(418, vec![]),
        Fault::Status(204, vec![]),
        Fault::Status(304, vec![]),
        Fault::Text(""),
        Fault::Text("<html>Sign in</html>"),
        Fault::Text("[]"),
        Fault::Text("{}"),
        Fault::Text(r#"{"id": -1}"#),
        Fault::Bytes((1 << 20) + 1),
    ];
    let world = World::new().await;
    for part in REQUESTS {
        for fault in faults.clone() {
            failure(&world, part, fault).await;
        }
    }
    // It recovers at once.
    world.change(|facts| facts.fault = None);
    world.access(&World::ada()).await;
}

#[tokio::test]
async fn an_overloaded_gitlab_says_when_to_ask_again() {
    let world = World::new().await;
    for status in [429, 503] {
        let error = failure(
            &world,
            "/user",
            Fault::Status(status, vec![("retry-after", "17".into())]),
        )
        .await;
        assert_eq!(error.retry_after, Some(Duration::from_secs(17)), "{status}");
    }
    let error = failure(
        &world,
        "/user",
        Fault::Status(429, vec![("retry-after", "soon".into())]),
    )
    .await;
    assert_eq!(error.retry_after, None);
}

#[tokio::test]
async fn an_answer_that_does_not_come_or_does_not_end_counts_as_none() {
    let world = World::with_timeout(Duration::from_millis(100), |_| ()).await;
    for fault in [Fault::Silence, Fault::Stalled] {
        let error = failure(&world, "/user", fault).await;
        assert!(error.reason.contains("in time"), "{error}");
    }
}

#[tokio::test]
async fn a_gitlab_that_is_not_there_counts_as_no_answer() {
    let world = World::with(|options| options.address.url = "http://127.0.0.1:1".into()).await;
    world.resolve(&World::ada()).await.unwrap_err();
    world.forge.probe().await.unwrap_err();
}

#[tokio::test]
async fn a_redirect_to_another_host_is_not_followed_and_no_credential_leaves() {
    let other = StandIn::start(|_| Answer::json(200, &json!({}))).await;
    let world = World::new().await;
    let credentials = [
        World::ada(),
        Credential::PrivateToken("glpat-ada".into()),
        Credential::Cookie("session-ada".into()),
        Credential::JobToken("job-ada".into()),
    ];
    for credential in credentials {
        for status in [301, 302, 307, 308] {
            let location = format!("{}/api/v4/projects/7", other.url());
            let fault = Fault::Status(status, vec![("location", location)]);
            world.change(|facts| facts.fault = Some(("/projects/7", fault)));
            world.resolve(&credential).await.unwrap_err();
        }
    }
    assert_eq!(other.take_seen().len(), 0);
}

#[tokio::test]
async fn a_redirect_that_does_not_end_is_given_up() {
    let world = World::new().await;
    failure(
        &world,
        "/user",
        Fault::Status(302, vec![("location", "/api/v4/user".into())]),
    )
    .await;
}

#[tokio::test]
async fn no_id_token_is_accepted_while_the_keys_cannot_be_had() {
    let world = World::new().await;
    let token = SigningKey::first().sign(&json!({"iss": world.server.url()}));
    for (part, fault) in [
        ("/.well-known", Fault::Status(500, vec![])),
        ("/.well-known", Fault::Status(404, vec![])),
        ("/oauth/discovery", Fault::Text("{}")),
        ("/oauth/discovery", Fault::Bytes((1 << 20) + 1)),
    ] {
        let world = World::new().await;
        world.change(|facts| facts.fault = Some((part, fault)));
        world.resolve(&Credential::Bearer(token.clone())).await.unwrap_err();
        world.forge.probe().await.unwrap_err();
    }
}

#[tokio::test]
async fn a_refused_service_token_is_a_failure_and_not_the_callers_mistake() {
    let world = World::new().await;
    world.forge.probe().await.unwrap();
    world.change(|facts| _ = facts.tokens.remove(SERVICE_TOKEN));
    let failures = [
        world
            .resolve(&Credential::JobToken("job-ada".into()))
            .await
            .unwrap_err(),
        world
            .forge
            .job(ProjectId(7), &JobRef::Id("55".into()), None)
            .await
            .unwrap_err(),
        world.forge.probe().await.unwrap_err(),
    ];
    for error in failures {
        assert!(error.reason.contains("service token"), "{error}");
    }
}
