//! Tests of the log of changes.

use super::*;

fn log(forge: &LocalForge) -> Vec<(String, String, String)> {
    let changes = forge.list_changes(&ChangeFilter::default(), None).unwrap();
    let facts = changes
        .into_iter()
        .map(|change| (change.action, change.object, change.detail));
    facts.collect()
}

#[test]
fn each_change_leaves_one_record_and_a_refused_one_none() {
    let world = World::new();
    let forge = &world.forge;
    let token = world.token();
    let prefix = &token[..12];
    world.join(Role::Reporter);
    forge.set_visibility(&world.here(), Visibility::Public).unwrap();
    forge.revoke_token(&token).unwrap();
    forge.set_admin("ADA", true).unwrap();
    for _ in 0..2 {
        forge.remove_member(world.project, "ada").unwrap();
        forge.revoke_token(&token).unwrap();
    }
    assert!(forge.create_user("Ada").is_err());
    assert!(
        forge
            .create_owned_project("team/x", Visibility::Private, "nobody")
            .is_err()
    );
    let expected = [
        ("members/remove", "team/model", "ada"),
        ("users/make-admin", "ada", ""),
        ("tokens/revoke", prefix, "ada"),
        ("projects/set-visibility", "team/model", "public"),
        ("members/set", "team/model", "ada: reporter"),
        ("tokens/create", prefix, "ada: api"),
        ("projects/create", "team/model", "private"),
        ("users/create", "ada", ""),
    ];
    let owned = |text: &str| text.to_owned();
    let expected = expected.map(|(action, object, detail)| (owned(action), owned(object), owned(detail)));
    assert_eq!(log(forge), expected);
}

#[test]
fn a_record_names_its_author() {
    let world = World::new();
    let author = Author {
        login: "ada".into(),
        address: "192.0.2.7".into(),
        request_id: "r-1".into(),
    };
    world.forge.by(author.clone()).create_user("bob").unwrap();
    world.forge.create_user("eve").unwrap();
    let changes = world.forge.list_changes(&ChangeFilter::default(), None).unwrap();
    assert_eq!(changes[0].author, Author::default());
    assert_eq!(changes[1].author, author);
    let by_ada = ChangeFilter {
        author: "ADA".into(),
        ..ChangeFilter::default()
    };
    assert_eq!(world.forge.list_changes(&by_ada, None).unwrap(), changes[1..2]);
    let before = world.forge.list_changes(&ChangeFilter::default(), Some(changes[1].id));
    assert_eq!(before.unwrap(), changes[2..]);
}

#[test]
fn the_oldest_records_go() {
    let world = World::new();
    let insert = "INSERT INTO changes (id, author, address, request, action, object, detail)
         VALUES (100001, '', '', '', 'users/create', 'x', '')";
    world.forge.writer().rows(insert, &[]).unwrap();
    assert_eq!(log(&world.forge).len(), 3);
    world.forge.create_user("eve").unwrap();
    let log = log(&world.forge);
    assert_eq!(log.len(), 2);
    assert_eq!(log[0].1, "eve");
}

#[test]
fn the_user_of_the_first_start_is_an_administrator() {
    let dir = tempfile::tempdir().unwrap();
    let forge = LocalForge::open(&dir.path().join("forge.db")).unwrap();
    let first = forge.first_start().unwrap().expect("the forge is empty");
    let manager = forge.manager(&Credential::Bearer(first.token)).unwrap().unwrap();
    assert!(manager.is_admin);
    assert_eq!(manager.login, "demo");
}

#[test]
fn a_first_token_works_and_its_user_is_made_with_it_or_not_at_all() {
    let world = World::new();
    let expires = today_utc() + time::Duration::days(7);
    let token = world.forge.create_user_with_token("bob", expires).unwrap();
    let manager = world.forge.manager(&Credential::Bearer(token)).unwrap().unwrap();
    assert_eq!((manager.login.as_str(), manager.is_admin), ("bob", false));
    assert!(world.forge.create_user_with_token("Bob", expires).is_err());
    assert_eq!(world.forge.list_tokens(0).unwrap().len(), 1);
}
