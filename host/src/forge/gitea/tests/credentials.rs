//! Each kind of credential, and what the forge tells of it.

use super::*;

fn basic(user: &str, password: &str) -> Credential {
    Credential::Basic {
        user: user.to_owned(),
        password: password.to_owned(),
    }
}

#[tokio::test]
async fn a_token_counts_in_every_header_that_may_carry_it() {
    let mut world = World::new();
    world.add_password("secret", ADA);
    let setup = Setup::new(world).await;
    let all = [
        bearer(TOKEN),
        Credential::PrivateToken(TOKEN.to_owned()),
        Credential::JobToken(TOKEN.to_owned()),
        basic("ada", TOKEN),
        basic(TOKEN, ""),
        basic("ada", "secret"),
    ];
    for credential in all {
        let Decision::Known(access) = setup.resolve("team/model", &credential).await else {
            panic!("{:?}", credential.token());
        };
        assert_eq!(access.actor.id, "7");
        assert_eq!(access.scope, Scope::Api);
        assert_eq!(access.project.as_ref().unwrap().1, Role::Developer);
    }
}

#[tokio::test]
async fn an_unknown_credential_is_unauthenticated_even_in_a_public_project() {
    for is_gogs in [false, true] {
        let mut world = World::new();
        world.is_gogs = is_gogs;
        world.model().private = false;
        let flavor = if is_gogs { Flavor::Gogs } else { Flavor::Gitea };
        let setup = Setup::with(world, |options| options.flavor = flavor).await;
        for credential in [bearer(&token('f')), basic("ada", "wrong")] {
            let decision = setup.resolve("team/model", &credential).await;
            assert_eq!(decision, Decision::Unauthenticated);
        }
    }
}

#[tokio::test]
async fn a_cookie_and_a_text_that_no_header_can_have_are_refused_without_a_request() {
    let setup = Setup::new(World::new()).await;
    for credential in [Credential::Cookie("session".to_owned()), bearer("a\nb")] {
        assert_eq!(
            setup.resolve("team/model", &credential).await,
            Decision::Unauthenticated
        );
    }
    assert!(setup.stand_in.seen().is_empty());
}

#[tokio::test]
async fn the_actor_is_the_user_with_a_name_and_a_page() {
    let mut world = World::new();
    world.has_token_endpoint = false;
    let setup = Setup::new(world).await;
    let access = setup.access("team/model", TOKEN).await;
    assert_eq!(
        access.actor,
        Actor {
            id: "7".to_owned(),
            login: "ada".to_owned(),
            name: Some("Ada Lovelace".to_owned()),
            url: Some(format!("{}/ada", setup.stand_in.url)),
        }
    );
    assert_eq!(access.token_id, None);
    assert_eq!(access.holds_for, None);
}

#[tokio::test]
async fn a_forge_that_tells_the_scopes_of_a_token_is_asked_twice_and_tells_its_id() {
    let setup = Setup::new(World::new()).await;
    let access = setup.access("team/model", TOKEN).await;
    assert_eq!(access.token_id.as_deref(), Some("31"));
    assert_eq!(
        setup.stand_in.take_requests(),
        ["GET /api/v1/repos/team/model", "GET /api/v1/token"]
    );
}

#[tokio::test]
async fn a_forge_that_does_not_tell_scopes_is_probed_and_not_asked_for_them_again() {
    let mut world = World::new();
    world.has_token_endpoint = false;
    let setup = Setup::new(world).await;
    let probe = "POST /api/v1/repos/team/model/statuses/0000000000000000000000000000000000000000";
    let (repository, user) = ("GET /api/v1/repos/team/model", "GET /api/v1/user");
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Developer, Scope::Api)));
    assert_eq!(
        setup.stand_in.take_requests(),
        [repository, "GET /api/v1/token", user, probe]
    );
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Developer, Scope::Api)));
    assert_eq!(setup.stand_in.take_requests(), [repository, user, probe]);
}

#[tokio::test]
async fn a_role_that_only_reads_needs_no_probe() {
    let mut world = World::new();
    world.has_token_endpoint = false;
    world.model().rights.insert(ADA, "pull");
    let setup = Setup::new(world).await;
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Guest, Scope::Api)));
    assert!(
        !setup
            .stand_in
            .take_requests()
            .iter()
            .any(|line| line.starts_with("POST"))
    );
}

#[tokio::test]
async fn a_password_and_an_oauth_token_do_not_count_as_proof_that_scopes_are_not_told() {
    let mut world = World::new();
    world.add_password("ey.oauth.token", ADA);
    let setup = Setup::new(world).await;
    assert_eq!(
        setup.rights("ey.oauth.token").await,
        Some((Role::Developer, Scope::Api))
    );
    assert!(!setup.stand_in.take_requests().contains(&"GET /api/v1/token".to_owned()));
    setup.access("team/model", TOKEN).await;
    assert!(setup.stand_in.take_requests().contains(&"GET /api/v1/token".to_owned()));
}

#[tokio::test]
async fn a_blocked_user_is_unauthenticated() {
    let mut world = World::new();
    let blocked = world::message(403, "this account is prohibited from signing in");
    for path in ["/api/v1/user", "/api/v1/token", "/api/v1/repos/team/model"] {
        world.others.insert(path.to_owned(), blocked.clone());
    }
    let setup = Setup::new(world).await;
    assert_eq!(
        setup.resolve("team/model", &bearer(TOKEN)).await,
        Decision::Unauthenticated
    );
}

#[tokio::test]
async fn gogs_gets_every_credential_as_a_token() {
    let mut world = World::new();
    world.is_gogs = true;
    world.has_token_endpoint = false;
    let setup = Setup::with(world, |options| options.flavor = Flavor::Gogs).await;
    for credential in [bearer(TOKEN), basic("ada", TOKEN), basic(TOKEN, "")] {
        let Decision::Known(access) = setup.resolve("team/model", &credential).await else {
            panic!();
        };
        assert_eq!(access.scope, Scope::Api);
        assert_eq!(access.project.as_ref().unwrap().1, Role::Developer);
        let header = format!("token {TOKEN}");
        assert!(
            setup
                .stand_in
                .seen()
                .iter()
                .all(|seen| seen.authorization.as_ref() == Some(&header))
        );
        assert_eq!(
            setup.stand_in.take_requests(),
            ["GET /api/v1/repos/team/model", "GET /api/v1/user"]
        );
    }
}
