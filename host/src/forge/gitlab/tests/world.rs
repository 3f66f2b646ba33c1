//! A GitLab with one project, some users and their tokens. It answers by the rules of GitLab's API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::header::{AUTHORIZATION, COOKIE};
use serde_json::{Value, json};

use super::stand_in::{Answer, Seen, StandIn};
use crate::forge::gitlab::{GitlabForge, GitlabOptions};
use crate::forge::id_token::signer::SigningKey;
use crate::forge::{Access, Credential, Decision, Forge as _, ForgeAddress, ForgeClient, ForgeError, ProjectRef};

pub(super) const PROJECT: u64 = 7;
pub(super) const PATH: &str = "team/model";
pub(super) const ADA: u64 = 3;
pub(super) const SERVICE: u64 = 1;
pub(super) const JOB: u64 = 55;
pub(super) const SHA: &str = "2293ada6b400935a1378653304eaf6221e0fdb8f";
pub(super) const SERVICE_TOKEN: &str = "glpat-service";
pub(super) const SECRET: &str = "hook-secret";
pub(super) const AUDIENCE: &str = "https://ml.example.org";

/// The kind of a token, as GitLab knows it.
#[derive(Clone)]
pub(super) enum Kind {
    Access(&'static [&'static str]),
    Oauth(&'static [&'static str]),
    Session,
    Job,
}

