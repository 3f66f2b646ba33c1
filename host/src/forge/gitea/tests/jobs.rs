//! CI jobs of Gitea's and Forgejo's Actions.

use serde_json::{Value, json};

use super::*;

const RUN: &str = "/api/v1/repos/team/model/actions/runs/43";
const JOBS: &str = "/api/v1/repos/team/model/actions/runs/43/jobs?limit=50";
const HASH: &str = "c2d72f548424103f01ee1dc02889c1e2bff816b0";

/// A run of Gitea, of branch `main`.
fn gitea_run() -> Value {
    json!({
        "id": 43, "run_number": 12, "status": "completed", "conclusion": "failure", "event": "push",
        "html_url": "https://git.example.org/team/model/actions/runs/43",
        "head_sha": HASH, "head_branch": "main", "path": "train.yml@refs/heads/main",
        "actor": {"login": "ada"}, "trigger_actor": {"login": "ada"},
        "repository": {"id": 5}, "head_repository": {"id": 5},
    })
}

fn gitea_job(id: u64, name: &str) -> Value {
    json!({
        "id": id, "run_id": 43, "name": name, "status": "completed", "conclusion": "success",
        "html_url": format!("https://git.example.org/team/model/actions/runs/43/jobs/{id}"),
    })
}

fn forgejo_run() -> Value {
    json!({
        "id": 43, "index_in_repo": 12, "status": "running", "event": "push", "prettyref": "main",
        "html_url": "https://git.example.org/team/model/actions/runs/12",
        "commit_sha": HASH, "trigger_user": {"login": "ada"}, "repository": {"id": 5},
        "is_fork_pull_request": false,
    })
}

fn of_run(key: Option<&str>) -> JobRef {
    JobRef::OfRun {
        run: "43".to_owned(),
        job: key.map(ToOwned::to_owned),
    }
}

/// A forge with a service token and these answers.
async fn setup(answers: &[(&str, Value)]) -> Setup {
    let mut world = World::new();
    for (path, json) in answers {
        world.others.insert((*path).to_owned(), Reply::Json(200, json.clone()));
    }
    Setup::with(world, |options| options.service_token = Some(TOKEN.to_owned())).await
}

async fn find(setup: &Setup, job: &JobRef) -> Option<Job> {
    setup.forge.job(ProjectId(5), job, None).await.unwrap()
}

#[tokio::test]
async fn a_job_of_gitea_is_found_by_run_and_key() {
    let jobs = json!({"total_count": 2, "jobs": [gitea_job(91, "lint"), gitea_job(92, "train")]});
    let setup = setup(&[(RUN, gitea_run()), (JOBS, jobs)]).await;
    let expected = Job {
        id: "92".to_owned(),
        name: "train".to_owned(),
        status: "success".to_owned(),
        is_finished: true,
        git_ref: Some("main".to_owned()),
        commit: Some(HASH.to_owned()),
        pipeline: Some("43".to_owned()),
        user: Some("ada".to_owned()),
        merge_request: None,
        url: Some("https://git.example.org/team/model/actions/runs/43/jobs/92".to_owned()),
        commit_url: Some(format!("https://git.example.org/team/model/commit/{HASH}")),
        pipeline_url: Some("https://git.example.org/team/model/actions/runs/43".to_owned()),
        merge_request_url: None,
    };
    assert_eq!(find(&setup, &of_run(Some("train"))).await, Some(expected));
    assert_eq!(
        setup.stand_in.take_requests(),
        [
            format!("GET {RUN}"),
            format!("GET {JOBS}"),
            "GET /api/v1/repositories/5".to_owned()
        ]
    );
}

#[tokio::test]
async fn a_job_of_gitea_is_found_by_its_number() {
    let job = "/api/v1/repos/team/model/actions/jobs/92";
    let setup = setup(&[(RUN, gitea_run()), (job, gitea_job(92, "train"))]).await;
    let found = find(&setup, &JobRef::Id("92".to_owned())).await.unwrap();
    assert_eq!((found.id.as_str(), found.name.as_str()), ("92", "train"));
    assert_eq!(find(&setup, &JobRef::Id("93".to_owned())).await, None);
}

#[tokio::test]
async fn a_run_of_forgejo_stands_for_its_jobs_where_they_are_not_told() {
    let setup = setup(&[(RUN, forgejo_run())]).await;
    let found = find(&setup, &of_run(Some("train"))).await.unwrap();
    let run_url = Some("https://git.example.org/team/model/actions/runs/12".to_owned());
    assert_eq!(
        found,
        Job {
            id: "43".to_owned(),
            name: "train".to_owned(),
            status: "running".to_owned(),
            is_finished: false,
            git_ref: Some("main".to_owned()),
            commit: Some(HASH.to_owned()),
            pipeline: Some("43".to_owned()),
            user: Some("ada".to_owned()),
            url: run_url.clone(),
            commit_url: Some(format!("https://git.example.org/team/model/commit/{HASH}")),
            pipeline_url: run_url,
            ..Job::default()
        }
    );
}

#[tokio::test]
async fn newer_versions_of_forgejo_tell_jobs_too() {
    let jobs =
        json!([{"id": 91, "name": "lint", "status": "success"}, {"id": 92, "name": "train", "status": "running"}]);
    let setup = setup(&[(RUN, forgejo_run()), (JOBS, jobs)]).await;
    let found = find(&setup, &of_run(Some("lint"))).await.unwrap();
    assert_eq!(
        (found.id.as_str(), found.status.as_str(), found.is_finished),
        ("91", "success", true)
    );
}

