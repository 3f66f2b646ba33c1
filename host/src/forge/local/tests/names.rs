//! Tests of names and words, valid and invalid.

use super::*;

#[test]
fn lists_go_on_after_a_number() {
    let world = World::new();
    world.forge.create_user("bob").unwrap();
    let logins = |after| {
        world
            .forge
            .list_users(after)
            .unwrap()
            .into_iter()
            .map(|user| user.login)
            .collect::<Vec<_>>()
    };
    assert_eq!(logins(0), ["ada", "bob"]);
    assert_eq!(logins(1), ["bob"]);
    assert!(logins(u64::MAX).is_empty());
}

#[test]
fn duplicate_names_are_refused_in_any_case() {
    let world = World::new();
    let project = world.forge.create_project("Team/Model", Visibility::Public);
    assert!(matches!(project, Err(LocalError::PathTaken(path)) if path == "Team/Model"));
    assert!(matches!(world.forge.create_user("Ada"), Err(LocalError::LoginTaken(login)) if login == "Ada"));
}

#[test]
fn unknown_names_are_refused_by_name() {
    let world = World::new();
    let forge = &world.forge;
    let says = |result: Result<(), LocalError>| result.unwrap_err().to_string();
    assert_eq!(
        says(forge.set_member(&path("no/such"), "ada", Role::Guest)),
        "project `no/such` does not exist"
    );
    assert_eq!(
        says(forge.set_member(&world.here(), "bob", Role::Guest)),
        "user `bob` does not exist"
    );
    let token = forge.create_token(&NewToken {
        user: "bob".into(),
        ..new_token()
    });
    assert_eq!(says(token.map(drop)), "user `bob` does not exist");
    let token = forge.create_token(&NewToken {
        project: Some(ProjectRef::Id(7)),
        ..new_token()
    });
    assert_eq!(says(token.map(drop)), "project `7` does not exist");
}

#[test]
fn project_paths_have_1_to_20_plain_segments() {
    let world = World::new();
    let long = ["s"; 20].join("/");
    for good in ["a", "a/b", "A_b.c-d/x", "1/2", "12a", "_x", long.as_str()] {
        assert!(world.forge.create_project(good, Visibility::Private).is_ok(), "{good}");
    }
    let longer = ["s"; 21].join("/");
    let wide = "w".repeat(256);
    let bad = [
        "", "/", "a/", "/a", "a//b", "12", "-a", "a/-", ".a", "a/..", "a.git", "x.GIT/b", "a.atom", "a b", "ä", "a%2Fb",
    ];
    for bad in bad.into_iter().chain([longer.as_str(), wide.as_str()]) {
        let refused = world.forge.create_project(bad, Visibility::Private);
        assert!(
            matches!(refused, Err(LocalError::PathInvalid { path, .. }) if path == bad),
            "{bad}"
        );
    }
}

#[test]
fn logins_are_one_plain_segment() {
    let world = World::new();
    for bad in ["", "a/b", "12", "-a", ".a", "a b", "a\n", "a.git"] {
        let refused = world.forge.create_user(bad);
        assert!(
            matches!(refused, Err(LocalError::LoginInvalid { login, .. }) if login == bad),
            "{bad}"
        );
    }
}

#[test]
fn digits_alone_are_a_project_number() {
    assert_eq!(ProjectRef::from("12"), ProjectRef::Id(12));
    for text in ["a/1", "+1", "", "99999999999999999999"] {
        assert_eq!(ProjectRef::from(text), path(text));
    }
}

#[test]
fn words_are_read_back_as_written() {
    for role in [
        Role::Guest,
        Role::Reporter,
        Role::Developer,
        Role::Maintainer,
        Role::Owner,
    ] {
        assert_eq!(role.to_string().parse(), Ok(role));
    }
    for visibility in [Visibility::Private, Visibility::Internal, Visibility::Public] {
        assert_eq!(visibility.to_string().parse(), Ok(visibility));
    }
    for scope in [Scope::Api, Scope::ReadApi] {
        assert_eq!(scope.to_string().parse(), Ok(scope));
    }
    let unknown = "Boss".parse::<Role>().unwrap_err().to_string();
    assert_eq!(
        unknown,
        "`Boss` is no role: guest, reporter, developer, maintainer, owner"
    );
}
