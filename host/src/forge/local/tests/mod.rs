//! Tests of the local forge: shared setup, and the rights of users.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::path::PathBuf;

use super::*;
use crate::forge::{Actor, JobRef, Project, Role, Scope, Target};
use crate::storage::ProjectId;
use crate::storage::sql::values;

mod changes;
#[cfg(feature = "postgres-tests")]
mod database;
mod file;
mod names;
mod tokens;

/// A forge in a directory of its own, with user `ada` and the private project `team/model`.
struct World {
    dir: tempfile::TempDir,
    forge: LocalForge,
    project: ProjectId,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let forge = LocalForge::open(&dir.path().join("forge.db")).unwrap();
        forge.create_user("ada").unwrap();
        let project = forge.create_project("team/model", Visibility::Private).unwrap();
        Self { dir, forge, project }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("forge.db")
    }

    /// A second handle on the same file, as in another process.
    fn again(&self) -> LocalForge {
        LocalForge::open(&self.file()).unwrap()
    }

    fn here(&self) -> ProjectRef {
        ProjectRef::Id(self.project.0)
    }

    fn join(&self, role: Role) {
        self.forge.set_member(&self.here(), "ada", role).unwrap();
    }

    fn token(&self) -> String {
        self.forge.create_token(&new_token()).unwrap()
    }

    fn role(&self, token: &str) -> Option<Role> {
        role_in(&self.forge, &self.here(), token)
    }

    fn set_visibility(&self, visibility: Visibility) {
        self.forge
            .writer()
            .rows("UPDATE projects SET visibility = ?1", values![visibility.to_string()])
            .unwrap();
    }
}

fn new_token() -> NewToken {
    NewToken {
        user: "ada".into(),
        project: None,
        scope: Scope::Api,
        expires: None,
    }
}

fn decide(forge: &LocalForge, project: &ProjectRef, token: &str) -> Decision {
    forge
        .reader()
        .decide(project, &Credential::Bearer(token.into()), today_utc())
        .unwrap()
}

fn project_in(forge: &LocalForge, project: &ProjectRef, token: &str) -> Option<(Project, Role)> {
    match decide(forge, project, token) {
        Decision::Known(access) => access.project.clone(),
        _ => panic!("the token is refused"),
    }
}

fn role_in(forge: &LocalForge, project: &ProjectRef, token: &str) -> Option<Role> {
    project_in(forge, project, token).map(|(_, role)| role)
}

fn path(path: &str) -> ProjectRef {
    ProjectRef::Path(path.into())
}

#[test]
fn member_has_their_role() {
    let world = World::new();
    let token = world.token();
    for role in [
        Role::Guest,
        Role::Reporter,
        Role::Developer,
        Role::Maintainer,
        Role::Owner,
    ] {
        world.join(role);
        assert_eq!(world.role(&token), Some(role));
    }
}

#[test]
fn private_project_does_not_exist_for_strangers() {
    let world = World::new();
    let token = world.token();
    assert_eq!(
        decide(&world.forge, &world.here(), &token),
        decide(&world.forge, &ProjectRef::Id(99), &token)
    );
    assert_eq!(world.role(&token), None);
}

#[test]
fn internal_and_public_projects_are_read_by_every_user() {
    let world = World::new();
    let token = world.token();
    for visibility in [Visibility::Internal, Visibility::Public] {
        world.set_visibility(visibility);
        assert_eq!(world.role(&token), Some(Role::Guest));
    }
}

#[test]
fn member_of_a_public_project_keeps_their_role() {
    let world = World::new();
    world.set_visibility(Visibility::Public);
    world.join(Role::Developer);
    assert_eq!(world.role(&world.token()), Some(Role::Developer));
}

#[test]
fn public_project_is_closed_to_unknown_tokens() {
    let world = World::new();
    world.set_visibility(Visibility::Public);
    for token in ["", "mlf_", "1", "ada"] {
        assert_eq!(decide(&world.forge, &world.here(), token), Decision::Unauthenticated);
    }
}

#[test]
fn project_is_found_by_number_and_by_path_in_any_case() {
    let world = World::new();
    world.join(Role::Guest);
    let token = world.token();
    let project = Project::new(world.project, "team/model", Visibility::Private);
    for name in [world.here(), path("team/model"), path("Team/MODEL")] {
        assert_eq!(
            project_in(&world.forge, &name, &token),
            Some((project.clone(), Role::Guest))
        );
    }
}

#[test]
fn number_beyond_the_file_format_names_no_project() {
    let world = World::new();
    let token = world.token();
    assert_eq!(role_in(&world.forge, &ProjectRef::Id(u64::MAX), &token), None);
    let refused = world.forge.set_member(&ProjectRef::Id(u64::MAX), "ada", Role::Guest);
    assert!(matches!(refused, Err(LocalError::ProjectUnknown(_))));
}

#[test]
fn decision_names_the_user_and_the_scope() {
    let world = World::new();
    let token = world
        .forge
        .create_token(&NewToken {
            scope: Scope::ReadApi,
            ..new_token()
        })
        .unwrap();
    let Decision::Known(access) = decide(&world.forge, &world.here(), &token) else {
        panic!()
    };
    assert_eq!(access.actor, Actor::new("1", "ada"));
    assert_eq!((access.scope, access.token_id.as_deref()), (Scope::ReadApi, Some("1")));
}

#[test]
fn there_are_no_jobs_and_no_pages() {
    let world = World::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert_eq!(
            world
                .forge
                .job(world.project, &JobRef::Id("1".into()), None)
                .await
                .unwrap(),
            None
        );
        assert_eq!(
            world
                .forge
                .link(world.project, &Target::User("ada".into()))
                .await
                .unwrap(),
            None
        );
        let unknown = world
            .forge
            .resolve(&world.here(), &Credential::Bearer("x".into()))
            .await
            .unwrap();
        assert_eq!(unknown, Decision::Unauthenticated);
    });
}
