//! The table of rights, visibilities and scopes.

use super::*;

const RIGHTS: [Option<&str>; 4] = [None, Some("pull"), Some("push"), Some("admin")];
const SCOPES: [&[&str]; 9] = [
    &["all"],
    &["write:repository", "read:user"],
    &["read:repository", "read:user"],
    &["read:repository", "write:user", "write:issue"],
    &["public-only", "write:repository", "read:user"],
    &["write:user"],
    &["write:repository"],
    &["read:repository"],
    &[],
];

/// The rules: the forge's, and then ours.
fn expected(world: &World, right: Option<&str>, scopes: &[&str]) -> Result<Option<(Role, Scope)>, &'static str> {
    let repository = &world.repositories[0];
    let has = |names: &[&str]| scopes.iter().any(|scope| names.contains(scope));
    if !world.has_token_endpoint && !has(&["all", "read:user", "write:user"]) {
        return Err("read:user");
    }
    if !has(&["all", "read:repository", "write:repository"]) {
        return Err("read:repository");
    }
    if repository.private && (right.is_none() || has(&["public-only"])) {
        return Ok(None);
    }
    let role = match right {
        Some("admin") => Role::Maintainer,
        Some("push") => Role::Developer,
        _ => Role::Guest,
    };
    let role = if repository.archived {
        role.min(Role::Reporter)
    } else {
        role
    };
    let may_write = has(&["all", "write:repository"]);
    // A forge that does not tell scopes is probed only where the role permits writing.
    let is_known = world.has_token_endpoint || role >= Role::Developer;
    let scope = if may_write || !is_known {
        Scope::Api
    } else {
        Scope::ReadApi
    };
    Ok(Some((role, scope)))
}

#[tokio::test]
async fn rights_visibility_scopes_and_archiving_decide_as_on_the_forge() {
    let setup = Setup::new(World::new()).await;
    for has_token_endpoint in [true, false] {
        // One adapter for each: it remembers what the forge lacks.
        let forge = GiteaForge::new(options(&setup.stand_in.url)).unwrap();
        for (private, internal, archived) in [
            (true, false, false),
            (false, true, false),
            (false, false, false),
            (true, false, true),
        ] {
            for (right, scopes) in RIGHTS.iter().flat_map(|right| SCOPES.map(|scopes| (*right, scopes))) {
                let mut world = World::new();
                world.has_token_endpoint = has_token_endpoint;
                world.add_token(TOKEN, ADA, scopes);
                let model = world.model();
                (model.private, model.internal, model.archived) = (private, internal, archived);
                model.rights = right.map(|right| (ADA, right)).into_iter().collect();
                let expected = expected(&world, right, scopes);
                setup.change(|current| *current = world);
                let decision = forge.resolve(&"team/model".into(), &bearer(TOKEN)).await.unwrap();
                let found = match &decision {
                    Decision::Known(access) => Ok(access.project.as_ref().map(|(_, role)| (*role, access.scope))),
                    Decision::InsufficientScope { required } => Err(required.as_str()),
                    Decision::ProjectNotFound => Ok(None),
                    Decision::Unauthenticated => Err("unauthenticated"),
                };
                let case = (has_token_endpoint, private, internal, archived, right, scopes);
                assert_eq!(found, expected, "{case:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_administrator_is_the_owner_of_repositories_in_their_own_name() {
    let mut world = World::new();
    world.model().rights.insert(ADA, "admin");
    let setup = Setup::new(world).await;
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Maintainer, Scope::Api)));
    setup.change(|world| world.model().owner = ADA);
    assert_eq!(setup.rights(TOKEN).await, Some((Role::Owner, Scope::Api)));
}

#[tokio::test]
async fn a_user_who_sees_the_issues_but_not_the_code_sees_no_project() {
    let mut world = World::new();
    world.model().rights.insert(ADA, "none");
    let setup = Setup::new(world).await;
    assert_eq!(setup.rights(TOKEN).await, None);
}

#[tokio::test]
async fn a_project_has_its_visibility_and_its_page() {
    let setup = Setup::new(World::new()).await;
    for (private, internal, visibility) in [
        (true, false, Visibility::Private),
        (false, true, Visibility::Internal),
        (false, false, Visibility::Public),
    ] {
        setup.change(|world| (world.model().private, world.model().internal) = (private, internal));
        let access = setup.access("team/model", TOKEN).await;
        let project = Project {
            url: Some("https://git.example.org/team/model".to_owned()),
            ..Project::new(ProjectId(5), "team/model", visibility)
        };
        assert_eq!(access.project, Some((project, Role::Developer)));
    }
}

#[tokio::test]
async fn a_public_repository_is_found_without_a_credential() {
    let setup = Setup::new(World::new()).await;
    for project in ["team/model", "5"] {
        for (private, internal, found) in [
            (true, false, None),
            (false, true, Some(Visibility::Internal)),
            (false, false, Some(Visibility::Public)),
        ] {
            setup.change(|world| (world.model().private, world.model().internal) = (private, internal));
            let shown = setup.forge.public_project(&project.into()).await.unwrap();
            assert_eq!(shown.map(|project| project.visibility), found, "{project}");
        }
    }
    assert_eq!(setup.forge.public_project(&"team/other".into()).await, Ok(None));
}
