//! Paths, numbers, renames and deletions.

use serde_json::json;

use super::*;

/// The id and the path of the project that a reference leads to.
async fn found(setup: &Setup, project: &str) -> Option<(u64, String)> {
    let access = setup.access(project, TOKEN).await;
    let (project, _) = access.project.as_ref()?;
    Some((project.id.0, project.path.clone()))
}

#[tokio::test]
async fn a_project_is_found_by_path_in_any_case_and_by_number() {
    let setup = Setup::new(World::new()).await;
    let model = Some((5, "team/model".to_owned()));
    for project in ["team/model", "Team/Model", "5"] {
        assert_eq!(found(&setup, project).await, model, "{project}");
    }
    for project in ["team/other", "6", "18446744073709551615"] {
        assert_eq!(found(&setup, project).await, None, "{project}");
    }
}

#[tokio::test]
async fn a_path_that_no_repository_has_is_not_asked_for() {
    let setup = Setup::new(World::new()).await;
    let none = [
        "team",
        "team/",
        "/model",
        "team/model/x",
        "team//model",
        "../model",
        "team/..",
        "./.",
        "team/a b",
        "team/mödel",
        "team/model?x",
        "team/model#x",
        "team\\model",
        "issues/search",
        "",
    ];
    for project in none {
        setup.stand_in.take_requests();
        assert_eq!(found(&setup, project).await, None, "{project}");
        assert_eq!(setup.stand_in.take_requests(), ["GET /api/v1/token"], "{project}");
    }
}

#[tokio::test]
async fn a_renamed_repository_is_found_by_both_paths_under_the_same_number() {
    let mut world = World::new();
    world.model().path = "team/new";
    world.renamed.insert("team/model", "team/new");
    let setup = Setup::new(world).await;
    let new = Some((5, "team/new".to_owned()));
    for project in ["team/new", "team/model", "5"] {
        assert_eq!(found(&setup, project).await, new, "{project}");
    }
}

#[tokio::test]
async fn the_write_probe_of_a_renamed_repository_goes_to_its_new_path() {
    let mut world = World::new();
    world.has_token_endpoint = false;
    world.model().path = "team/new";
    world.renamed.insert("team/model", "team/new");
    let setup = Setup::new(world).await;
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Developer, Scope::Api)));
    let probe = format!("POST /api/v1/repos/team/new/statuses/{}", "0".repeat(40));
    assert!(setup.stand_in.take_requests().contains(&probe));
}

#[tokio::test]
async fn a_path_that_is_used_again_leads_to_the_new_repository() {
    let mut world = World::new();
    let mut reused = world.repositories[0].clone();
    reused.id = 9;
    world.model().path = "team/new";
    world.renamed.insert("team/model", "team/new");
    world.repositories.push(reused);
    let setup = Setup::new(world).await;
    assert_eq!(found(&setup, "team/model").await, Some((9, "team/model".to_owned())));
    assert_eq!(found(&setup, "5").await, Some((5, "team/new".to_owned())));
}

#[tokio::test]
async fn a_deleted_repository_and_a_hidden_one_are_answered_alike() {
    let setup = Setup::new(World::new()).await;
    setup.change(|world| world.model().rights.clear());
    let hidden = setup.access("team/model", TOKEN).await;
    setup.change(|world| world.repositories.clear());
    assert_eq!(setup.access("team/model", TOKEN).await, hidden);
    assert_eq!(hidden.project, None);
}

#[tokio::test]
async fn pages_are_linked_below_the_repository() {
    let setup = Setup::new(World::new()).await;
    let link = async |target| setup.forge.link(ProjectId(5), &target).await.unwrap();
    let commit = Target::Commit("c0ffee0000".to_owned());
    // Nothing is known of the project yet, and there is no service token to ask with.
    assert_eq!(link(commit.clone()).await, None);
    setup.access("team/model", TOKEN).await;
    setup.stand_in.take_requests();
    let page = |path: &str| Some(format!("https://git.example.org/team/model/{path}"));
    assert_eq!(link(commit).await, page("commit/c0ffee0000"));
    assert_eq!(link(Target::MergeRequest("12".to_owned())).await, page("pulls/12"));
    assert_eq!(
        link(Target::User("ada".to_owned())).await,
        Some(format!("{}/ada", setup.stand_in.url))
    );
    for hostile in ["../../admin", "javascript:alert(1)", "", "12/../x"] {
        assert_eq!(link(Target::Commit(hostile.to_owned())).await, None);
        assert_eq!(link(Target::MergeRequest(hostile.to_owned())).await, None);
        assert_eq!(link(Target::User(hostile.to_owned())).await, None);
    }
    assert!(setup.stand_in.seen().is_empty());
}

#[tokio::test]
async fn the_service_token_finds_the_pages_of_a_repository_that_nobody_asked_for_yet() {
    let setup = Setup::with(World::new(), |options| options.service_token = Some(TOKEN.to_owned())).await;
    let target = Target::MergeRequest("3".to_owned());
    let link = setup.forge.link(ProjectId(5), &target).await.unwrap();
    assert_eq!(link.as_deref(), Some("https://git.example.org/team/model/pulls/3"));
    assert_eq!(setup.forge.link(ProjectId(6), &target).await.unwrap(), None);
}

#[tokio::test]
async fn the_repositories_of_a_user_are_listed_page_by_page() {
    let mut world = World::new();
    let search = |page: u32| format!("/api/v1/repos/search?uid={ADA}&sort=id&order=asc&limit=50&page={page}");
    let repository = |id: u64, right: &str| {
        json!({
            "id": id, "full_name": format!("team/r{id}"), "private": true, "owner": {"id": 1},
            "permissions": {"admin": false, "push": right == "push", "pull": right != "none"},
        })
    };
    let first = json!({"ok": true, "data": [repository(3, "push"), repository(4, "none"), repository(5, "pull")]});
    let link = "<https://git.example.org/api/v1/repos/search?page=2>; rel=\"next\"";
    world.others.insert(search(1), Reply::Linked(first, link));
    let second = json!({"ok": true, "data": [repository(6, "pull")]});
    world.others.insert(search(2), Reply::Json(200, second));
    let setup = Setup::new(world).await;
    let list = async |after: &str| {
        let credential = Credential::Bearer(TOKEN.to_owned());
        let page = setup.forge.projects(&credential, after).await.unwrap().expect("a list");
        (
            page.projects.iter().map(|project| project.id.0).collect::<Vec<_>>(),
            page.next,
        )
    };
    assert_eq!(list("").await, (vec![3, 5], Some("2".to_owned())));
    assert_eq!(list("2").await, (vec![6], None));
    assert_eq!(list("x").await.0, [3, 5]);
    assert_eq!(setup.forge.projects(&Credential::Anonymous, "").await, Ok(None));
}

#[tokio::test]
async fn a_token_that_may_not_search_lists_nothing() {
    let setup = Setup::new(World::new()).await;
    let credential = Credential::Bearer(TOKEN.to_owned());
    assert_eq!(setup.forge.projects(&credential, "").await, Ok(None));
}
