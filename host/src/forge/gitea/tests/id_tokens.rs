//! ID tokens of Actions jobs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::*;
use crate::forge::id_token::signer::SigningKey;

const AUDIENCE: &str = "https://mlforge.example.org";
const HASH: &str = "c2d72f548424103f01ee1dc02889c1e2bff816b0";

/// The kind of forge that issues a token, by the path of the issuer.
#[derive(Clone, Copy, Debug)]
enum Issuer {
    Forgejo,
    Gitea,
}

impl Issuer {
    fn path(self) -> &'static str {
        match self {
            Self::Forgejo => "/api/actions",
            Self::Gitea => "/api/actions/oidc",
        }
    }
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// The claims of a job of Forgejo 16 that a push to `main` started.
fn claims(issuer: &str) -> Value {
    json!({
        "iss": issuer, "aud": AUDIENCE, "exp": now_s() + 3600, "iat": now_s(), "nbf": now_s(),
        "sub": "repo:team-1/model-5:ref:refs/heads/main",
        "actor": "ada", "actor_id": "7", "base_ref": "", "head_ref": "", "event_name": "push",
        "ref": "refs/heads/main", "ref_protected": "false", "ref_type": "branch",
        "repository": "team/model", "repository_id": "5", "repository_owner": "team", "repository_owner_id": "1",
        "run_attempt": "1", "run_id": "43", "run_number": "12", "sha": HASH,
        "workflow": "train.yml", "workflow_ref": "team/model/.forgejo/workflows/train.yml@refs/heads/main",
    })
}

/// A forge that publishes its keys, and which this server knows by an address of its own.
async fn setup(issuer: Issuer, service: Option<&str>) -> (Setup, String) {
    let url = format!("https://git.example.org{}", issuer.path());
    let keys_path = format!("{}/.well-known/keys", issuer.path());
    let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/.well-known/keys")});
    let keys = json!({"keys": [SigningKey::first().jwk()]});
    let mut world = World::new();
    let discovery_path = format!("{}/.well-known/openid-configuration", issuer.path());
    world.others.insert(discovery_path, Reply::Json(200, discovery));
    world.others.insert(keys_path, Reply::Json(200, keys));
    let setup = Setup::with(world, |options| {
        options.audience = vec![AUDIENCE.to_owned()];
        options.service_token = service.map(ToOwned::to_owned);
    })
    .await;
    (setup, url)
}

fn sign(claims: &Value) -> String {
    SigningKey::first().sign(claims)
}

fn with(claims: &Value, changes: Value) -> String {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    sign(&claims)
}

#[tokio::test]
async fn a_job_needs_no_request_to_the_api() {
    for issuer in [Issuer::Forgejo, Issuer::Gitea] {
        let (setup, url) = setup(issuer, None).await;
        let token = sign(&claims(&url));
        for project in ["team/model", "Team/Model", "5"] {
            let access = setup.access(project, &token).await;
            let (project, role) = access.project.as_ref().unwrap();
            assert_eq!((project.id, project.path.as_str()), (ProjectId(5), "team/model"));
            assert_eq!((*role, access.scope), (Role::Developer, Scope::Api));
            assert_eq!((access.actor.id.as_str(), access.actor.login.as_str()), ("7", "ada"));
            let holds_for = access.holds_for.unwrap();
            assert!(holds_for <= Duration::from_secs(3600) && holds_for > Duration::from_secs(3000));
        }
        let requests = setup.stand_in.take_requests();
        assert!(
            requests.iter().all(|line| line.contains("/.well-known/")),
            "{requests:?}"
        );
        assert_eq!(requests.len(), 2);
    }
}

#[tokio::test]
async fn the_token_tells_the_job() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    let access = setup.access("team/model", &sign(&claims(&url))).await;
    let page = |path: &str| Some(format!("{}/team/model/{path}", setup.stand_in.url));
    let expected = Job {
        id: "43".to_owned(),
        status: "running".to_owned(),
        git_ref: Some("main".to_owned()),
        commit: Some(HASH.to_owned()),
        pipeline: Some("43".to_owned()),
        user: Some("ada".to_owned()),
        commit_url: page(&format!("commit/{HASH}")),
        pipeline_url: page("actions/runs/12"),
        ..Job::default()
    };
    assert_eq!(access.job.as_deref(), Some(&expected));
}

#[tokio::test]
async fn a_token_counts_in_its_own_repository_only() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    let token = sign(&claims(&url));
    for project in ["team/other", "6"] {
        let access = setup.access(project, &token).await;
        assert_eq!((&access.project, &access.job), (&None, &None), "{project}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_for_this_server_or_not_valid_is_refused() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    let claims = claims(&url);
    let bad = [
        with(&claims, json!({"aud": "https://other.example.org"})),
        with(&claims, json!({"exp": now_s() - 120})),
        with(&claims, json!({"nbf": now_s() + 120})),
        with(&claims, json!({"iss": "https://evil.example.org/api/actions"})),
        with(&claims, json!({"run_id": 43})),
        SigningKey::second().sign(&claims),
        SigningKey::first().sign_rs512(&claims),
    ];
    for token in bad {
        assert_eq!(
            setup.resolve("team/model", &bearer(&token)).await,
            Decision::Unauthenticated
        );
    }
    setup.access("team/model", &sign(&claims)).await;
}

#[tokio::test]
async fn without_an_audience_an_id_token_is_the_forges_to_judge() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    let forge = GiteaForge::new(options(&setup.stand_in.url)).unwrap();
    let credential = bearer(&sign(&claims(&url)));
    let decision = forge.resolve(&"team/model".into(), &credential).await.unwrap();
    assert_eq!(decision, Decision::Unauthenticated);
    let requests = ["GET /api/v1/repos/team/model", "GET /api/v1/user"];
    assert_eq!(setup.stand_in.take_requests(), requests);
}

