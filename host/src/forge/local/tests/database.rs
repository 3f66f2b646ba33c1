//! The forge in a PostgreSQL database: the rules of the file, on two hosts.

use super::*;
use crate::storage::postgres::tests::Database;

/// Two hosts of one database, and what keeps it.
async fn hosts() -> ([LocalForge; 2], Database) {
    let database = Database::new().await;
    // This creates the tables.
    let _records = database.records().await;
    let hosts = [(), ()].map(|()| LocalForge::open_database(&database.address).unwrap());
    (hosts, database)
}

fn new(user: &str) -> NewToken {
    NewToken {
        user: user.to_owned(),
        project: None,
        scope: Scope::Api,
        expires: None,
    }
}

async fn role(forge: &LocalForge, project: &ProjectRef, token: &str) -> Option<Role> {
    match forge
        .resolve(project, &Credential::Bearer(token.to_owned()))
        .await
        .unwrap()
    {
        Decision::Known(access) => access.project.as_ref().map(|(_, role)| *role),
        _ => None,
    }
}

#[tokio::test]
async fn names_are_unique_whatever_their_case() {
    let ([forge, other], _database) = hosts().await;
    let user = forge.create_user("Ada").unwrap();
    let project = forge.create_project("Team/Model", Visibility::Private).unwrap();
    assert!(matches!(other.create_user("aDA"), Err(LocalError::LoginTaken(_))));
    assert!(matches!(
        other.create_project("team/model", Visibility::Public),
        Err(LocalError::PathTaken(_))
    ));
    assert_eq!(other.find_user("ADA").unwrap().as_deref(), Some("Ada"));
    let found = other.find_project(&"TEAM/model".into()).unwrap().unwrap();
    assert_eq!((found.id, found.path.as_str()), (project, "Team/Model"));
    assert_eq!(
        other
            .list_users(0)
            .unwrap()
            .iter()
            .map(|entry| entry.id)
            .collect::<Vec<_>>(),
        [user]
    );
    assert!(other.list_users(user).unwrap().is_empty() && other.list_projects(project).unwrap().is_empty());
}

#[tokio::test]
async fn a_first_start_of_many_hosts_happens_once() {
    let ([one, two], _database) = hosts().await;
    let starts = [one, two].map(|forge| std::thread::spawn(move || forge.first_start().unwrap()));
    let made: Vec<_> = starts.into_iter().filter_map(|start| start.join().unwrap()).collect();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].project, ProjectId(1));
}

#[tokio::test]
async fn rights_are_decided_as_in_a_file() {
    let ([forge, other], _database) = hosts().await;
    forge.create_user("ada").unwrap();
    let id = forge.create_project("team/model", Visibility::Private).unwrap();
    let here = ProjectRef::Id(id.0);
    forge.set_member(&here, "ADA", Role::Developer).unwrap();
    let token = forge.create_token(&new("ada")).unwrap();
    assert_eq!(role(&other, &"TEAM/model".into(), &token).await, Some(Role::Developer));
    assert_eq!(role(&other, &here, "mlf_unknown").await, None);
    let credential = Credential::Bearer(token.clone());
    let manager = other.manager(&credential).unwrap().unwrap();
    assert_eq!((manager.login.as_str(), manager.is_admin), ("ada", false));
    forge.set_member(&here, "ada", Role::Owner).unwrap();
    assert_eq!(other.list_owned("ada").unwrap().len(), 1);
    assert_eq!(other.list_owners().unwrap(), ["ada"]);
    assert_eq!(other.list_members(id).unwrap()[0].role, Role::Owner);
    let listed = other.projects(&credential, "").await.unwrap().unwrap();
    assert_eq!(listed.projects.len(), 1);
    let strangers = other.projects(&Credential::Anonymous, "").await.unwrap().unwrap();
    assert!(strangers.projects.is_empty() && other.public_project(&here).await.unwrap().is_none());
    forge.set_visibility(&here, Visibility::Public).unwrap();
    assert!(other.public_project(&"Team/Model".into()).await.unwrap().is_some());
    forge.remove_member(id, "ada").unwrap();
    // On the host that made the change it has its effect at once.
    assert_eq!(role(&forge, &here, &token).await, Some(Role::Guest));
}

