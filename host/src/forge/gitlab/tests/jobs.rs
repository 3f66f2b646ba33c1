//! Look-ups of CI jobs, and links.

use serde_json::json;

use super::world::{ADA, Kind, PATH, SHA, World};
use crate::forge::{Credential, Forge as _, Job, JobRef, Target};
use crate::storage::ProjectId;

const PROJECT: ProjectId = ProjectId(super::world::PROJECT);

async fn find(world: &World, id: &str, credential: Option<&Credential>) -> Option<Job> {
    world
        .forge
        .job(PROJECT, &JobRef::Id(id.into()), credential)
        .await
        .unwrap()
}

async fn without_service() -> World {
    World::with(|options| options.service_token = None).await
}

#[tokio::test]
async fn a_job_is_found_with_the_newest_open_merge_request_of_its_commit() {
    let world = World::new().await;
    let request =
        |number: u64, state: &str| json!({"iid": number, "state": state, "web_url": format!("https://g/{number}")});
    world.change(|facts| {
        facts.merge_requests = json!([request(14, "closed"), request(13, "opened"), request(12, "opened")])
    });
    let job = find(&world, "55", None).await.unwrap();
    let page = format!("{}/{PATH}/-", world.server.url());
    let expected = Job {
        id: "55".into(),
        name: "train".into(),
        status: "running".into(),
        is_finished: false,
        git_ref: Some("main".into()),
        commit: Some(SHA.into()),
        pipeline: Some("9".into()),
        user: Some("ada".into()),
        merge_request: Some("!13".into()),
        url: Some(format!("{page}/jobs/55")),
        commit_url: Some(format!("{page}/commit/{SHA}")),
        pipeline_url: Some(format!("{page}/pipelines/9")),
        merge_request_url: Some("https://g/13".into()),
    };
    assert_eq!(job, expected);
    assert_eq!(world.server.take_seen().len(), 2);

    world.change(|facts| facts.merge_requests = json!([]));
    assert_eq!(find(&world, "55", None).await.unwrap().merge_request, None);
    world.change(|facts| facts.merge_requests = json!([request(14, "merged")]));
    assert_eq!(
        find(&world, "55", None).await.unwrap().merge_request.as_deref(),
        Some("!14")
    );
}

#[tokio::test]
async fn a_ref_that_names_the_merge_request_saves_a_call() {
    let world = World::new().await;
    world.change(|facts| facts.job_ref = "refs/merge-requests/12/head");
    let job = find(&world, "55", None).await.unwrap();
    assert_eq!(job.merge_request.as_deref(), Some("!12"));
    assert_eq!(
        job.merge_request_url,
        Some(format!("{}/{PATH}/-/merge_requests/12", world.server.url()))
    );
    assert_eq!(world.server.take_seen().len(), 1);
}

#[tokio::test]
async fn a_job_that_is_unknown_or_of_another_project_or_no_number_is_none() {
    let world = World::new().await;
    for id in ["56", "", "x", "-55", "55/trace", "../7", "99999999999999999999"] {
        assert_eq!(find(&world, id, None).await, None, "{id}");
    }
    let elsewhere = world.forge.job(ProjectId(8), &JobRef::Id("55".into()), None).await;
    assert_eq!(elsewhere, Ok(None));
    let of_run = JobRef::OfRun {
        run: "1".into(),
        job: None,
    };
    assert_eq!(world.forge.job(PROJECT, &of_run, None).await, Ok(None));
}

#[tokio::test]
async fn without_a_service_token_the_caller_sees_what_gitlab_shows_to_him() {
    let world = without_service().await;
    assert_eq!(find(&world, "55", None).await, None);
    assert_eq!(find(&world, "55", Some(&World::ada())).await.unwrap().name, "train");
    world.change(|facts| {
        _ = facts
            .tokens
            .insert("glpat-eve".into(), (Kind::Access(&["api"]), ADA + 1))
    });
    assert_eq!(
        find(&world, "55", Some(&Credential::Bearer("glpat-eve".into()))).await,
        None
    );
}

#[tokio::test]
async fn without_a_service_token_a_job_learns_only_of_itself() {
    let world = without_service().await;
    let token = Credential::JobToken("job-ada".into());
    assert_eq!(find(&world, "55", Some(&token)).await.unwrap().name, "train");
    assert_eq!(find(&world, "56", Some(&token)).await, None);
    let elsewhere = world
        .forge
        .job(ProjectId(8), &JobRef::Id("55".into()), Some(&token))
        .await;
    assert_eq!(elsewhere, Ok(None));
}

#[tokio::test]
async fn links_lead_to_the_pages_of_a_project_that_a_caller_has_asked_for() {
    let world = without_service().await;
    let user = Target::User("ada".into());
    assert_eq!(world.forge.link(PROJECT, &user).await, Ok(None));
    world.access(&World::ada()).await;
    world.server.take_seen();
    let table = [
        (user, "/ada"),
        (Target::User("../a b".into()), "/..%2Fa%20b"),
        (
            Target::Commit(SHA.into()),
            "/team/model/-/commit/2293ada6b400935a1378653304eaf6221e0fdb8f",
        ),
        (Target::MergeRequest("12".into()), "/team/model/-/merge_requests/12"),
    ];
    for (target, path) in table {
        let link = world.forge.link(PROJECT, &target).await.unwrap();
        assert_eq!(link, Some(format!("{}{path}", world.server.url())));
    }
    assert_eq!(world.server.take_seen().len(), 0);
}

#[tokio::test]
async fn links_of_a_project_that_nobody_asked_for_need_the_service_token() {
    let world = World::new().await;
    let target = Target::MergeRequest("12".into());
    let link = world.forge.link(PROJECT, &target).await.unwrap();
    assert_eq!(link, Some(format!("{}/{PATH}/-/merge_requests/12", world.server.url())));
    assert_eq!(world.forge.link(ProjectId(8), &target).await, Ok(None));
}
