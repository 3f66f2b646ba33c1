//! Tokens that the forge makes for the jobs of its Actions.

use super::world::ACTIONS;
use super::*;

fn world(right: &'static str) -> (World, String) {
    let (mut world, job) = (World::new(), token('b'));
    world.add_password(&job, ACTIONS);
    world.model().rights.insert(ACTIONS, right);
    (world, job)
}

#[tokio::test]
async fn a_job_has_the_permissions_of_its_token_and_is_not_probed() {
    for (right, role) in [("push", Role::Developer), ("pull", Role::Guest)] {
        let (world, job) = world(right);
        let setup = Setup::new(world).await;
        let access = setup.access("team/model", &job).await;
        assert_eq!(access.project.as_ref().unwrap().1, role);
        assert_eq!(access.scope, Scope::Api);
        assert_eq!(access.actor, Actor::new("-2", "gitea-actions"));
        assert!(
            !setup
                .stand_in
                .take_requests()
                .iter()
                .any(|line| line.starts_with("POST"))
        );
    }
}

#[tokio::test]
async fn a_job_sees_no_other_repository() {
    let (mut world, job) = world("push");
    let mut other = world.repositories[0].clone();
    (other.id, other.path) = (6, "team/other");
    other.rights.remove(&ACTIONS);
    world.repositories.push(other);
    let setup = Setup::with(world, |options| options.service_token = Some(TOKEN.to_owned())).await;
    for project in ["team/other", "6"] {
        assert_eq!(setup.access(project, &job).await.project, None, "{project}");
    }
}

#[tokio::test]
async fn the_token_of_a_job_is_no_proof_that_scopes_are_not_told() {
    let (world, job) = world("push");
    let setup = Setup::new(world).await;
    setup.access("team/model", &job).await;
    setup.stand_in.take_requests();
    setup.access("team/model", TOKEN).await;
    assert!(setup.stand_in.take_requests().contains(&"GET /api/v1/token".to_owned()));
}

#[tokio::test]
async fn a_job_may_write_in_a_public_project_that_it_names_by_number() {
    let (mut world, job) = world("push");
    world.model().private = false;
    let setup = Setup::new(world).await;
    let access = setup.access("5", &job).await;
    assert_eq!(access.project.as_ref().unwrap().1, Role::Developer);
}

#[tokio::test]
async fn a_job_finds_a_private_project_by_number_through_the_service_token_or_an_earlier_answer() {
    let (world, job) = world("push");
    let setup = Setup::new(world.clone()).await;
    assert_eq!(setup.access("5", &job).await.project, None);
    setup.access("team/model", TOKEN).await;
    assert_eq!(
        setup.access("5", &job).await.project.as_ref().unwrap().1,
        Role::Developer
    );

    let setup = Setup::with(world, |options| options.service_token = Some(TOKEN.to_owned())).await;
    assert_eq!(
        setup.access("5", &job).await.project.as_ref().unwrap().1,
        Role::Developer
    );
}

#[tokio::test]
async fn a_number_whose_name_another_repository_took_is_not_found() {
    let (world, job) = world("push");
    let setup = Setup::new(world).await;
    setup.access("team/model", TOKEN).await;
    setup.change(|world| {
        let mut reused = world.repositories[0].clone();
        reused.id = 9;
        world.model().path = "team/new";
        world.repositories.push(reused);
    });
    assert_eq!(setup.access("5", &job).await.project, None);
}
