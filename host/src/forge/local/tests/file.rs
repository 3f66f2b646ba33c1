//! Tests of the file: the first start, several handles, and the stored data.

use rusqlite::Connection;

use super::*;

#[test]
fn token_revoked_by_one_handle_is_refused_by_the_other_at_once() {
    let world = World::new();
    world.join(Role::Owner);
    let token = world.token();
    assert_eq!(world.role(&token), Some(Role::Owner));
    world.again().revoke_token(&token).unwrap();
    assert_eq!(decide(&world.forge, &world.here(), &token), Decision::Unauthenticated);
}

#[test]
fn every_change_by_one_handle_is_seen_by_the_other_at_once() {
    let world = World::new();
    let other = world.again();
    let token = other.create_token(&new_token()).unwrap();
    for role in [Role::Guest, Role::Owner, Role::Reporter] {
        other.set_member(&world.here(), "ada", role).unwrap();
        assert_eq!(world.role(&token), Some(role));
        world.join(Role::Maintainer);
        assert_eq!(role_in(&other, &world.here(), &token), Some(Role::Maintainer));
    }
    let made = other.create_project("team/new", Visibility::Public).unwrap();
    assert_eq!(
        role_in(&world.forge, &ProjectRef::Id(made.0), &token),
        Some(Role::Guest)
    );
}

#[test]
fn only_the_hash_of_a_token_is_at_rest() {
    let world = World::new();
    let token = world.token();
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    assert!(holds(&token::hash(&token)));
    assert!(!holds(token.as_bytes()));
    assert!(!holds(token.strip_prefix("mlf_").unwrap().as_bytes()));
}

#[test]
fn first_start_makes_the_demo_project_its_owner_and_a_token() {
    let dir = tempfile::tempdir().unwrap();
    let forge = LocalForge::open(&dir.path().join("forge.db")).unwrap();
    let first = forge.first_start().unwrap().expect("the forge is empty");
    let project = Project::new(ProjectId(1), "demo/demo", Visibility::Private);
    assert_eq!(
        project_in(&forge, &ProjectRef::Id(1), &first.token),
        Some((project, Role::Owner))
    );
    assert_eq!(
        forge.list_projects(ProjectId(0)).unwrap()[0].visibility,
        Visibility::Private
    );
}

#[test]
fn later_start_creates_nothing() {
    let world = World::new();
    assert!(world.forge.first_start().unwrap().is_none());
    assert_eq!(world.forge.list_users(0).unwrap().len(), 1);
}

#[test]
fn first_start_uses_an_existing_user_demo() {
    let dir = tempfile::tempdir().unwrap();
    let forge = LocalForge::open(&dir.path().join("forge.db")).unwrap();
    forge.create_user("Demo").unwrap();
    let first = forge.first_start().unwrap().expect("the forge has no project");
    assert_eq!(role_in(&forge, &ProjectRef::Id(1), &first.token), Some(Role::Owner));
    assert_eq!(forge.list_users(0).unwrap().len(), 1);
}

#[test]
fn reopened_file_keeps_everything() {
    let world = World::new();
    world.join(Role::Reporter);
    let token = world.token();
    let World { dir, forge, project } = world;
    drop(forge);
    let forge = LocalForge::open(&dir.path().join("forge.db")).unwrap();
    assert_eq!(
        role_in(&forge, &ProjectRef::Id(project.0), &token),
        Some(Role::Reporter)
    );
}

#[test]
fn file_of_a_newer_mlforge_is_refused() {
    let world = World::new();
    world.forge.writer().rows("PRAGMA user_version = 9", &[]).unwrap();
    let error = format!("{:#}", LocalForge::open(&world.file()).unwrap_err());
    assert!(
        error.contains("has schema 9") && error.contains("newer mlforge"),
        "{error}"
    );
}

#[test]
fn file_that_is_no_database_is_refused_and_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("forge.db");
    std::fs::write(&file, "not a database, but long enough to be looked at".repeat(40)).unwrap();
    let before = std::fs::read(&file).unwrap();
    assert!(LocalForge::open(&file).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    for entry in std::fs::read_dir(world.dir.path()).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn concurrent_opens_create_the_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("forge.db");
    let starts: Vec<_> = std::thread::scope(|scope| {
        let start = || LocalForge::open(&file).unwrap().first_start().unwrap();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(starts.iter().flatten().count(), 1);
}

#[tokio::test]
async fn waiting_for_a_locked_file_blocks_no_thread() {
    let world = World::new();
    world.join(Role::Developer);
    let token = world.token();
    let World { dir, forge, project } = world;
    drop(forge);
    let path = dir.path().join("forge.db");
    let foreign = Connection::open(&path).unwrap();
    // Without a write-ahead log, a writer locks readers out.
    let mode: String = foreign
        .pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))
        .unwrap();
    assert_eq!(mode, "delete");
    let forge = LocalForge::on(
        Database::File(Connection::open_in_memory().unwrap()),
        Database::File(schema::open_reader(&path).unwrap()),
    );
    foreign.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let (here, credential) = (ProjectRef::Id(project.0), Credential::Bearer(token));
    // This runs on the only thread that there is.
    let unlock = async { foreign.execute_batch("COMMIT").unwrap() };
    let (decided, ()) = tokio::join!(forge.resolve(&here, &credential), unlock);
    assert!(matches!(decided.unwrap(), Decision::Known(access) if access.project.is_some()));
}

#[test]
fn file_of_an_earlier_schema_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("forge.db");
    let token = "mlf_0123456789";
    {
        let old = Connection::open(&file).unwrap();
        old.execute_batch(schema::STEPS[0]).unwrap();
        old.execute_batch("INSERT INTO users (login) VALUES ('ada'); PRAGMA user_version = 1")
            .unwrap();
        let insert = "INSERT INTO tokens (user, scope, hash, prefix) VALUES (1, 'api', ?1, 'mlf_01234567')";
        old.execute(insert, [token::hash(token)]).unwrap();
    }
    for _ in 0..2 {
        let forge = LocalForge::open(&file).unwrap();
        assert!(!forge.list_users(0).unwrap()[0].is_admin);
        assert_eq!(forge.list_tokens(0).unwrap()[0].used_s, None);
        let decided = decide(&forge, &ProjectRef::Id(1), token);
        assert!(matches!(decided, Decision::Known(_)), "{decided:?}");
    }
    let version: i64 = Connection::open(&file)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 2);
}