#[tokio::test]
async fn a_job_is_named_by_its_key_or_is_the_only_one() {
    let named = |names: &[&str], key: &'static str| {
        let jobs: Vec<_> = names.iter().zip(1..).map(|(name, id)| gitea_job(id, name)).collect();
        let jobs = json!({"total_count": jobs.len(), "jobs": jobs});
        async move {
            let setup = setup(&[(RUN, gitea_run()), (JOBS, jobs)]).await;
            find(&setup, &of_run(Some(key))).await.unwrap()
        }
    };
    assert_eq!(named(&["lint", "train"], "train").await.id, "2");
    // The file gives another display name.
    assert_eq!(named(&["Train the model"], "train").await.id, "1");
    assert_eq!(named(&["train (a100)", "lint"], "train").await.id, "1");
    // The run stands for a job that cannot be told apart.
    for names in [["train (a100)", "train (h100)"], ["Train", "Lint"], ["trainer", "lint"]] {
        assert_eq!(named(&names, "train").await.id, "43", "{names:?}");
    }
    assert_eq!(named(&[], "train").await.id, "43");
}

#[tokio::test]
async fn a_run_tells_its_tag_or_pull_request() {
    let with = async |run: Value| {
        let setup = setup(&[(RUN, run)]).await;
        find(&setup, &of_run(None)).await.unwrap()
    };
    let gitea = |path: &str| {
        let mut run = gitea_run();
        run["head_branch"] = json!("");
        run["path"] = json!(path);
        run
    };
    for name in ["v1", "v1@candidate", "data/v1"] {
        let tag = with(gitea(&format!("train.yml@refs/tags/{name}"))).await;
        assert_eq!((tag.git_ref.as_deref(), tag.merge_request), (Some(name), None));
    }
    let mut forgejo = forgejo_run();
    forgejo["prettyref"] = json!("#12");
    for (run, reference) in [
        (gitea("train.yml@refs/pull/12/head"), Some("refs/pull/12/head")),
        (forgejo, None),
    ] {
        let job = with(run).await;
        assert_eq!(job.git_ref.as_deref(), reference);
        assert_eq!(job.merge_request.as_deref(), Some("#12"));
        let url = "https://git.example.org/team/model/pulls/12";
        assert_eq!(job.merge_request_url.as_deref(), Some(url));
    }
}

#[tokio::test]
async fn a_run_of_another_repository_is_not_found() {
    let mut foreign = gitea_run();
    foreign["repository"] = json!({"id": 6});
    let mut silent = gitea_run();
    silent["repository"] = Value::Null;
    for run in [foreign, silent] {
        let setup = setup(&[(RUN, run)]).await;
        assert_eq!(find(&setup, &of_run(None)).await, None);
    }
}

#[tokio::test]
async fn a_job_that_is_none_is_not_found() {
    let setup = setup(&[(RUN, gitea_run())]).await;
    assert_eq!(setup.forge.job(ProjectId(6), &of_run(None), None).await.unwrap(), None);
    setup.stand_in.take_requests();
    for text in ["", "../43", "43/jobs", "+43", "-1", "99999999999999999999"] {
        let run = JobRef::OfRun {
            run: text.to_owned(),
            job: None,
        };
        assert_eq!(find(&setup, &run).await, None, "{text}");
        assert_eq!(find(&setup, &JobRef::Id(text.to_owned())).await, None, "{text}");
    }
    assert!(
        !setup
            .stand_in
            .take_requests()
            .iter()
            .any(|line| line.contains("actions"))
    );
}

#[tokio::test]
async fn a_job_is_looked_up_with_the_service_token_or_else_as_the_caller() {
    let mut world = World::new();
    world.add_token(&token('c'), ADA, &["read:repository"]);
    world.others.insert(RUN.to_owned(), Reply::Json(200, gitea_run()));
    let caller = bearer(&token('c'));
    for (service, expected) in [(Some(TOKEN.to_owned()), TOKEN.to_owned()), (None, token('c'))] {
        let setup = Setup::with(world.clone(), |options| options.service_token = service).await;
        let job = setup
            .forge
            .job(ProjectId(5), &of_run(None), Some(&caller))
            .await
            .unwrap();
        assert!(job.is_some());
        let header = format!("Bearer {expected}");
        assert!(
            setup
                .stand_in
                .seen()
                .iter()
                .all(|seen| seen.authorization.as_ref() == Some(&header))
        );
    }
    let setup = Setup::new(world).await;
    assert_eq!(setup.forge.job(ProjectId(5), &of_run(None), None).await.unwrap(), None);
    assert!(setup.stand_in.seen().is_empty());
}

#[tokio::test]
async fn a_credential_that_may_not_read_actions_is_no_answer() {
    let mut world = World::new();
    world.others.insert(
        RUN.to_owned(),
        world::message(403, "token does not have required scope"),
    );
    let setup = Setup::with(world, |options| options.service_token = Some(TOKEN.to_owned())).await;
    setup.forge.job(ProjectId(5), &of_run(None), None).await.unwrap_err();
}

#[tokio::test]
async fn gogs_has_no_jobs() {
    let setup = Setup::with(World::new(), |options| {
        options.flavor = Flavor::Gogs;
        options.service_token = Some(TOKEN.to_owned());
    })
    .await;
    assert_eq!(find(&setup, &of_run(None)).await, None);
    assert!(setup.stand_in.seen().is_empty());
}
