//! The first page with a forge elsewhere that lists the projects of a reader.

use std::sync::atomic::AtomicUsize;

use mlforge::forge::ProjectPage;

use super::*;

/// A forge with two projects of ada, one on a page, and with hostile names.
#[derive(Default)]
struct Listing {
    calls: AtomicUsize,
    is_empty: AtomicBool,
}

#[async_trait]
impl Forge for Listing {
    async fn resolve(&self, _: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        Ok(match credential.token() {
            Some("good") => Access::new(Actor::new("7", "ada"), Scope::Api, None).into(),
            _ => Decision::Unauthenticated,
        })
    }

    async fn projects(&self, credential: &Credential, after: &str) -> Result<Option<ProjectPage>, ForgeError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if credential.token().is_none() {
            return Ok(None);
        }
        let (id, path, next) = match after {
            "" => (1, "group/one", Some("a&b".to_owned())),
            "a&b" => (2, HOSTILE, None),
            other => panic!("{other}"),
        };
        let projects = if self.is_empty.load(Ordering::SeqCst) {
            Vec::new()
        } else {
            vec![Project::new(ProjectId(id), path, Visibility::Internal)]
        };
        let next = next.filter(|_| !projects.is_empty());
        Ok(Some(ProjectPage { projects, next }))
    }
}

fn site(forge: &Arc<Listing>) -> Site {
    let forge = Arc::clone(forge);
    Site::with(|builder| builder.forge(forge))
}

#[test]
fn the_projects_of_a_reader_come_in_pages_that_are_kept_for_a_minute() {
    let forge = Arc::new(Listing::default());
    let site = site(&forge);
    let mut browser = site.signed_in();
    for _ in 0..3 {
        let first = browser.get("/").ok().shows(EXPERIMENTS).shows("internal");
        first.shows("Path of the project").shows("href=\"/?after=a%26b\"");
    }
    assert_eq!(forge.calls.load(Ordering::SeqCst), 1);
    let second = browser.get("/?after=a%26b").ok().hides("group/one");
    second.hides("<script>alert").shows(">First<");
    assert_eq!(forge.calls.load(Ordering::SeqCst), 2);
    site.pass(61_000);
    browser.get("/").ok();
    assert_eq!(forge.calls.load(Ordering::SeqCst), 3);
}

#[test]
fn a_reader_of_no_project_opens_one_by_its_path() {
    let forge = Arc::new(Listing::default());
    forge.is_empty.store(true, Ordering::SeqCst);
    let site = site(&forge);
    let page = site
        .signed_in()
        .get("/")
        .ok()
        .shows("You are a member of no project yet.");
    page.shows("Path of the project").hides("mlforge project create");
    let page = site
        .browser()
        .get("/")
        .ok()
        .shows("The pages of the forge list the projects.");
    page.shows("Path of the project").shows("Sign in");
}