#[tokio::test]
async fn without_the_forges_keys_no_token_is_accepted() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    setup.change(|world| world.others.clear());
    let credential = bearer(&sign(&claims(&url)));
    setup
        .forge
        .resolve(&"team/model".into(), &credential)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn a_pull_request_only_reads_unless_its_run_is_known_to_be_the_repositorys_own() {
    let run = |changes: Value| {
        let mut run = json!({"id": 43, "repository": {"id": 5}});
        run.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        Some(run)
    };
    let cases = [
        (None, Role::Guest),
        (run(json!({})), Role::Guest),
        (run(json!({"is_fork_pull_request": true})), Role::Guest),
        (run(json!({"is_fork_pull_request": false})), Role::Developer),
        (
            run(json!({"is_fork_pull_request": false, "repository": {"id": 6}})),
            Role::Guest,
        ),
        (run(json!({"head_repository": {"id": 6}})), Role::Guest),
        (run(json!({"head_repository": {"id": 5}})), Role::Developer),
    ];
    for (run, role) in cases {
        let (setup, url) = setup(Issuer::Forgejo, Some(TOKEN)).await;
        if let Some(run) = &run {
            let path = "/api/v1/repos/team/model/actions/runs/43".to_owned();
            setup.change(|world| drop(world.others.insert(path, Reply::Json(200, run.clone()))));
        }
        for changes in [
            json!({"event_name": "pull_request", "ref": "refs/pull/12/head"}),
            // A reusable workflow of a pull request.
            json!({"event_name": "workflow_call", "ref": "refs/pull/12/head"}),
        ] {
            let access = setup.access("team/model", &with(&claims(&url), changes)).await;
            assert_eq!(access.project.as_ref().unwrap().1, role, "{run:?}");
            let job = access.job.as_ref().unwrap();
            assert_eq!(job.merge_request.as_deref(), Some("#12"));
            let url = format!("{}/team/model/pulls/12", setup.stand_in.url);
            assert_eq!(job.merge_request_url, Some(url));
        }
    }
}

#[tokio::test]
async fn without_a_service_token_a_pull_request_only_reads() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    for reference in ["refs/pull/12/head", "refs/heads/main", ""] {
        let changes = json!({"event_name": "pull_request", "ref": reference});
        let access = setup.access("team/model", &with(&claims(&url), changes)).await;
        assert_eq!(access.project.as_ref().unwrap().1, Role::Guest, "{reference}");
    }
}

#[tokio::test]
async fn other_events_write() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    for event in ["push", "schedule", "workflow_dispatch", "pull_request_target"] {
        let access = setup
            .access("team/model", &with(&claims(&url), json!({"event_name": event})))
            .await;
        assert_eq!(access.project.as_ref().unwrap().1, Role::Developer, "{event}");
    }
}

#[tokio::test]
async fn the_ids_that_forgejo_15_leaves_out_are_found_by_name_or_replaced() {
    for (service, finds_private) in [(Some(TOKEN), true), (None, false)] {
        let (setup, url) = setup(Issuer::Forgejo, service).await;
        let mut claims = claims(&url);
        for name in ["repository_id", "repository_owner_id", "actor_id"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        let token = sign(&claims);
        for project in ["team/model", "5"] {
            let access = setup.access(project, &token).await;
            let found = access.project.as_ref().map(|(project, role)| (project.id, *role));
            assert_eq!(found, finds_private.then_some((ProjectId(5), Role::Developer)));
            assert_eq!(access.actor, Actor::new("-2", "forgejo-actions"));
        }
        setup.change(|world| world.model().private = false);
        let access = setup.access("team/model", &token).await;
        assert_eq!(access.project.as_ref().unwrap().0.id, ProjectId(5));
        assert_eq!(setup.access("6", &token).await.project, None);
    }
}

#[tokio::test]
async fn an_id_token_is_not_sent_to_the_api() {
    let (setup, url) = setup(Issuer::Forgejo, None).await;
    let credential = bearer(&sign(&claims(&url)));
    let job = JobRef::OfRun {
        run: "43".to_owned(),
        job: None,
    };
    assert_eq!(
        setup.forge.job(ProjectId(5), &job, Some(&credential)).await.unwrap(),
        None
    );
    assert!(setup.stand_in.seen().is_empty());
}

#[tokio::test]
async fn a_gitea_token_tells_visibility_and_its_own_id() {
    let (setup, url) = setup(Issuer::Gitea, None).await;
    let changes = json!({"jti": "0b5e", "repository_visibility": "public"});
    let access = setup.access("team/model", &with(&claims(&url), changes)).await;
    assert_eq!(access.token_id.as_deref(), Some("0b5e"));
    assert_eq!(access.project.as_ref().unwrap().0.visibility, Visibility::Public);
}
