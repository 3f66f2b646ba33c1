//! The list of a caller's projects.

use serde_json::json;

use super::world::{PATH, PROJECT, World};
use crate::forge::{Credential, Forge as _, ProjectPage};

async fn list(world: &World, credential: &Credential, after: &str) -> Option<ProjectPage> {
    world.forge.projects(credential, after).await.unwrap()
}

#[tokio::test]
async fn the_projects_of_a_member_are_listed_in_one_call() {
    let world = World::new().await;
    for credential in [World::ada(), Credential::Cookie("session-ada".into())] {
        world.server.take_seen();
        let page = list(&world, &credential, "").await.expect("a list");
        assert_eq!(page.projects.len(), 1);
        assert_eq!((page.projects[0].id.0, page.projects[0].path.as_str()), (PROJECT, PATH));
        assert_eq!(page.next, None);
        assert_eq!(world.server.take_seen().len(), 1);
    }
    assert_eq!(list(&world, &World::ada(), "7").await, Some(ProjectPage::default()));
    assert_eq!(list(&world, &World::ada(), "x").await.unwrap().projects.len(), 1);
}

#[tokio::test]
async fn a_project_whose_experiments_are_switched_off_is_left_out() {
    let world = World::new().await;
    world.change(|facts| facts.project = json!({"model_experiments_access_level": "disabled"}));
    assert_eq!(list(&world, &World::ada(), "").await, Some(ProjectPage::default()));
}

#[tokio::test]
async fn nothing_is_listed_for_jobs_strangers_and_narrow_tokens() {
    let world = World::new().await;
    let jobs = Credential::JobToken("job-ada".into());
    for credential in [jobs, Credential::Anonymous, Credential::Bearer("unknown".into())] {
        assert_eq!(list(&world, &credential, "").await, None);
    }
}
