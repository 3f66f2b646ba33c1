//! A forge that is down, slow, or answers what is not understood: no request is let through.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::*;
use crate::forge::cache::CachedForge;

const PATHS: [&str; 2] = ["/api/v1/repos/team/model", "/api/v1/token"];

/// The error when the forge answers so at one path, and well at all others.
async fn error(path: &str, reply: Reply) -> ForgeError {
    let mut world = World::new();
    world.others.insert(path.to_owned(), reply);
    let setup = Setup::new(world).await;
    setup
        .forge
        .resolve(&"team/model".into(), &bearer(TOKEN))
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_forge_that_fails_or_answers_garbage_counts_as_down() {
    let garbage = [
        Reply::Text(500, "panic".to_owned()),
        Reply::Text(502, "bad gateway".to_owned()),
        Reply::Text(200, "<html>".to_owned()),
        Reply::Text(200, String::new()),
        Reply::Json(200, json!([])),
        Reply::Json(200, json!({"id": "5"})),
        Reply::Json(201, json!({})),
        Reply::Json(400, json!({})),
        Reply::Text(200, " ".repeat((1 << 20) + 1)),
    ];
    for path in PATHS {
        for reply in &garbage {
            error(path, reply.clone()).await;
        }
    }
}

#[tokio::test]
async fn a_name_that_no_repository_can_have_counts_as_garbage() {
    for name in ["team", "team/..", "team/a/b", "https://evil.example/x", ""] {
        let repository = json!({
            "id": 5, "full_name": name, "private": true, "owner": {"id": 1},
            "permissions": {"admin": false, "push": true, "pull": true},
        });
        error(PATHS[0], Reply::Json(200, repository)).await;
    }
}

#[tokio::test]
async fn an_overloaded_forge_names_the_time_to_wait() {
    for path in PATHS {
        let error = error(path, Reply::Overload(17)).await;
        assert_eq!(error.retry_after, Some(Duration::from_secs(17)));
    }
}

#[tokio::test]
async fn a_credential_does_not_follow_a_redirect_to_another_host() {
    let elsewhere = StandIn::start(|_| world::message(200, "thank you for the token")).await;
    for path in PATHS {
        error(path, Reply::Redirect(format!("{}/api/v1/user", elsewhere.url))).await;
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_without_end_counts_as_down() {
    for path in PATHS {
        error(path, Reply::Redirect(path.to_owned())).await;
    }
}

#[tokio::test]
async fn a_forge_that_does_not_answer_or_stalls_is_given_up() {
    for path in PATHS {
        for reply in [Reply::Silence, Reply::Stall] {
            let mut world = World::new();
            world.others.insert(path.to_owned(), reply);
            let setup = Setup::new(world).await;
            // The host bounds every decision, so it need not wait for the client's own limit.
            let forge = CachedForge::new(
                Arc::new(setup.forge),
                Duration::from_millis(50),
                Arc::new(SystemTime::now),
            );
            let project = "team/model".into();
            forge
                .resolve(&project, &bearer(TOKEN), Duration::ZERO)
                .await
                .unwrap_err();
        }
    }
}

#[tokio::test]
async fn a_forge_that_is_not_there_counts_as_down() {
    // Nothing listens at this port.
    let forge = GiteaForge::new(options("http://127.0.0.1:1")).unwrap();
    forge.resolve(&"team/model".into(), &bearer(TOKEN)).await.unwrap_err();
    forge.probe().await.unwrap_err();
}

#[tokio::test]
async fn a_write_probe_that_is_not_understood_permits_nothing() {
    let probe = format!("/api/v1/repos/team/model/statuses/{}", "0".repeat(40));
    for reply in [
        world::message(201, "created"),
        world::message(401, "?"),
        world::message(409, "?"),
        world::message(500, "?"),
    ] {
        let mut world = World::new();
        world.has_token_endpoint = false;
        world.others.insert(probe.clone(), reply);
        let setup = Setup::new(world).await;
        setup
            .forge
            .resolve(&"team/model".into(), &bearer(TOKEN))
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn a_token_that_is_limited_to_other_repositories_only_reads() {
    let mut world = World::new();
    world.has_token_endpoint = false;
    let probe = format!("/api/v1/repos/team/model/statuses/{}", "0".repeat(40));
    world.others.insert(probe, world::message(404, "not found"));
    let setup = Setup::new(world).await;
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Developer, Scope::ReadApi)));
}

#[tokio::test]
async fn the_write_probe_writes_nothing() {
    let mut world = World::new();
    world.has_token_endpoint = false;
    let setup = Setup::new(world).await;
    setup.access("team/model", TOKEN).await;
    let seen = setup.stand_in.seen();
    let probe = seen.iter().find(|seen| seen.method == http::Method::POST).unwrap();
    assert_eq!(&probe.body[..], b"[]");
}

#[tokio::test]
async fn the_start_tests_the_address_and_the_service_token() {
    let probe = async |world: World, service: Option<String>| {
        let setup = Setup::with(world, |options| options.service_token = service).await;
        setup.forge.probe().await
    };
    probe(World::new(), None).await.unwrap();
    probe(World::new(), Some(TOKEN.to_owned())).await.unwrap();
    probe(World::new(), Some(token('f'))).await.unwrap_err();
    let mut elsewhere = World::new();
    elsewhere
        .others
        .insert("/api/v1/version".to_owned(), world::message(404, "?"));
    probe(elsewhere, None).await.unwrap_err();
}

#[test]
fn a_wrong_setting_is_refused_at_the_start() {
    let with = |change: fn(&mut GiteaOptions)| {
        let mut options = options("http://127.0.0.1:1");
        change(&mut options);
        GiteaForge::new(options).is_ok()
    };
    assert!(with(|_| {}));
    assert!(!with(|options| options.address.url = "git.example.org".to_owned()));
    assert!(!with(
        |options| options.address.authorities = Some(b"no certificate".to_vec())
    ));
    assert!(!with(|options| options.service_token = Some("a\nb".to_owned())));
}
