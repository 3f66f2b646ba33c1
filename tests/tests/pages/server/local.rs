//! The first page with the forge of the server's own users, which lists projects, and with others, which do not.

use mlforge::forge::local::{LocalForge, NewToken};

use super::*;

/// A local forge with a private project of ada, one that is internal and one that is public; and a token of ada.
pub(super) fn forge(directory: &tempfile::TempDir) -> (Arc<LocalForge>, String) {
    let forge = LocalForge::open(&directory.path().join("forge.db")).unwrap();
    for user in ["ada", "bob"] {
        forge.create_user(user).unwrap();
    }
    for (path, visibility) in [
        ("team/private", Visibility::Private),
        ("team/internal", Visibility::Internal),
        ("team/open", Visibility::Private),
    ] {
        forge.create_project(path, visibility).unwrap();
    }
    forge
        .set_visibility(&ProjectRef::from("team/open"), Visibility::Public)
        .unwrap();
    forge
        .set_member(&ProjectRef::from("team/private"), "ada", Role::Owner)
        .unwrap();
    let token = token(&forge, "ada", None);
    (Arc::new(forge), token)
}

pub(super) fn token(forge: &LocalForge, user: &str, project: Option<&str>) -> String {
    let new = NewToken {
        user: user.into(),
        project: project.map(ProjectRef::from),
        scope: Scope::Api,
        expires: None,
    };
    forge.create_token(&new).unwrap()
}

#[test]
fn a_reader_sees_their_projects_and_others_the_public_ones() {
    let directory = tempfile::tempdir().unwrap();
    let (forge, ada) = forge(&directory);
    let site = Site::with(|builder| builder.forge(Arc::clone(&forge) as Arc<dyn Forge>));
    let page = site.browser().get("/").ok();
    page.shows("/team/open/-/ml/experiments")
        .hides("team/internal")
        .hides("team/private")
        .shows("Sign in");
    let seen = |token: &str| {
        let mut browser = site.browser();
        assert_eq!(browser.sign_in(token, "/").status, 303);
        let page = browser.get("/").ok();
        ["team/open", "team/internal", "team/private"].map(|path| page.html.contains(path))
    };
    assert_eq!(seen(&ada), [true, true, true]);
    assert_eq!(seen(&token(&forge, "bob", None)), [true, true, false]);
    assert_eq!(seen(&token(&forge, "ada", Some("team/private"))), [true, false, true]);
    site.browser().get("/team/open/-/ml/experiments").ok();
    assert_eq!(site.browser().get("/team/internal/-/ml/experiments").status, 404);
}

#[test]
fn many_projects_come_in_pages() {
    let directory = tempfile::tempdir().unwrap();
    let (forge, _) = forge(&directory);
    for number in 0..120 {
        forge
            .create_project(&format!("many/p{number:03}"), Visibility::Public)
            .unwrap();
    }
    let site = Site::with(|builder| builder.forge(forge as Arc<dyn Forge>));
    let first = site.browser().get("/").ok().shows("many/p000").hides("many/p119");
    let (_, after) = first.html.split_once("/?after=").unwrap();
    let after = after.split('"').next().unwrap();
    site.browser()
        .get(&format!("/?after={after}"))
        .ok()
        .shows("many/p119")
        .shows(">First<");
}

#[test]
fn a_project_of_a_forge_that_lists_none_is_opened_by_its_path() {
    let site = Site::new();
    let mut browser = site.browser();
    browser.get("/").ok().shows("Path of the project").shows("Sign in");
    let opened = browser.get("/?project=%20/group/one/%20");
    assert_eq!(address(&opened), EXPERIMENTS);
    for wrong in ["", "one", "../x", "a/-/b", "a//b", "a/b c", "a/<b>"] {
        let page = browser.get(&format!("/?project={}", encoded(wrong)));
        assert_eq!(page.status, 400, "{wrong}");
    }
}
