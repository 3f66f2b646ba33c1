//! The server's own pages: sign-in, sessions, the account, and errors for people.

mod admin;
mod errors;
mod listed;
mod local;
mod manage;
mod mlflow_ui;
mod oauth;
mod provider;
mod public;
mod remembered;
mod security;
mod sessions;
mod unnamed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeError, Project, ProjectRef, Role, Scope, Visibility,
};
use mlforge::storage::ProjectId;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::{Host, HostBuilder};
use mlforge_tests::tracker::plugin;
use mlforge_ui::link::encoded;

use super::{HOSTILE, Page};

const NOW_MS: u64 = 1_700_000_000_000;
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// The page of the project that the forge has.
const EXPERIMENTS: &str = "/group/one/-/ml/experiments";

/// The state of the forge and of the clock, which a test changes.
#[derive(Default)]
struct State {
    /// The tokens that work. All are of the developer `ada`.
    tokens: Mutex<BTreeSet<String>>,
    is_public: AtomicBool,
    is_down: AtomicBool,
    passed_ms: AtomicU64,
}

/// A forge with the project 1, `group/one`.
struct OneProject(Arc<State>);

fn project(named: &ProjectRef, visibility: Visibility) -> Option<Project> {
    let is_it = *named == ProjectRef::Id(1) || *named == ProjectRef::Path("group/one".into());
    is_it.then(|| Project::new(ProjectId(1), "group/one", visibility))
}

#[async_trait]
impl Forge for OneProject {
    async fn resolve(&self, named: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        if self.0.is_down.load(Ordering::SeqCst) {
            return Err(ForgeError::new("unplugged"));
        }
        let is_known = |token: &str| self.0.tokens.lock().unwrap().contains(token);
        if credential.token() == Some("narrow") {
            let required = "read_api".to_owned();
            return Ok(Decision::InsufficientScope { required });
        }
        if !credential.token().is_some_and(is_known) {
            return Ok(Decision::Unauthenticated);
        }
        let member = project(named, Visibility::Private).map(|project| (project, Role::Developer));
        Ok(Access::new(Actor::new("7", "ada"), Scope::Api, member).into())
    }

    async fn public_project(&self, named: &ProjectRef) -> Result<Option<Project>, ForgeError> {
        if self.0.is_down.load(Ordering::SeqCst) {
            return Err(ForgeError::new("unplugged"));
        }
        let is_public = self.0.is_public.load(Ordering::SeqCst);
        Ok(project(named, Visibility::Public).filter(|_| is_public))
    }

    fn is_cached(&self) -> bool {
        false
    }
}

/// A server at `http://ml.test`.
struct Site {
    host: Host,
    state: Arc<State>,
    runtime: tokio::runtime::Runtime,
}

impl Site {
    fn new() -> Self {
        Self::with(|builder| builder)
    }

    fn with(set: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        let state = Arc::new(State::default());
        state.tokens.lock().unwrap().insert("good".to_owned());
        let clock = Arc::clone(&state);
        let builder = Host::builder()
            .plugin(plugin())
            .records(Arc::new(MemoryRecords::new()))
            .blobs(Arc::new(MemoryBlobs::new()))
            .forge(Arc::new(OneProject(Arc::clone(&state))))
            .external_url("http://ml.test")
            .background_maintenance(false)
            .clock(move || {
                let now_ms = NOW_MS + clock.passed_ms.load(Ordering::SeqCst);
                SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms)
            });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        Self {
            host: set(builder).build().expect("a host"),
            state,
            runtime,
        }
    }

    fn pass(&self, ms: u64) {
        self.state.passed_ms.fetch_add(ms, Ordering::SeqCst);
    }

    fn revoke(&self, token: &str) {
        self.state.tokens.lock().unwrap().remove(token);
    }

    fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            cookies: BTreeMap::new(),
            host: "ml.test",
            headers: Vec::new(),
        }
    }

    /// A browser that has signed in.
    fn signed_in(&self) -> Browser<'_> {
        let mut browser = self.browser();
        assert_eq!(browser.sign_in("good", "/").status, 303);
        browser
    }
}

/// A browser, which keeps cookies.
#[derive(Clone)]
struct Browser<'a> {
    site: &'a Site,
    cookies: BTreeMap<String, String>,
    host: &'static str,
    headers: Vec<(&'static str, &'static str)>,
}

impl Browser<'_> {
    fn get(&mut self, path: &str) -> Page {
        self.send("GET", path, String::new())
    }

    fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let pairs = fields
            .iter()
            .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
        self.send("POST", path, pairs.collect::<Vec<_>>().join("&"))
    }

    fn send(&mut self, method: &str, path: &str, body: String) -> Page {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.host)
            .header("accept", "text/html,*/*;q=0.8")
            .header("user-agent", "Browser 1")
            .header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            request = request.header("cookie", pairs.collect::<Vec<_>>().join("; "));
        }
        let request = request.body(Full::new(Bytes::from(body))).expect("a request");
        let file = self.site.runtime.block_on(async {
            let (head, body) = self.site.host.handle(request).await.into_parts();
            mlforge_tests::tracker::File {
                status: head.status.as_u16(),
                headers: head.headers,
                bytes: body.collect().await.expect("a whole answer").to_bytes(),
            }
        });
        self.keep_cookies(&file.headers);
        Page::of(file)
    }

    fn keep_cookies(&mut self, headers: &http::HeaderMap) {
        for cookie in headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Opens the page to sign in, and posts its form with a token.
    fn sign_in(&mut self, token: &str, next: &str) -> Page {
        let form = self.get(&format!("/-/sign-in?next={}", encoded(next)));
        let form_token = form.form_token();
        self.post(
            "/-/sign-in",
            &[("form_token", &form_token), ("token", token), ("next", next)],
        )
    }

    /// Posts a form of the account's page.
    fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let form_token = self.get("/-/account").ok().form_token();
        let own = ("form_token", form_token.as_str());
        let fields: Vec<_> = std::iter::once(own).chain(fields.iter().copied()).collect();
        self.post(path, &fields)
    }

    fn session(&self) -> String {
        self.cookies.get("mlforge-session").cloned().unwrap_or_default()
    }

    fn is_signed_in(&mut self) -> bool {
        self.get("/-/account").status == 200
    }
}

/// The address to which an answer leads.
#[track_caller]
fn address(page: &Page) -> String {
    assert_eq!(page.status, 303, "{}", page.html);
    page.header("location").to_owned()
}
