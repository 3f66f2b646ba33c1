//! Statuses of commits.

use std::time::Duration;

use serde_json::{Value, json};

use super::world::{Fault, Kind, PATH, SERVICE, SERVICE_TOKEN, SHA, World};
use crate::forge::commit_status::tests::{BASE, RUN, status};
use crate::forge::{CommitState, Forge as _, ForgeError};
use crate::storage::ProjectId;

const PROJECT: ProjectId = ProjectId(super::world::PROJECT);

/// A GitLab whose service token may set statuses.
async fn world() -> World {
    let world = World::new().await;
    world.change(|facts| {
        let kind = Kind::Access(&["api"]);
        _ = facts.tokens.insert(SERVICE_TOKEN.into(), (kind, SERVICE));
    });
    world
}

async fn set(world: &World, commit: &str) -> Result<bool, ForgeError> {
    let status = status(commit, CommitState::Success);
    world.forge.set_commit_status(PROJECT, &status).await
}

#[tokio::test]
async fn a_status_is_set_with_the_service_token_and_links_to_the_run() {
    let world = world().await;
    for (state, word, description) in [
        (CommitState::Success, "success", "Run try-1 finished"),
        (CommitState::Failure, "failed", "Run try-1 failed"),
        (CommitState::Canceled, "canceled", "Run try-1 was stopped"),
    ] {
        let set = world.forge.set_commit_status(PROJECT, &status(SHA, state)).await;
        assert_eq!(set, Ok(true));
        let sent = world.server.take_seen().pop().unwrap();
        assert_eq!(sent.target, format!("/api/v4/projects/7/statuses/{SHA}"));
        assert_eq!(sent.headers["authorization"], format!("Bearer {SERVICE_TOKEN}"));
        let url = format!("{BASE}/{PATH}/-/ml/candidates/{RUN}");
        let expected = json!({"state": word, "name": "mlforge/cats", "description": description, "target_url": url});
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), expected);
    }
}

#[tokio::test]
async fn the_path_of_the_project_is_asked_for_once() {
    let world = world().await;
    for calls in [2, 1] {
        assert_eq!(set(&world, SHA).await, Ok(true));
        assert_eq!(world.server.take_seen().len(), calls);
    }
}

#[tokio::test]
async fn a_link_that_gitlab_would_not_take_is_left_out() {
    let world = world().await;
    let path = format!("team/{}", "m".repeat(250));
    world.change(|facts| {
        let url = format!("https://gitlab.example.org/{path}");
        facts.project = json!({"path_with_namespace": path, "web_url": url});
    });
    assert_eq!(set(&world, SHA).await, Ok(true));
    let sent = world.server.take_seen().pop().unwrap();
    let sent: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!((&sent["state"], sent.get("target_url")), (&json!("success"), None));
}

#[tokio::test]
async fn an_unknown_commit_or_project_gets_no_status() {
    let world = world().await;
    assert_eq!(set(&world, &"0".repeat(40)).await, Ok(false));
    let elsewhere = world
        .forge
        .set_commit_status(ProjectId(8), &status(SHA, CommitState::Success))
        .await;
    assert_eq!(elsewhere, Ok(false));
    // GitLab refuses the status itself, for example since a job has its name, or the pipeline too many jobs.
    for code in [400, 422] {
        world.change(|facts| facts.fault = Some(("/statuses/", Fault::Status(code, vec![]))));
        assert_eq!(set(&world, SHA).await, Ok(false), "{code}");
    }
}

#[tokio::test]
async fn without_a_service_token_nothing_is_asked() {
    let world = World::with(|options| options.service_token = None).await;
    assert_eq!(set(&world, SHA).await, Ok(false));
    assert_eq!(world.server.take_seen().len(), 0);
}

#[tokio::test]
async fn a_token_that_may_not_set_a_status_is_told_as_a_failure() {
    let world = World::new().await;
    // Its scope is `read_api`.
    let error = set(&world, SHA).await.unwrap_err();
    assert!(error.reason.contains("service token"), "{error}");
    world.change(|facts| _ = facts.tokens.remove(SERVICE_TOKEN));
    let error = set(&world, SHA).await.unwrap_err();
    assert!(error.reason.contains("service token"), "{error}");
}

#[tokio::test]
async fn a_gitlab_that_fails_is_no_answer_about_the_commit() {
    let world = world().await;
    for code in [200, 204, 409, 500, 502, 503] {
        world.change(|facts| facts.fault = Some(("/statuses/", Fault::Status(code, vec![]))));
        set(&world, SHA).await.unwrap_err();
    }
    let overload = Fault::Status(429, vec![("retry-after", "17".into())]);
    world.change(|facts| facts.fault = Some(("/statuses/", overload)));
    let error = set(&world, SHA).await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(17)));
}
