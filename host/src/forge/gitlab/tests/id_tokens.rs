//! The ID tokens of CI jobs.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::world::{ADA, AUDIENCE, JOB, PATH, PROJECT, SHA, World, access};
use crate::forge::id_token::signer::SigningKey;
use crate::forge::{Credential, Decision, Forge as _, Project, ProjectRef, Role, Scope, Visibility};
use crate::storage::ProjectId;

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// The claims of a job of a developer in a private project.
fn claims(world: &World) -> Value {
    let now = now();
    json!({
        "iss": world.server.url(), "aud": AUDIENCE, "sub": "project_path:team/model:ref_type:branch:ref:main",
        "iat": now, "nbf": now - 5, "exp": now + 3600, "jti": "0f3e",
        "project_id": PROJECT.to_string(), "project_path": PATH, "namespace_id": "2", "namespace_path": "team",
        "project_visibility": "private",
        "user_id": ADA.to_string(), "user_login": "ada", "user_email": "ada@example.org", "user_access_level": "developer",
        "pipeline_id": "9", "pipeline_source": "push", "job_id": JOB.to_string(),
        "ref": "main", "ref_type": "branch", "ref_path": "refs/heads/main", "ref_protected": "true", "sha": SHA,
    })
}

fn with(world: &World, change: &Value) -> Value {
    let mut claims = claims(world);
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

fn without(world: &World, name: &str) -> Value {
    let mut claims = claims(world);
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn signed(claims: &Value) -> Credential {
    Credential::Bearer(SigningKey::first().sign(claims))
}

async fn role(world: &World, claims: &Value) -> Option<Role> {
    world.access(&signed(claims)).await.project.map(|(_, role)| role)
}

#[tokio::test]
async fn a_token_tells_everything_and_costs_no_call_once_the_keys_are_known() {
    let world = World::new().await;
    let token = signed(&claims(&world));
    let access = world.access(&token).await;
    let url = world.server.url();
    assert_eq!(
        (access.actor.id.as_str(), access.actor.login.as_str(), access.scope),
        ("3", "ada", Scope::Api)
    );
    assert_eq!(access.actor.url, Some(format!("{url}/ada")));
    assert_eq!(access.token_id.as_deref(), Some("0f3e"));
    let project = Project {
        url: Some(format!("{url}/{PATH}")),
        ..Project::new(ProjectId(PROJECT), PATH, Visibility::Private)
    };
    assert_eq!(access.project, Some((project, Role::Developer)));
    let holds_for = access.holds_for.unwrap().as_secs();
    assert!((3500..=3600).contains(&holds_for), "{holds_for}");
    let targets: Vec<_> = world.server.take_seen().into_iter().map(|seen| seen.target).collect();
    assert_eq!(targets, ["/.well-known/openid-configuration", "/oauth/discovery/keys"]);

    world.access(&token).await;
    let basic = Credential::Basic {
        user: "ci".into(),
        password: token.token().unwrap().to_owned(),
    };
    world.access(&basic).await;
    assert_eq!(world.server.take_seen().len(), 0);
}

#[tokio::test]
async fn a_token_links_its_job_without_a_call() {
    let world = World::new().await;
    let claims = with(&world, &json!({"ref_path": "refs/merge-requests/12/head"}));
    let job = world.access(&signed(&claims)).await.job.unwrap();
    let page = format!("{}/{PATH}/-", world.server.url());
    assert_eq!(
        (job.id, job.name, job.status, job.is_finished),
        ("55".into(), String::new(), "running".into(), false)
    );
    assert_eq!(job.git_ref.as_deref(), Some("main"));
    assert_eq!(
        (job.commit.as_deref(), job.commit_url),
        (Some(SHA), Some(format!("{page}/commit/{SHA}")))
    );
    assert_eq!(
        (job.pipeline.as_deref(), job.pipeline_url),
        (Some("9"), Some(format!("{page}/pipelines/9")))
    );
    assert_eq!(
        (job.user.as_deref(), job.url),
        (Some("ada"), Some(format!("{page}/jobs/55")))
    );
    assert_eq!(job.merge_request.as_deref(), Some("!12"));
    assert_eq!(job.merge_request_url, Some(format!("{page}/merge_requests/12")));
}

#[tokio::test]
async fn the_word_for_the_level_is_the_role() {
    let world = World::new().await;
    let table = [
        (json!("guest"), Some(Role::Guest)),
        (json!("planner"), Some(Role::Guest)),
        (json!("reporter"), Some(Role::Reporter)),
        (json!("developer"), Some(Role::Developer)),
        (json!("maintainer"), Some(Role::Maintainer)),
        (json!("owner"), Some(Role::Owner)),
        (json!("admiral"), None),
        (json!(null), None),
    ];
    for (word, expected) in table {
        let visibility = |visibility| {
            with(
                &world,
                &json!({"user_access_level": word, "project_visibility": visibility}),
            )
        };
        assert_eq!(role(&world, &visibility("private")).await, expected, "{word}");
        assert_eq!(role(&world, &visibility("internal")).await, expected, "{word}");
        assert_eq!(
            role(&world, &visibility("public")).await,
            expected.or(Some(Role::Guest)),
            "{word}"
        );
    }
}

#[tokio::test]
async fn a_token_without_a_level_is_completed_by_the_service_token() {
    let world = World::new().await;
    world.change(|facts| facts.members = [(ADA, 20)].into());
    assert_eq!(
        role(&world, &without(&world, "user_access_level")).await,
        Some(Role::Reporter)
    );
}

#[tokio::test]
async fn a_token_without_a_level_is_not_assumed_to_be_a_developers() {
    let world = World::with(|options| options.service_token = None).await;
    let decision = world
        .resolve(&signed(&without(&world, "user_access_level")))
        .await
        .unwrap();
    let Decision::InsufficientScope { required } = decision else {
        panic!("{decision:?}");
    };
    assert!(required.contains("16.9"), "{required}");
}

#[tokio::test]
async fn a_token_is_refused_if_a_claim_is_wrong() {
    let world = World::new().await;
    let now = now();
    let wrong = [
        with(&world, &json!({"exp": now - 120})),
        with(&world, &json!({"exp": "never"})),
        without(&world, "exp"),
        with(&world, &json!({"nbf": now + 120})),
        with(&world, &json!({"iat": now + 120})),
        with(&world, &json!({"aud": "https://other.example.org"})),
        with(&world, &json!({"aud": ["a", "b"]})),
        without(&world, "aud"),
        with(&world, &json!({"iss": "https://other.example.org"})),
        with(&world, &json!({"iss": format!("{}/", world.server.url())})),
        with(&world, &json!({"project_id": "seven"})),
        with(&world, &json!({"project_visibility": "secret"})),
        without(&world, "project_id"),
        without(&world, "user_id"),
        with(&world, &json!({"user_id": ""})),
    ];
    for claims in wrong {
        assert_eq!(
            world.resolve(&signed(&claims)).await,
            Ok(Decision::Unauthenticated),
            "{claims}"
        );
    }
    // Clocks may differ by a minute.
    for near in [
        json!({"exp": now - 30}),
        json!({"nbf": now + 30}),
        json!({"iat": now + 30}),
    ] {
        assert_eq!(
            role(&world, &with(&world, &near)).await,
            Some(Role::Developer),
            "{near}"
        );
    }
    let several = with(&world, &json!({"aud": ["other", AUDIENCE]}));
    assert_eq!(role(&world, &several).await, Some(Role::Developer));
}

#[tokio::test]
async fn a_token_in_its_last_minute_is_not_cached() {
    let world = World::new().await;
    let access = world.access(&signed(&with(&world, &json!({"exp": now() - 30})))).await;
    assert_eq!(access.holds_for, Some(Duration::ZERO));
}

#[tokio::test]
async fn a_token_is_refused_if_its_key_or_algorithm_is_wrong() {
    let world = World::new().await;
    let (claims, key, other) = (claims(&world), SigningKey::first(), SigningKey::second());
    let header = |alg: &str, kid: &str| json!({"typ": "JWT", "alg": alg, "kid": kid});
    let genuine = key.sign(&claims);
    let (message, _) = genuine.rsplit_once('.').unwrap();
    let (head, rest) = genuine.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = other.sign(&with(&world, &json!({"user_access_level": "owner"})));
    let forged = forged.split('.').nth(1).unwrap();
    let wrong = [
        other.sign(&claims),
        other.sign_with_header(&header("RS256", "key-1"), &claims),
        key.sign_with_header(&header("RS256", "none"), &claims),
        key.sign_with_header(&json!({"alg": "RS256"}), &claims),
        key.sign_rs512(&claims),
        key.sign_with_header(&header("RS512", "key-1"), &claims),
        key.sign_with_header(&header("HS256", "key-1"), &claims),
        key.sign_with_header(&header("none", "key-1"), &claims),
        // A key that the token brings itself.
        other.sign_with_header(&json!({"alg": "RS256", "kid": "key-1", "jwk": other.jwk()}), &claims),
        format!("{message}."),
        format!("{message}.AAAA"),
        format!("{head}.{forged}.{signature}"),
        format!("{genuine}.x"),
    ];
    for (index, token) in wrong.into_iter().enumerate() {
        let decision = world.resolve(&Credential::Bearer(token)).await;
        assert_eq!(decision, Ok(Decision::Unauthenticated), "{index}");
    }
    assert_eq!(role(&world, &claims).await, Some(Role::Developer));
}

#[tokio::test]
async fn only_signing_keys_for_rs256_are_used() {
    for (name, value) in [("use", "enc"), ("alg", "RS512"), ("kty", "EC")] {
        let world = World::new().await;
        let mut key = SigningKey::first().jwk();
        key[name] = value.into();
        world.change(|facts| facts.keys = vec![key, SigningKey::second().jwk()]);
        assert_eq!(
            world.resolve(&signed(&claims(&world))).await,
            Ok(Decision::Unauthenticated),
            "{name}"
        );
        let token = SigningKey::second().sign(&claims(&world));
        world.access(&Credential::Bearer(token)).await;
    }
}

#[tokio::test]
async fn a_token_works_only_for_the_project_that_it_names() {
    let world = World::new().await;
    world.change(|facts| facts.visibility = "public");
    let token = signed(&claims(&world));
    for (asked, is_found) in [
        ("7", true),
        (PATH, true),
        ("Team/Model", true),
        ("8", false),
        ("team/other", false),
    ] {
        let access = access(world.forge.resolve(&ProjectRef::from(asked), &token).await.unwrap());
        assert_eq!(
            (access.project.is_some(), access.job.is_some()),
            (is_found, is_found),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_job_for_the_merge_request_of_a_fork_belongs_to_its_target() {
    let world = World::new().await;
    let fork = with(
        &world,
        &json!({"job_project_id": "8", "job_project_path": "main/model"}),
    );
    let access = world.access(&signed(&fork)).await;
    assert_eq!((access.project.unwrap().1, access.job), (Role::Developer, None));
    let own = with(&world, &json!({"job_project_id": "7"}));
    assert!(world.access(&signed(&own)).await.job.is_some());
}

#[tokio::test]
async fn without_an_audience_every_token_is_refused() {
    let world = World::with(|options| options.audience.clear()).await;
    for claims in [
        claims(&world),
        without(&world, "aud"),
        with(&world, &json!({"aud": ""})),
    ] {
        assert_eq!(world.resolve(&signed(&claims)).await, Ok(Decision::Unauthenticated));
    }
}

/// A server beside GitLab often knows it by a name that its users do not.
#[tokio::test]
async fn the_issuer_is_the_public_url_and_the_keys_are_asked_for_at_the_configured_one() {
    let world = World::new().await;
    world.change(|facts| facts.public_url = Some("https://git.example.org".into()));
    let claims = with(&world, &json!({"iss": "https://git.example.org"}));
    let (project, _) = world.access(&signed(&claims)).await.project.unwrap();
    assert_eq!(project.url.as_deref(), Some("https://git.example.org/team/model"));
    assert_eq!(world.server.take_seen().len(), 2);
}

#[tokio::test]
async fn keys_of_another_host_are_not_asked_for() {
    for keys_url in ["https://evil.example.org/keys", "http://127.0.0.1:1", "keys", ""] {
        let world = World::new().await;
        world.change(|facts| facts.keys_url = Some(keys_url.into()));
        let error = world.resolve(&signed(&claims(&world))).await.unwrap_err();
        assert!(error.reason.contains("not below its own URL"), "{error}");
    }
    let world = World::new().await;
    let beside = format!("{}.example.org/keys", world.server.url());
    world.change(|facts| facts.keys_url = Some(beside));
    world.resolve(&signed(&claims(&world))).await.unwrap_err();
}
