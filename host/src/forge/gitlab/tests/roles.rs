//! Roles and visibility of projects.

use serde_json::json;

use super::world::{ADA, Kind, PATH, PROJECT, World, access};
use crate::forge::{Credential, Forge as _, ProjectRef, Role, Scope};
use crate::storage::ProjectId;

async fn role(world: &World) -> Option<Role> {
    world.access(&World::ada()).await.project.map(|(_, role)| role)
}

/// Every access level that GitLab has, with every visibility and both scopes. A token's scope changes no role.
#[tokio::test]
async fn level_visibility_and_scope_decide_as_in_gitlab() {
    let guest = Some(Role::Guest);
    // The level, and the role in a private, an internal and a public project.
    let table = [
        (None, [None, guest, guest]),
        (Some(5), [None, guest, guest]),
        (Some(10), [guest; 3]),
        (Some(15), [guest; 3]),
        (Some(20), [Some(Role::Reporter); 3]),
        (Some(25), [Some(Role::Reporter); 3]),
        (Some(30), [Some(Role::Developer); 3]),
        (Some(40), [Some(Role::Maintainer); 3]),
        (Some(50), [Some(Role::Owner); 3]),
    ];
    let scopes: [(&'static [&'static str], Scope); 2] = [(&["api"], Scope::Api), (&["read_api"], Scope::ReadApi)];
    let world = World::new().await;
    for (level, roles) in table {
        for (visibility, role) in ["private", "internal", "public"].into_iter().zip(roles) {
            for (scopes, scope) in scopes {
                world.change(|facts| {
                    facts.visibility = visibility;
                    facts.members = level.map(|level| (ADA, level)).into_iter().collect();
                    facts.tokens.insert("glpat-ada".into(), (Kind::Access(scopes), ADA));
                });
                let access = world.access(&World::ada()).await;
                let got = (access.scope, access.project.map(|(_, role)| role));
                assert_eq!(got, (scope, role), "{level:?} {visibility}");
            }
        }
    }
}

#[tokio::test]
async fn an_administrator_is_owner_of_a_private_project_and_proves_nothing_in_others() {
    let world = World::new().await;
    world.change(|facts| {
        facts.members.clear();
        facts.admins.push(ADA);
    });
    assert_eq!(role(&world).await, Some(Role::Owner));
    world.change(|facts| facts.visibility = "public");
    assert_eq!(role(&world).await, Some(Role::Guest));
}

#[tokio::test]
async fn the_strongest_of_all_memberships_counts() {
    let world = World::new().await;
    world.change(|facts| {
        facts.members = [(ADA, 10)].into();
        facts.project =
            json!({"permissions": {"project_access": {"access_level": 20}, "group_access": {"access_level": 40}}});
    });
    assert_eq!(role(&world).await, Some(Role::Maintainer));
    world.change(|facts| facts.project = json!({"permissions": null}));
    assert_eq!(role(&world).await, Some(Role::Guest));
}

#[tokio::test]
async fn a_membership_that_waits_for_approval_gives_nothing() {
    let world = World::new().await;
    world.change(|facts| {
        facts.visibility = "public";
        facts.member = json!({"membership_state": "awaiting"});
    });
    assert_eq!(role(&world).await, Some(Role::Guest));
    world.change(|facts| facts.member = json!({"membership_state": "active"}));
    assert_eq!(role(&world).await, Some(Role::Developer));
}

#[tokio::test]
async fn a_switched_off_feature_hides_the_project_and_a_private_one_hides_it_from_others() {
    let world = World::new().await;
    world.change(|facts| facts.visibility = "public");
    let (guest, developer) = (Some(Role::Guest), Some(Role::Developer));
    // The two switches, and the role of a member and of another user.
    let table = [
        ("enabled", "enabled", developer, guest),
        ("enabled", "private", developer, None),
        ("private", "enabled", developer, None),
        ("disabled", "enabled", None, None),
        ("enabled", "disabled", None, None),
        ("unheard-of", "enabled", None, None),
    ];
    for (experiments, registry, member, other) in table {
        world.change(|facts| {
            facts.project =
                json!({"model_experiments_access_level": experiments, "model_registry_access_level": registry});
            facts.members = [(ADA, 30)].into();
        });
        assert_eq!(role(&world).await, member, "{experiments} {registry}");
        world.change(|facts| facts.members.clear());
        assert_eq!(role(&world).await, other, "{experiments} {registry}");
    }
}

#[tokio::test]
async fn a_project_is_found_by_number_path_and_former_path_and_keeps_its_number() {
    let world = World::new().await;
    for asked in ["7", PATH, "team/old"] {
        let found = world
            .forge
            .resolve(&ProjectRef::from(asked), &World::ada())
            .await
            .unwrap();
        let (project, _) = access(found).project.unwrap();
        assert_eq!(
            (project.id, project.path.as_str()),
            (ProjectId(PROJECT), PATH),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_project_that_is_hidden_or_absent_is_none() {
    let world = World::new().await;
    world.change(|facts| facts.members.clear());
    for asked in [
        "7",
        PATH,
        "8",
        "team/none",
        "team",
        "..",
        ".",
        "",
        "../user",
        "7/jobs",
        "team%2Fmodel",
    ] {
        let found = world
            .forge
            .resolve(&ProjectRef::from(asked), &World::ada())
            .await
            .unwrap();
        assert_eq!(access(found).project, None, "{asked}");
    }
}

#[tokio::test]
async fn a_session_has_the_rights_of_its_user() {
    let world = World::new().await;
    let session = Credential::Cookie("session-ada".into());
    assert_eq!(world.forge.session_cookie(), Some("_gitlab_session"));
    let access = world.access(&session).await;
    assert_eq!((access.scope, access.project.unwrap().1), (Scope::Api, Role::Developer));
    world.change(|facts| facts.members.clear());
    assert_eq!(world.access(&session).await.project, None);
}

#[tokio::test]
async fn a_public_project_is_found_without_a_credential_if_its_switches_are_known_and_open() {
    let world = World::new().await;
    let shown = async |world: &World| {
        let project = ProjectRef::Path(PATH.into());
        world
            .forge
            .public_project(&project)
            .await
            .unwrap()
            .map(|project| project.id)
    };
    for (visibility, found) in [
        ("private", None),
        ("internal", None),
        ("public", Some(ProjectId(PROJECT))),
    ] {
        world.change(|facts| facts.visibility = visibility);
        assert_eq!(shown(&world).await, found, "{visibility}");
    }
    for level in ["private", "disabled"] {
        world.change(|facts| facts.project = json!({"model_experiments_access_level": level}));
        assert_eq!(shown(&world).await, None, "{level}");
    }
    let without = World::with(|options| options.service_token = None).await;
    without.change(|facts| facts.visibility = "public");
    assert_eq!(shown(&without).await, None);
}
