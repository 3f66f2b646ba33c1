//! The pages on which users of the server manage their tokens and the projects that they own.

use mlforge::forge::local::{LocalForge, NewToken};
use mlforge::storage::PerProject;
use mlforge::{Limits, ProjectMaxima};

use super::local::{forge, token};
use super::*;

const MEMBERS: &str = "/-/members?project=team%2Fprivate";

/// A server with the local forge, and a token of ada, who owns `team/private`.
pub(super) struct Managed {
    pub(super) site: Site,
    pub(super) forge: Arc<LocalForge>,
    pub(super) ada: String,
    _directory: tempfile::TempDir,
}

impl Managed {
    pub(super) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(super) fn with(set: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (forge, ada) = forge(&directory);
        let shared = Arc::clone(&forge);
        Self {
            site: Site::with(|builder| set(builder.local_forge(shared))),
            forge,
            ada,
            _directory: directory,
        }
    }

    pub(super) fn browser(&self, token: &str) -> Browser<'_> {
        let mut browser = self.site.browser();
        assert_eq!(browser.sign_in(token, "/").status, 303);
        browser
    }
}

#[test]
fn a_token_is_made_shown_once_and_revoked() {
    let managed = Managed::new();
    let mut browser = managed.browser(&managed.ada);
    let fields = [("scope", "read_api"), ("project", "team/private"), ("days", "30")];
    let page = browser.submit("/-/tokens", &fields).ok();
    assert_eq!(page.header("cache-control"), "no-store");
    let (_, after) = page
        .html
        .split_once("<pre class=\"code copy\" tabindex=\"0\">")
        .expect("the token");
    let made = after.split('<').next().unwrap().to_owned();
    assert!(managed.browser(&made).is_signed_in());
    let page = browser
        .get("/-/tokens")
        .ok()
        .hides(&made)
        .shows(&made[..12])
        .shows("team/private");
    let (_, after) = page.html.split_once("name=\"id\" value=\"").expect("a form");
    let id = after.split('"').next().unwrap();
    // Nobody revokes a token of somebody else.
    let bob = token(&managed.forge, "bob", None);
    managed.browser(&bob).submit("/-/tokens/revoke", &[("id", id)]);
    assert!(managed.browser(&made).is_signed_in());
    assert_eq!(address(&browser.submit("/-/tokens/revoke", &[("id", id)])), "/-/tokens");
    assert_eq!(managed.site.browser().sign_in(&made, "/").status, 400);
}

#[test]
fn a_wrong_wish_for_a_token_makes_none() {
    let managed = Managed::new();
    let mut browser = managed.browser(&managed.ada);
    for fields in [
        [("scope", "api"), ("project", "team/none"), ("days", "")],
        [("scope", "api"), ("project", ""), ("days", "0")],
        [("scope", "api"), ("project", ""), ("days", "soon")],
    ] {
        let page = browser.submit("/-/tokens", &fields);
        assert_eq!(page.status, 400, "{fields:?}");
        page.shows("role=\"alert\"");
    }
    assert_eq!(managed.forge.list_tokens_of("ada").unwrap().len(), 1);
}

#[test]
fn a_project_that_is_hidden_is_as_one_that_does_not_exist() {
    let managed = Managed::new();
    let bob = token(&managed.forge, "bob", None);
    let mut browser = managed.browser(&bob);
    for project in ["team/private", "team/none"] {
        let page = browser.submit("/-/tokens", &[("project", project)]);
        assert_eq!(page.status, 400, "{project}");
        page.shows(&format!("You see no project {project}."));
    }
}

#[test]
fn a_token_makes_none_that_may_more_than_itself() {
    let managed = Managed::new();
    let reading = managed.forge.create_token(&NewToken {
        user: "ada".into(),
        project: None,
        scope: Scope::ReadApi,
        expires: None,
    });
    let narrow = token(&managed.forge, "ada", Some("team/private"));
    for limited in [reading.unwrap(), narrow] {
        let mut browser = managed.browser(&limited);
        for path in ["/-/tokens", MEMBERS] {
            assert_eq!(browser.get(path).status, 403, "{path}");
        }
        assert_eq!(browser.submit("/-/tokens", &[("scope", "api")]).status, 403);
    }
}