/// The state of the stand-in. Tests change it.
#[derive(Clone)]
pub(super) struct Facts {
    /// The tokens, each with its kind and its user.
    pub(super) tokens: BTreeMap<String, (Kind, u64)>,
    pub(super) visibility: &'static str,
    /// The access levels of the project's members, by user.
    pub(super) members: BTreeMap<u64, u32>,
    /// Users who are blocked.
    pub(super) blocked: Vec<u64>,
    /// Administrators.
    pub(super) admins: Vec<u64>,
    /// More fields of the project.
    pub(super) project: Value,
    /// More fields of a membership.
    pub(super) member: Value,
    /// The job's ref.
    pub(super) job_ref: &'static str,
    pub(super) merge_requests: Value,
    /// GitLab's public URL. `None`: that of the stand-in.
    pub(super) public_url: Option<String>,
    /// URL of the keys. `None`: the usual one below the public URL.
    pub(super) keys_url: Option<String>,
    pub(super) keys: Vec<Value>,
    /// Faults of requests whose target contains the text.
    pub(super) fault: Option<(&'static str, Fault)>,
}

/// A way to fail.
#[derive(Clone)]
pub(super) enum Fault {
    Status(u16, Vec<(&'static str, String)>),
    Text(&'static str),
    Bytes(usize),
    Silence,
    Stalled,
}

pub(super) struct World {
    pub(super) server: StandIn,
    pub(super) forge: GitlabForge,
    pub(super) facts: Arc<Mutex<Facts>>,
}

impl Facts {
    fn new() -> Self {
        let token = |text: &str, kind, user| (text.to_owned(), (kind, user));
        let tokens = [
            token("glpat-ada", Kind::Access(&["api"]), ADA),
            token("oauth-ada", Kind::Oauth(&["api", "openid"]), ADA),
            token("session-ada", Kind::Session, ADA),
            token("glcbt-ada", Kind::Job, ADA),
            token("job-ada", Kind::Job, ADA),
            token(SERVICE_TOKEN, Kind::Access(&["read_api"]), SERVICE),
        ];
        Self {
            tokens: tokens.into(),
            visibility: "private",
            members: [(ADA, 30)].into(),
            blocked: Vec::new(),
            admins: vec![SERVICE],
            project: json!({}),
            member: json!({}),
            job_ref: "main",
            merge_requests: json!([]),
            public_url: None,
            keys_url: None,
            keys: vec![SigningKey::first().jwk()],
            fault: None,
        }
    }
}

impl World {
    /// A GitLab, and an adapter with all settings.
    pub(super) async fn new() -> Self {
        Self::with(|_| ()).await
    }

    /// A GitLab, and an adapter whose settings are changed.
    pub(super) async fn with(change: impl FnOnce(&mut GitlabOptions)) -> Self {
        Self::with_timeout(Duration::from_secs(60), change).await
    }

    /// An adapter that gives GitLab this time for an answer.
    pub(super) async fn with_timeout(timeout: Duration, change: impl FnOnce(&mut GitlabOptions)) -> Self {
        let facts = Arc::new(Mutex::new(Facts::new()));
        let known = Arc::clone(&facts);
        let server = StandIn::start(move |seen| {
            let facts = known.lock().unwrap().clone();
            facts.answer(seen)
        })
        .await;
        let mut options = GitlabOptions {
            address: ForgeAddress {
                url: server.url().to_owned(),
                authorities: None,
            },
            service_token: Some(SERVICE_TOKEN.to_owned()),
            webhook_secret: Some(SECRET.to_owned()),
            audience: vec![AUDIENCE.to_owned()],
        };
        change(&mut options);
        let client = ForgeClient::with_timeout(&options.address, timeout).unwrap();
        let forge = GitlabForge::with_client(client, options).unwrap();
        Self { server, forge, facts }
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.lock().unwrap());
    }

    pub(super) async fn resolve(&self, credential: &Credential) -> Result<Decision, ForgeError> {
        self.forge.resolve(&ProjectRef::Id(PROJECT), credential).await
    }

    /// The access of a caller whose credential is valid.
    pub(super) async fn access(&self, credential: &Credential) -> Access {
        access(self.resolve(credential).await.unwrap())
    }

    pub(super) fn ada() -> Credential {
        Credential::Bearer("glpat-ada".into())
    }
}

pub(super) fn access(decision: Decision) -> Access {
    match decision {
        Decision::Known(access) => (*access).clone(),
        other => panic!("{other:?}"),
    }
}

impl Facts {
    fn answer(&self, seen: &Seen) -> Answer {
        if let Some((part, fault)) = &self.fault
            && seen.target.contains(part)
        {
            return fault.clone().answer();
        }
        let url = self
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", seen.headers["host"].to_str().unwrap()));
        match seen.target.as_str() {
            "/.well-known/openid-configuration" => {
                let keys_url = self
                    .keys_url
                    .clone()
                    .unwrap_or_else(|| format!("{url}/oauth/discovery/keys"));
                return Answer::json(200, &json!({"issuer": url, "jwks_uri": keys_url}));
            }
            "/oauth/discovery/keys" => return Answer::json(200, &json!({"keys": self.keys})),
            _ => (),
        }
        let is_project = ["/api/v4/projects/7", "/api/v4/projects/team%2Fmodel"].contains(&&*seen.target);
        if presented(seen).is_none() && is_project {
            // To strangers GitLab tells no visibility and no switches of features.
            return match self.visibility {
                "public" => Answer::json(200, &json!({"id": PROJECT, "path_with_namespace": PATH})),
                _ => not_found(),
            };
        }
        let known = presented(seen).and_then(|token| self.tokens.get(&token).cloned());
        let Some((kind, user)) = known else {
            return unauthorized();
        };
        if self.blocked.contains(&user) {
            return Answer::json(
                403,
                &json!({"message": "403 Forbidden - Your account has been blocked."}),
            );
        }
        self.answer_user(&seen.target, &kind, user, &url)
    }

    fn answer_user(&self, target: &str, kind: &Kind, user: u64, url: &str) -> Answer {
        match (target, kind) {
            ("/oauth/token/info", Kind::Oauth(scopes)) => {
                return Answer::json(
                    200,
                    &json!({"resource_owner_id": user, "scope": scopes, "expires_in": 7000}),
                );
            }
            ("/oauth/token/info", _) => return unauthorized(),
            ("/api/v4/personal_access_tokens/self", Kind::Access(scopes)) => {
                return Answer::json(
                    200,
                    &json!({"id": 40, "scopes": scopes, "user_id": user, "active": true}),
                );
            }
            ("/api/v4/personal_access_tokens/self", _) => {
                return Answer::json(400, &json!({"message": "400 Bad request"}));
            }
            ("/api/v4/job", Kind::Job) => return Answer::json(200, &self.job(user, url)),
            (_, Kind::Job) | ("/api/v4/job", _) => return not_found(),
            _ => (),
        }
        if let Kind::Access(scopes) | Kind::Oauth(scopes) = kind {
            let permits = |scope: &&str| match *scope {
                "api" => true,
                "read_api" => !target.contains("/statuses/"),
                scope => scope == "read_user" && target == "/api/v4/user",
            };
            if !scopes.iter().any(permits) {
                return Answer::json(403, &json!({"error": "insufficient_scope", "scope": "api read_api"}));
            }
        }
        self.answer_api(target, user, url)
    }

    fn answer_api(&self, target: &str, user: u64, url: &str) -> Answer {
        let path = target.strip_prefix("/api/v4/").unwrap();
        let sees = self.visibility != "private" || self.members.contains_key(&user) || self.admins.contains(&user);
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["user"] => Answer::json(200, &self.user(user, url)),
            ["version"] => Answer::json(200, &json!({"version": "18.1.0-ee"})),
            // The project's former path.
            ["projects", "team%2Fold"] => Answer::Whole(
                301,
                vec![("location", format!("/api/v4/projects/{PROJECT}"))],
                Vec::new(),
            ),
            [list] if list.starts_with("projects?membership=true&order_by=id&sort=asc&id_after=") => {
                let is_before = list.contains("id_after=6&") || list.contains("id_after=0&");
                let is_listed = self.members.contains_key(&user) && is_before;
                let projects: Vec<Value> = is_listed.then(|| self.project(url)).into_iter().collect();
                Answer::json(200, &projects.into())
            }
            ["projects", "7" | "team%2Fmodel"] if sees => Answer::json(200, &self.project(url)),
            ["projects", "7", "members", "all", id] if sees => self.member(id.parse().unwrap()),
            ["projects", "7", "statuses", SHA] if sees => Answer::json(201, &json!({"id": 93, "sha": SHA})),
            ["projects", "7", "statuses", _] if sees => Answer::json(404, &json!({"message": "404 Commit Not Found"})),
            ["projects", "7", "jobs", "55"] if sees => Answer::json(200, &self.job(ADA, url)),
            ["projects", "7", "repository", "commits", SHA, "merge_requests"] if sees => {
                Answer::json(200, &self.merge_requests)
            }
            _ => not_found(),
        }
    }

    fn user(&self, id: u64, url: &str) -> Value {
        let login = if id == ADA { "ada" } else { "service" };
        let mut user = json!({"id": id, "username": login, "name": "Ada L.", "web_url": format!("{url}/{login}")});
        if self.admins.contains(&id) {
            user["is_admin"] = true.into();
        }
        user
    }

    fn project(&self, url: &str) -> Value {
        let mut project = json!({
            "id": PROJECT, "path_with_namespace": PATH, "visibility": self.visibility,
            "web_url": format!("{url}/{PATH}"), "permissions": {"project_access": null, "group_access": null},
        });
        for (name, value) in self.project.as_object().unwrap() {
            project[name] = value.clone();
        }
        project
    }

    fn member(&self, id: u64) -> Answer {
        let Some(level) = self.members.get(&id) else {
            return not_found();
        };
        let mut member = self.member.clone();
        member["access_level"] = (*level).into();
        Answer::json(200, &member)
    }

    fn job(&self, user: u64, url: &str) -> Value {
        json!({
            "id": JOB, "name": "train", "status": "running", "ref": self.job_ref,
            "web_url": format!("{url}/{PATH}/-/jobs/{JOB}"),
            "user": self.user(user, url),
            "commit": {"id": SHA, "title": "Train"},
            "pipeline": {"id": 9, "project_id": PROJECT, "web_url": format!("{url}/{PATH}/-/pipelines/9")},
        })
    }
}

impl Fault {
    fn answer(self) -> Answer {
        match self {
            Self::Status(status, headers) => Answer::Whole(status, headers, Vec::new()),
            Self::Text(text) => Answer::Whole(200, Vec::new(), text.into()),
            Self::Bytes(length) => Answer::Whole(200, Vec::new(), vec![b' '; length]),
            Self::Silence => Answer::Silence,
            Self::Stalled => Answer::Stalled,
        }
    }
}

/// The token of a request, whichever header it is in.
fn presented(seen: &Seen) -> Option<String> {
    let header = |name: &str| seen.headers.get(name).map(|value| value.to_str().unwrap());
    let bearer = header(AUTHORIZATION.as_str()).and_then(|value| value.strip_prefix("Bearer "));
    let session = header(COOKIE.as_str()).and_then(|value| value.strip_prefix("_gitlab_session="));
    let token = bearer
        .or(session)
        .or_else(|| header("private-token"))
        .or_else(|| header("job-token"));
    token.map(str::to_owned)
}

fn unauthorized() -> Answer {
    Answer::json(401, &json!({"message": "401 Unauthorized"}))
}

fn not_found() -> Answer {
    Answer::json(404, &json!({"message": "404 Not found"}))
}
