//! Statuses of commits.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::forge::CommitState;
use crate::forge::commit_status::tests::{BASE, RUN, status};

const SHA: &str = "c2d72f548424103f01ee1dc02889c1e2bff816b0";

fn path() -> String {
    format!("/api/v1/repos/team/model/statuses/{SHA}")
}

/// The path at which the forge is asked for the commit.
fn commit_path() -> String {
    format!("/api/v1/repos/team/model/git/commits/{SHA}?stat=false&verification=false&files=false")
}

async fn setup(world: World) -> Setup {
    Setup::with(world, |options| options.service_token = Some(TOKEN.to_owned())).await
}

async fn set(setup: &Setup) -> Result<bool, ForgeError> {
    let status = status(SHA, CommitState::Success);
    setup.forge.set_commit_status(ProjectId(5), &status).await
}

/// The outcome when the forge answers so to the status.
async fn outcome(reply: Reply) -> Result<bool, ForgeError> {
    let mut world = World::new();
    world.others.insert(path(), reply);
    set(&setup(world).await).await
}

#[tokio::test]
async fn a_status_is_set_with_the_service_token_and_links_to_the_run() {
    let setup = setup(World::new()).await;
    for (state, word, description) in [
        (CommitState::Success, "success", "Run try-1 finished"),
        (CommitState::Failure, "failure", "Run try-1 failed"),
        (CommitState::Canceled, "error", "Run try-1 was stopped"),
    ] {
        let set = setup.forge.set_commit_status(ProjectId(5), &status(SHA, state)).await;
        assert_eq!(set, Ok(true));
        let sent = setup.stand_in.seen().pop().unwrap();
        assert_eq!((sent.method, sent.path), (http::Method::POST, path()));
        assert_eq!(sent.authorization, Some(format!("Bearer {TOKEN}")));
        let url = format!("{BASE}/team/model/-/ml/candidates/{RUN}");
        let expected = json!({"state": word, "context": "mlforge/cats", "description": description, "target_url": url});
        assert_eq!(serde_json::from_slice::<Value>(&sent.body).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_status_goes_to_the_repository_with_the_number_whatever_its_name_is_now() {
    let setup = setup(World::new()).await;
    assert_eq!(set(&setup).await, Ok(true));
    // Another repository takes the name that is remembered.
    setup.change(|world| {
        let mut other = world.model().clone();
        (other.id, world.model().path) = (6, "team/renamed");
        world.repositories.push(other);
    });
    setup.stand_in.take_requests();
    assert_eq!(set(&setup).await, Ok(true));
    let renamed = format!("POST /api/v1/repos/team/renamed/statuses/{SHA}");
    assert_eq!(
        setup.stand_in.take_requests(),
        ["GET /api/v1/repositories/5".to_owned(), renamed]
    );
}

#[tokio::test]
async fn a_commit_or_repository_that_the_forge_does_not_know_gets_no_status() {
    // Gitea fails for such a commit, instead of not finding it.
    let failure = Reply::Text(500, "GetCommit: object does not exist".to_owned());
    assert_eq!(outcome(failure).await, Ok(false));
    for code in [400, 404, 422, 423] {
        assert_eq!(outcome(world::message(code, "?")).await, Ok(false), "{code}");
    }
    let setup = setup(World::new()).await;
    let status = status(SHA, CommitState::Success);
    assert_eq!(setup.forge.set_commit_status(ProjectId(6), &status).await, Ok(false));
}

#[tokio::test]
async fn a_forge_that_fails_for_a_commit_that_it_knows_is_no_answer() {
    let mut world = World::new();
    world.others.insert(path(), Reply::Text(502, "bad gateway".to_owned()));
    world
        .others
        .insert(commit_path(), Reply::Json(200, json!({"sha": SHA})));
    let setup = setup(world).await;
    assert!(set(&setup).await.unwrap_err().reason.contains("502"));
    for reply in [
        Reply::Text(500, "panic".to_owned()),
        Reply::Text(200, "<html>".to_owned()),
    ] {
        setup.change(|world| _ = world.others.insert(commit_path(), reply));
        assert!(set(&setup).await.unwrap_err().reason.contains("502"));
    }
    outcome(Reply::Json(200, json!([]))).await.unwrap_err();
}

#[tokio::test]
async fn an_overloaded_forge_is_asked_nothing_more() {
    let mut world = World::new();
    world.others.insert(path(), Reply::Overload(17));
    let setup = setup(world).await;
    assert_eq!(
        set(&setup).await.unwrap_err().retry_after,
        Some(Duration::from_secs(17))
    );
    assert_eq!(setup.stand_in.take_requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_may_not_set_a_status_is_told_as_a_failure() {
    for (scopes, right) in [(["read:repository"], "push"), (["all"], "pull")] {
        let mut world = World::new();
        world.add_token(TOKEN, ADA, &scopes);
        world.model().rights.insert(ADA, right);
        let error = set(&setup(world).await).await.unwrap_err();
        assert!(error.reason.contains("service token"), "{error}");
    }
    let mut world = World::new();
    world.tokens.clear();
    let error = set(&setup(world).await).await.unwrap_err();
    assert!(error.reason.contains("service token"), "{error}");
}

#[tokio::test]
async fn without_a_service_token_or_on_gogs_nothing_is_asked() {
    let without = Setup::new(World::new()).await;
    let gogs = Setup::with(World::new(), |options| {
        options.flavor = Flavor::Gogs;
        options.service_token = Some(TOKEN.to_owned());
    })
    .await;
    for setup in [without, gogs] {
        assert_eq!(set(&setup).await, Ok(false));
        assert!(setup.stand_in.seen().is_empty());
    }
}
