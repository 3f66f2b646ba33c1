//! Readers whom a forge signs in with its own cookie, and names within a project only.

use super::*;

/// A forge as `http` is: it answers about a project only, and takes the cookie `forge`.
struct Unnaming;

#[async_trait]
impl Forge for Unnaming {
    async fn resolve(&self, named: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        if *credential != Credential::Cookie("good".into()) {
            return Ok(Decision::Unauthenticated);
        }
        Ok(match project(named, Visibility::Private) {
            Some(project) => Access::new(Actor::new("7", "ada"), Scope::Api, Some((project, Role::Developer))).into(),
            None => Decision::ProjectNotFound,
        })
    }

    fn session_cookie(&self) -> Option<&str> {
        Some("forge")
    }
}

#[test]
fn the_pages_of_the_server_say_that_they_cannot_know_the_reader() {
    let site = Site::with(|builder| builder.forge(Arc::new(Unnaming)));
    let mut browser = site.browser();
    browser.cookies.insert("forge".to_owned(), "good".to_owned());
    browser.get(EXPERIMENTS).ok().shows("<bdi>ada</bdi>");
    let told = "The forge tells who you are only within a project";
    browser.get("/-/account").ok().shows(told);
    let page = browser.get("/").ok().shows(told);
    page.shows("The pages of the forge list the projects.")
        .shows("Path of the project");
    let mut stranger = site.browser();
    stranger.get("/").ok().hides(told);
    assert!(address(&stranger.get("/-/account")).starts_with("/-/sign-in"));
}