#[test]
fn an_owner_sets_roles_and_visibility() {
    let managed = Managed::new();
    let mut owner = managed.browser(&managed.ada);
    owner.get("/-/account").ok().shows(MEMBERS);
    owner.get(MEMBERS).ok().shows("<bdi>ada</bdi>").hides("<bdi>bob</bdi>");
    let project = ("project", "team/private");
    let bob = token(&managed.forge, "bob", None);
    let sees = || managed.browser(&bob).get("/team/private/-/ml/experiments").status;
    assert_eq!(sees(), 404);
    let page = owner.submit("/-/members", &[project, ("user", "bob"), ("role", "developer")]);
    assert_eq!(address(&page), MEMBERS);
    assert_eq!(sees(), 200);
    owner.submit("/-/members", &[project, ("user", "bob"), ("role", "none")]);
    assert_eq!(sees(), 404);
    owner.submit("/-/members", &[project, ("visibility", "public")]);
    assert_eq!(managed.site.browser().get("/team/private/-/ml/experiments").status, 200);
    let page = owner.submit("/-/members", &[project, ("user", "<eve>"), ("role", "guest")]);
    assert_eq!(page.status, 400);
    page.shows("&lt;eve&gt;");
}

#[test]
fn only_an_owner_manages_a_project_and_never_their_own_role() {
    let managed = Managed::new();
    let project = ProjectRef::from("team/private");
    managed.forge.set_member(&project, "bob", Role::Maintainer).unwrap();
    let bob = token(&managed.forge, "bob", None);
    let mut maintainer = managed.browser(&bob);
    assert_eq!(maintainer.get(MEMBERS).status, 403);
    let grab = [("project", "team/private"), ("user", "eve"), ("role", "owner")];
    assert_eq!(maintainer.submit("/-/members", &grab).status, 403);
    assert_eq!(maintainer.get("/-/members?project=team%2Fnone").status, 404);
    let mut owner = managed.browser(&managed.ada);
    for role in ["guest", "none"] {
        let own = [("project", "team/private"), ("user", "ADA"), ("role", role)];
        assert_eq!(owner.submit("/-/members", &own).status, 403, "{role}");
    }
    // A form of another site has not the token.
    assert_eq!(
        owner
            .post("/-/members", &[("project", "team/private"), ("visibility", "public")])
            .status,
        403
    );
    assert_eq!(managed.site.browser().get("/team/private/-/ml/experiments").status, 404);
}

#[test]
fn somebody_who_is_not_signed_in_is_led_to_sign_in_and_other_forges_have_no_such_pages() {
    let managed = Managed::new();
    let page = managed.site.browser().get("/-/tokens");
    assert_eq!(address(&page), "/-/sign-in?next=%2F-%2Ftokens");
    for path in ["/-/tokens", MEMBERS] {
        assert_eq!(Site::new().signed_in().get(path).status, 404, "{path}");
    }
}

#[test]
fn the_last_use_of_a_token_is_shown() {
    let managed = Managed::new();
    let unused = token(&managed.forge, "ada", None);
    let page = managed.browser(&managed.ada).get("/-/tokens").ok();
    let row = |start: &str| {
        let (_, after) = page.html.split_once(start).expect("a row");
        after.split("</tr>").next().unwrap().to_owned()
    };
    assert!(row(&managed.ada[..12]).contains("<time"), "{}", page.html);
    assert!(!row(&unused[..12]).contains("<time"), "{}", page.html);
}

#[test]
fn the_storage_of_a_project_is_counted_in_the_background() {
    let managed = Managed::with(|builder| {
        builder.limits(Limits {
            project_maxima: PerProject::all(ProjectMaxima {
                bytes: 1 << 30,
                ..ProjectMaxima::NONE
            }),
            ..Limits::default()
        })
    });
    let mut owner = managed.browser(&managed.ada);
    owner.submit("/team/private/-/ml/experiments", &[("name", "counted")]);
    let mut page = owner.get(MEMBERS).ok();
    for _ in 0..10_000 {
        if !page.html.contains("being counted") {
            break;
        }
        page = owner.get(MEMBERS).ok();
    }
    let (_, records) = page.html.split_once("<dt>Records</dt><dd>").expect("a size");
    assert!(!records.starts_with("0 B"), "{records}");
    page.shows("<dd>0 B of 1.1 GB</dd>").shows("counted <time");
}
