//! Tests of tokens: creation, use, expiry and revocation.

use time::Duration;

use super::*;

#[test]
fn project_token_works_for_its_project_only() {
    let world = World::new();
    let other = world.forge.create_project("team/other", Visibility::Public).unwrap();
    world.join(Role::Owner);
    let token = world
        .forge
        .create_token(&NewToken {
            project: Some(path("team/model")),
            ..new_token()
        })
        .unwrap();
    assert_eq!(world.role(&token), Some(Role::Owner));
    assert_eq!(role_in(&world.forge, &ProjectRef::Id(other.0), &token), None);
}

#[test]
fn token_does_not_work_on_its_expiry_day() {
    let world = World::new();
    let expires = today_utc() + Duration::days(3);
    let token = world
        .forge
        .create_token(&NewToken {
            expires: Some(expires),
            ..new_token()
        })
        .unwrap();
    let on = |day| {
        world
            .forge
            .reader()
            .decide(&world.here(), &Credential::Bearer(token.clone()), day)
            .unwrap()
    };
    assert!(matches!(on(expires - Duration::days(1)), Decision::Known(_)));
    assert_eq!(on(expires), Decision::Unauthenticated);
}

#[test]
fn kept_decision_expires_with_its_token() {
    let world = World::new();
    world.join(Role::Owner);
    let expires = today_utc() + Duration::days(1);
    let token = world
        .forge
        .create_token(&NewToken {
            expires: Some(expires),
            ..new_token()
        })
        .unwrap();
    assert_eq!(world.role(&token), Some(Role::Owner));
    let tomorrow = world
        .forge
        .reader()
        .decide(&world.here(), &Credential::Bearer(token), expires)
        .unwrap();
    assert_eq!(tomorrow, Decision::Unauthenticated);
}

#[test]
fn token_that_expires_today_is_created_and_never_works() {
    let world = World::new();
    let new = NewToken {
        expires: Some(today_utc()),
        ..new_token()
    };
    assert!(new.never_works() && !new_token().never_works());
    let token = world.forge.create_token(&new).unwrap();
    let decision = world
        .forge
        .reader()
        .decide(&world.here(), &Credential::Bearer(token), today_utc())
        .unwrap();
    assert_eq!(decision, Decision::Unauthenticated);
}

#[test]
fn revoked_token_is_refused() {
    let world = World::new();
    let token = world.token();
    world.forge.revoke_token(&token).unwrap();
    assert_eq!(decide(&world.forge, &world.here(), &token), Decision::Unauthenticated);
}

#[test]
fn token_can_be_revoked_by_number_and_twice() {
    let world = World::new();
    let token = world.token();
    let id = world.forge.list_tokens(0).unwrap()[0].id;
    world.forge.revoke_token(&id.to_string()).unwrap();
    world.forge.revoke_token(&id.to_string()).unwrap();
    assert_eq!(decide(&world.forge, &world.here(), &token), Decision::Unauthenticated);
    assert!(world.forge.list_tokens(0).unwrap()[0].revoked);
}

#[test]
fn message_about_an_unknown_token_does_not_show_it() {
    let world = World::new();
    let token = format!("mlf_{}", "ab".repeat(32));
    let message = world.forge.revoke_token(&token).unwrap_err().to_string();
    assert_eq!(message, "token `mlf_abababab` does not exist");
}

#[test]
fn tokens_are_long_and_differ() {
    let world = World::new();
    let (one, two) = (world.token(), world.token());
    assert_ne!(one, two);
    assert!(one.starts_with("mlf_") && one.len() == 4 + 64);
}

#[test]
fn list_shows_only_the_beginning_of_a_token() {
    let world = World::new();
    let expires = Some(today_utc() + Duration::days(9));
    let new = NewToken {
        project: Some(world.here()),
        scope: Scope::ReadApi,
        expires,
        ..new_token()
    };
    let token = world.forge.create_token(&new).unwrap();
    let entry = TokenEntry {
        id: 1,
        prefix: token[..12].into(),
        user: "ada".into(),
        project: Some("team/model".into()),
        scope: Scope::ReadApi,
        expires,
        revoked: false,
        used_s: None,
    };
    assert_eq!(world.forge.list_tokens(0).unwrap(), [entry]);
}

#[test]
fn decisions_about_strangers_are_not_kept() {
    let world = World::new();
    let token = Credential::Bearer(world.token());
    for id in 100..200 {
        world
            .forge
            .reader()
            .decide(&ProjectRef::Id(id), &token, today_utc())
            .unwrap();
        world
            .forge
            .reader()
            .decide(&world.here(), &Credential::Bearer(format!("mlf_{id}")), today_utc())
            .unwrap();
    }
    assert_eq!(world.forge.reader().kept_count(), 0);
    world.join(Role::Guest);
    world.forge.reader().decide(&world.here(), &token, today_utc()).unwrap();
    assert_eq!(world.forge.reader().kept_count(), 1);
}

#[tokio::test]
async fn the_last_use_is_known_at_once_and_stored_at_the_end() {
    let world = World::new();
    let (token, unused) = (world.token(), world.token());
    let used = |forge: &LocalForge| {
        let entries = forge.list_tokens(0).unwrap();
        entries.iter().map(|entry| entry.used_s.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(used(&world.forge), [false, false]);
    let credential = Credential::Bearer(token);
    world.forge.resolve(&world.here(), &credential).await.unwrap();
    assert_eq!(used(&world.forge), [true, false]);
    world.forge.revoke_token(&unused).unwrap();
    world
        .forge
        .resolve(&world.here(), &Credential::Bearer(unused))
        .await
        .unwrap();
    let World { dir, forge, .. } = world;
    drop(forge);
    let forge = LocalForge::open(&dir.path().join("forge.db")).unwrap();
    assert_eq!(used(&forge), [true, false]);
}
