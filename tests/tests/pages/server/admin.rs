//! The pages on which administrators of the server make users and projects, and read who changed what.

use mlforge::forge::local::ChangeFilter;

use super::local::token;
use super::manage::Managed;
use super::*;

const PAGES: [&str; 3] = ["/-/users", "/-/projects", "/-/changes"];

/// A server of which ada is an administrator.
fn administered() -> Managed {
    let managed = Managed::new();
    managed.forge.set_admin("ada", true).unwrap();
    managed
}

/// The changes of the log, the newest first: author, action, object and detail.
fn changes(managed: &Managed) -> Vec<[String; 4]> {
    let listed = managed.forge.list_changes(&ChangeFilter::default(), None).unwrap();
    let facts = listed
        .into_iter()
        .map(|change| [change.author.login, change.action, change.object, change.detail]);
    facts.collect()
}

#[test]
fn only_an_administrator_sees_the_pages_of_the_server() {
    let managed = Managed::new();
    let mut ada = managed.browser(&managed.ada);
    ada.get("/-/account").ok().hides("/-/users");
    let refused = |browser: &mut Browser<'_>, status| {
        for path in PAGES {
            assert_eq!(browser.get(path).status, status, "{path}");
        }
    };
    refused(&mut ada, 403);
    for path in ["/-/users", "/-/projects"] {
        assert_eq!(
            ada.submit(path, &[("login", "eve"), ("visibility", "public")]).status,
            403
        );
    }
    managed.forge.set_admin("ADA", true).unwrap();
    let account = ada.get("/-/account").ok();
    for path in PAGES {
        assert!(account.html.contains(&format!("\"{path}\"")), "{path}");
        ada.get(path).ok();
    }
    // A token that is limited to a project is no administrator.
    let narrow = token(&managed.forge, "ada", Some("team/private"));
    refused(&mut managed.browser(&narrow), 403);
    managed.forge.set_admin("ada", false).unwrap();
    refused(&mut ada, 403);
    for path in PAGES {
        assert!(address(&managed.site.browser().get(path)).starts_with("/-/sign-in?next="));
        assert_eq!(Site::new().signed_in().get(path).status, 404, "{path}");
    }
}

#[test]
fn a_new_user_gets_a_first_token_that_is_shown_once() {
    let managed = administered();
    let mut admin = managed.browser(&managed.ada);
    let page = admin.submit("/-/users", &[("login", "eve")]).ok();
    assert_eq!(page.header("cache-control"), "no-store");
    let (_, after) = page
        .html
        .split_once("<pre class=\"code copy\" tabindex=\"0\">")
        .expect("a token");
    let first = after.split('<').next().unwrap().to_owned();
    managed.browser(&first).get("/-/tokens").ok();
    admin.get("/-/users").ok().shows("<bdi>eve</bdi>").hides(&first);
    for (login, told) in [
        ("Eve", "A user Eve exists already."),
        (HOSTILE, "is not allowed"),
        ("", "is not allowed"),
    ] {
        let page = admin.submit("/-/users", &[("login", login)]);
        assert_eq!(page.status, 400, "{login}");
        page.shows(told).shows("aria-invalid").hides("<script>alert");
    }
    assert_eq!(admin.post("/-/users", &[("login", "mallory")]).status, 403);
    assert_eq!(managed.forge.list_users(0).unwrap().len(), 3);
}

#[test]
fn a_new_project_gets_an_owner_and_its_maker_no_right() {
    let managed = administered();
    let mut admin = managed.browser(&managed.ada);
    admin
        .get("/-/projects")
        .ok()
        .shows("team/private")
        .shows("value=\"ada\"");
    let fields = [("path", "team/new"), ("owner", "bob"), ("visibility", "private")];
    let made = admin.submit("/-/projects", &fields);
    admin.get(&address(&made)).ok().shows("team/new").hides("team/open");
    assert_eq!(admin.get("/team/new/-/ml/experiments").status, 404);
    let bob = token(&managed.forge, "bob", None);
    managed.browser(&bob).get("/-/members?project=team%2Fnew").ok();
    for (path, owner, told) in [
        ("Team/New", "bob", "A project Team/New exists already."),
        ("one//two", "bob", "is not allowed"),
        (HOSTILE, "bob", "is not allowed"),
        ("team/other", "nobody", "No user is called nobody."),
    ] {
        let page = admin.submit(
            "/-/projects",
            &[("path", path), ("owner", owner), ("visibility", "public")],
        );
        assert_eq!(page.status, 400, "{path}");
        page.shows(told).hides("<script>alert");
    }
    let projects = managed.forge.list_projects(ProjectId(0)).unwrap();
    assert_eq!(projects.len(), 4);
}

#[test]
fn changes_on_pages_and_by_commands_are_in_the_log() {
    let managed = administered();
    let mut ada = managed.browser(&managed.ada);
    let project = ("project", "team/private");
    ada.submit("/-/members", &[project, ("user", "BOB"), ("role", "developer")]);
    ada.submit("/-/members", &[project, ("visibility", "internal")]);
    ada.submit("/-/members", &[project, ("user", "bob"), ("role", "none")]);
    // None of these changes something.
    ada.submit("/-/members", &[project, ("user", "bob"), ("role", "none")]);
    ada.submit("/-/members", &[project, ("user", "nobody"), ("role", "guest")]);
    ada.submit("/-/tokens/revoke", &[("id", "4711")]);
    let made = changes(&managed);
    let expected = [
        ["ada", "members/remove", "team/private", "bob"],
        ["ada", "projects/set-visibility", "team/private", "internal"],
        ["ada", "members/set", "team/private", "bob: developer"],
        ["", "users/make-admin", "ada", ""],
    ];
    assert_eq!(made[..4], expected.map(|facts| facts.map(str::to_owned)));
    let page = ada.get("/-/changes").ok();
    assert_eq!(page.header("cache-control"), "no-store");
    let page = page
        .shows("command line")
        .shows("bob: developer")
        .shows("users/make-admin");
    page.hides(&managed.ada).shows(&managed.ada[..12]);
    let filtered = ada.get("/-/changes?actor=ADA&object=team%2Fprivate").ok();
    filtered
        .shows("members/remove")
        .hides("command line")
        .hides("users/create");
    ada.get(&format!("/-/changes?action={0}&object={0}", encoded(HOSTILE)))
        .ok()
        .shows("No change is recorded.")
        .hides("<script>alert");
}

#[test]
fn a_long_log_of_changes_has_pages() {
    let managed = administered();
    for number in 0..60 {
        managed.forge.create_user(&format!("user{number}")).unwrap();
    }
    let mut ada = managed.browser(&managed.ada);
    let first = ada.get("/-/changes?action=users/create").ok();
    let first = first.shows("user59").hides("<bdi>user9</bdi>").hides(">First<");
    let (_, after) = first.html.split_once("before=").expect("a next page");
    let before = after.split('"').next().unwrap();
    let second = ada.get(&format!("/-/changes?action=users/create&before={before}")).ok();
    second.shows("<bdi>user9</bdi>").hides("user59").shows(">First<");
}
