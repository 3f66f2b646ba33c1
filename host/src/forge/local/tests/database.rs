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
    assert_eq!(other.manager(&credential).unwrap().as_deref(), Some("ada"));
    forge.set_member(&here, "ada", Role::Owner).unwrap();
    assert_eq!(other.list_owned("ada").unwrap().len(), 1);
    assert_eq!(other.list_owners().unwrap(), ["ada"]);
    assert_eq!(other.list_members(id).unwrap()[0].role, Role::Owner);
    let listed = other.projects(&credential, ProjectId(0)).await.unwrap().unwrap();
    assert_eq!(listed.len(), 1);
    let strangers = other
        .projects(&Credential::Anonymous, ProjectId(0))
        .await
        .unwrap()
        .unwrap();
    assert!(strangers.is_empty() && other.public_project(&here).await.unwrap().is_none());
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
