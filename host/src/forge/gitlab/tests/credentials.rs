//! Kinds of credentials: how they are passed on, and what they grant.

use std::time::Duration;

use super::world::{ADA, JOB, Kind, PATH, PROJECT, World, access};
use crate::forge::{Actor, Credential, Decision, Forge as _, ProjectRef, Role, Scope};
use crate::storage::ProjectId;

fn basic(user: &str, password: &str) -> Credential {
    Credential::Basic {
        user: user.into(),
        password: password.into(),
    }
}

fn insufficient() -> Decision {
    Decision::InsufficientScope {
        required: "read_api".into(),
    }
}

#[tokio::test]
async fn an_access_token_tells_user_project_role_scope_and_its_id() {
    let world = World::new().await;
    let access = world.access(&World::ada()).await;
    let url = world.server.url();
    let ada = Actor {
        id: ADA.to_string(),
        login: "ada".into(),
        name: Some("Ada L.".into()),
        url: Some(format!("{url}/ada")),
    };
    assert_eq!(access.actor, ada);
    assert_eq!(access.scope, Scope::Api);
    assert_eq!(access.token_id.as_deref(), Some("40"));
    let (project, role) = access.project.unwrap();
    assert_eq!(
        (project.id, project.path.as_str(), role),
        (ProjectId(PROJECT), PATH, Role::Developer)
    );
    assert_eq!(project.url, Some(format!("{url}/{PATH}")));
}

/// The table of `access.rs`.
#[tokio::test]
async fn every_kind_of_credential_is_passed_on_in_its_own_header_and_costs_few_calls() {
    let kinds = [
        (World::ada(), "authorization", 4),
        (Credential::PrivateToken("glpat-ada".into()), "private-token", 4),
        (basic("ada", "glpat-ada"), "authorization", 4),
        (basic("glpat-ada", ""), "authorization", 4),
        (Credential::Bearer("oauth-ada".into()), "authorization", 5),
        (Credential::Cookie("session-ada".into()), "cookie", 3),
    ];
    let world = World::new().await;
    for (credential, header, calls) in kinds {
        let (_, role) = world.access(&credential).await.project.unwrap();
        assert_eq!(role, Role::Developer);
        let seen = world.server.take_seen();
        assert_eq!(seen.len(), calls, "{header}: {seen:?}");
        let secrets = ["authorization", "private-token", "job-token", "cookie"];
        for request in seen {
            let sent: Vec<_> = secrets
                .iter()
                .filter(|name| request.headers.contains_key(**name))
                .collect();
            assert_eq!(sent, [&header]);
        }
    }
}

#[tokio::test]
async fn the_token_of_a_job_acts_as_its_user_in_its_own_project() {
    let world = World::new().await;
    let kinds = [
        Credential::JobToken("job-ada".into()),
        Credential::Bearer("glcbt-ada".into()),
        basic("gitlab-ci-token", "job-ada"),
    ];
    for credential in kinds {
        let access = world.access(&credential).await;
        assert_eq!((access.actor.login.as_str(), access.scope), ("ada", Scope::Api));
        assert_eq!(access.project.unwrap().1, Role::Developer);
        assert_eq!(access.job.unwrap().id, JOB.to_string());
        assert_eq!(world.server.take_seen().len(), 3);
    }
    let elsewhere = ProjectRef::Path("team/other".into());
    let token = Credential::JobToken("job-ada".into());
    let access = access(world.forge.resolve(&elsewhere, &token).await.unwrap());
    assert_eq!((access.project, access.job), (None, None));
}

#[tokio::test]
async fn the_token_of_a_job_needs_a_service_token() {
    let world = World::with(|options| options.service_token = None).await;
    let decision = world.resolve(&Credential::JobToken("job-ada".into())).await;
    assert_eq!(decision, Ok(Decision::Unauthenticated));
    assert_eq!(world.server.take_seen().len(), 0);
}

#[tokio::test]
async fn a_user_who_is_no_member_gets_nothing_from_the_token_of_a_job_unless_the_project_is_public() {
    let world = World::new().await;
    world.change(|facts| facts.members.clear());
    for (visibility, role) in [("private", None), ("internal", None), ("public", Some(Role::Guest))] {
        world.change(|facts| facts.visibility = visibility);
        let access = world.access(&Credential::JobToken("job-ada".into())).await;
        assert_eq!(access.project.map(|(_, role)| role), role, "{visibility}");
    }
}

#[tokio::test]
async fn the_token_of_an_application_holds_until_it_expires() {
    let world = World::new().await;
    let access = world.access(&Credential::Bearer("oauth-ada".into())).await;
    assert_eq!(access.scope, Scope::Api);
    assert_eq!(access.holds_for, Some(Duration::from_secs(7000)));
    assert_eq!(access.token_id, None);
}

#[tokio::test]
async fn an_unknown_credential_of_any_kind_is_unauthenticated() {
    let world = World::new().await;
    let kinds = [
        Credential::Bearer("x".into()),
        Credential::Bearer("a.b.c".into()),
        Credential::Bearer("glcbt-x".into()),
        Credential::Bearer("line\nbreak".into()),
        Credential::PrivateToken("x".into()),
        Credential::JobToken("x".into()),
        Credential::JobToken("glpat-ada".into()),
        Credential::Cookie("x".into()),
        basic("ada", "x"),
    ];
    for credential in kinds {
        assert_eq!(
            world.resolve(&credential).await,
            Ok(Decision::Unauthenticated),
            "{}",
            credential.encode()
        );
    }
}

#[tokio::test]
async fn a_blocked_user_is_unauthenticated() {
    let world = World::new().await;
    world.change(|facts| facts.blocked.push(ADA));
    for credential in [World::ada(), Credential::Cookie("session-ada".into())] {
        assert_eq!(world.resolve(&credential).await, Ok(Decision::Unauthenticated));
    }
}

#[tokio::test]
async fn the_scopes_decide_what_a_token_may() {
    let api = Some(Scope::Api);
    let table: [(&'static [&'static str], Option<Scope>); 7] = [
        (&["api"], api),
        (&["read_api", "api"], api),
        (&["read_api"], Some(Scope::ReadApi)),
        (&["read_api", "write_repository"], Some(Scope::ReadApi)),
        (&["read_user"], None),
        (&["read_repository", "write_registry"], None),
        (&[], None),
    ];
    let world = World::new().await;
    for (scopes, expected) in table {
        for kind in [Kind::Access(scopes), Kind::Oauth(scopes)] {
            world.change(|facts| _ = facts.tokens.insert("t".into(), (kind, ADA)));
            let decision = world.resolve(&Credential::Bearer("t".into())).await.unwrap();
            match expected {
                Some(scope) => assert_eq!(access(decision).scope, scope, "{scopes:?}"),
                None => assert_eq!(decision, insufficient(), "{scopes:?}"),
            }
        }
    }
}