#[tokio::test]
async fn a_token_that_is_revoked_on_one_host_soon_ends_on_the_others() {
    let ([forge, other], _database) = hosts().await;
    forge.create_user("ada").unwrap();
    let here = ProjectRef::Id(forge.create_project("team/model", Visibility::Internal).unwrap().0);
    let expires = today_utc().next_day();
    let token = forge.create_token(&NewToken { expires, ..new("ada") }).unwrap();
    assert_eq!(role(&other, &here, &token).await, Some(Role::Guest));
    let [entry] = &other.list_tokens(0).unwrap()[..] else {
        panic!("one token")
    };
    assert!(!entry.revoked && entry.expires == expires && token.starts_with(&entry.prefix));
    forge.revoke_token_of("ada", entry.id).unwrap();
    assert_eq!(role(&forge, &here, &token).await, None);
    // The other host believes its decision for a second.
    while role(&other, &here, &token).await.is_some() {
        tokio::task::yield_now().await;
    }
    assert!(other.list_tokens(0).unwrap()[0].revoked && other.list_tokens_of("ada").unwrap().is_empty());
    assert!(matches!(other.revoke_token("mlf_no"), Err(LocalError::TokenUnknown(_))));
}

#[tokio::test]
async fn administrators_and_the_log_of_changes_are_those_of_all_hosts() {
    let ([forge, other], _database) = hosts().await;
    let author = Author {
        login: "ada".into(),
        address: "192.0.2.7".into(),
        request_id: "r-1".into(),
    };
    forge.create_user("Ada").unwrap();
    forge.set_admin("ada", true).unwrap();
    assert!(other.list_users(0).unwrap()[0].is_admin);
    let expires = today_utc().next_day().unwrap();
    let token = other.by(author.clone()).create_user_with_token("bob", expires).unwrap();
    let project = other
        .create_owned_project("team/x", Visibility::Private, "bob")
        .unwrap();
    forge
        .set_visibility(&ProjectRef::Id(project.0), Visibility::Internal)
        .unwrap();
    forge.revoke_token(&token).unwrap();
    forge.remove_member(project, "BOB").unwrap();
    forge.remove_member(project, "bob").unwrap();
    let changes = other.list_changes(&ChangeFilter::default(), None).unwrap();
    let told = changes
        .iter()
        .map(|change| (change.action.as_str(), change.object.as_str(), change.detail.as_str()));
    let prefix = &token[..12];
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            ("members/remove", "team/x", "bob"),
            ("tokens/revoke", prefix, "bob"),
            ("projects/set-visibility", "team/x", "internal"),
            ("members/set", "team/x", "bob: owner"),
            ("projects/create", "team/x", "private"),
            ("tokens/create", prefix, &format!("bob: api, {expires}")),
            ("users/create", "bob", ""),
            ("users/make-admin", "Ada", ""),
            ("users/create", "Ada", ""),
        ]
    );
    assert!(changes.iter().all(|change| change.time_s > 1_700_000_000));
    let filter = ChangeFilter {
        author: "ADA".into(),
        object: "BOB".into(),
        ..ChangeFilter::default()
    };
    let found = forge.list_changes(&filter, None).unwrap();
    assert_eq!(found.iter().map(|change| &change.author).collect::<Vec<_>>(), [&author]);
    assert!(forge.list_changes(&filter, Some(found[0].id)).unwrap().is_empty());
}

#[tokio::test]
async fn the_last_use_of_a_token_is_seen_by_the_other_hosts_and_changes_no_decision() {
    let ([forge, other], database) = hosts().await;
    forge.create_user("ada").unwrap();
    let here = ProjectRef::Id(forge.create_project("team/model", Visibility::Internal).unwrap().0);
    let token = forge.create_token(&new("ada")).unwrap();
    let changes = "SELECT seq FROM mlforge.invalidations WHERE name = 'forge'";
    let client = database.client().await;
    let before: i64 = client.query_one(changes, &[]).await.unwrap().get(0);
    assert_eq!(role(&forge, &here, &token).await, Some(Role::Guest));
    assert!(forge.list_tokens(0).unwrap()[0].used_s.is_some());
    // The last handle writes what is left. A task may be writing it already.
    drop(forge);
    while other.list_tokens_of("ada").unwrap()[0].used_s.is_none() {
        tokio::task::yield_now().await;
    }
    let after: i64 = client.query_one(changes, &[]).await.unwrap().get(0);
    assert_eq!(before, after);
}

#[tokio::test]
async fn the_oldest_changes_go() {
    let ([forge, _], database) = hosts().await;
    forge.create_user("ada").unwrap();
    let client = database.client().await;
    client
        .batch_execute("ALTER TABLE mlforge.changes ALTER COLUMN id RESTART WITH 100001")
        .await
        .unwrap();
    forge.create_user("bob").unwrap();
    let changes = forge.list_changes(&ChangeFilter::default(), None).unwrap();
    assert_eq!(
        changes.iter().map(|change| change.object.as_str()).collect::<Vec<_>>(),
        ["bob"]
    );
}
