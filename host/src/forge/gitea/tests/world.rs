//! The users, tokens and repositories of a stand-in, and its answers, in the order in which Gitea checks a request.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Value, json};

use super::stand_in::{Reply, Seen};

/// The user to whom the tokens of the tests belong.
pub(super) const ADA: i64 = 7;
/// The user that Actions jobs are.
pub(super) const ACTIONS: i64 = -2;
/// A token with all scopes.
pub(super) const TOKEN: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// A forge.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// True since Gitea 1.27.
    pub(super) has_token_endpoint: bool,
    pub(super) is_gogs: bool,
    pub(super) tokens: HashMap<String, Token>,
    pub(super) repositories: Vec<Repository>,
    /// The paths that renamed repositories left behind, and their new ones.
    pub(super) renamed: HashMap<&'static str, &'static str>,
    /// More answers, by path.
    pub(super) others: HashMap<String, Reply>,
}

/// A credential, by the text that is sent as token or password.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) user: i64,
    /// `None`: a password or an OAuth token, which has no scopes, or the token of a job.
    pub(super) scopes: Option<Vec<&'static str>>,
}

#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) id: u64,
    pub(super) path: &'static str,
    pub(super) owner: i64,
    pub(super) private: bool,
    pub(super) internal: bool,
    pub(super) archived: bool,
    /// `admin`, `push` or `pull`, by user.
    pub(super) rights: HashMap<i64, &'static str>,
}

impl World {
    /// A forge with the private repository `team/model`, number 5, to which user Ada may push.
    pub(super) fn new() -> Self {
        let model = Repository {
            id: 5,
            path: "team/model",
            owner: 1,
            private: true,
            internal: false,
            archived: false,
            rights: HashMap::from([(ADA, "push")]),
        };
        let mut world = Self {
            has_token_endpoint: true,
            is_gogs: false,
            tokens: HashMap::new(),
            repositories: vec![model],
            renamed: HashMap::new(),
            others: HashMap::new(),
        };
        world.add_token(TOKEN, ADA, &["all"]);
        world
    }

    pub(super) fn add_token(&mut self, text: &str, user: i64, scopes: &[&'static str]) {
        let scopes = Some(scopes.to_vec());
        self.tokens.insert(text.to_owned(), Token { user, scopes });
    }

    pub(super) fn add_password(&mut self, text: &str, user: i64) {
        self.tokens.insert(text.to_owned(), Token { user, scopes: None });
    }

    pub(super) fn model(&mut self) -> &mut Repository {
        &mut self.repositories[0]
    }

    pub(super) fn answer(&self, seen: &Seen) -> Reply {
        if let Some(reply) = self.others.get(&seen.path) {
            return reply.clone();
        }
        let path = seen.path.strip_prefix("/api/v1/").unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        let (token, is_bearer) = match self.authenticate(seen.authorization.as_deref()) {
            Ok(Some((token, is_bearer))) => (Some(token), is_bearer),
            Ok(None) => (None, false),
            // Gogs takes a wrong token for no token.
            Err(()) if self.is_gogs => (None, false),
            Err(()) => return message(401, "user does not exist"),
        };
        match (&seen.method, segments.as_slice()) {
            (&Method::GET, ["version"]) if !self.is_gogs => Reply::Json(200, json!({"version": "1.27.0"})),
            (&Method::GET, ["token"]) if self.has_token_endpoint => self.token(token.filter(|_| is_bearer)),
            (&Method::GET, ["user"]) => self.user(token),
            (&Method::GET, ["repositories", id]) if !self.is_gogs => {
                let found = self
                    .repositories
                    .iter()
                    .find(|repository| repository.id.to_string() == *id);
                // Such requests ignore the rights of a job.
                self.repository(found, token.filter(|token| token.user > 0))
            }
            (&Method::GET, ["repos", owner, name]) => {
                let path = format!("{owner}/{name}");
                let found = self.find(&path);
                match self.renamed.get(path.as_str()).filter(|_| found.is_none()) {
                    Some(new) => Reply::Redirect(format!("/api/v1/repos/{new}")),
                    None => self.repository(found, token),
                }
            }
            (&Method::POST, ["repos", owner, name, "statuses", _]) => {
                self.set_status(&format!("{owner}/{name}"), token, seen)
            }
            _ => message(404, "not found"),
        }
    }

    /// The token, and whether it came as a bearer's. `Err`: it is unknown.
    fn authenticate(&self, header: Option<&str>) -> Result<Option<(&Token, bool)>, ()> {
        let Some(header) = header else { return Ok(None) };
        let (scheme, text) = header.split_once(' ').ok_or(())?;
        let text = match scheme {
            "Basic" => {
                let decoded = String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
                let (user, password) = decoded.split_once(':').unwrap();
                if password.is_empty() {
                    user.to_owned()
                } else {
                    password.to_owned()
                }
            }
            "Bearer" if self.is_gogs => return Err(()),
            _ => text.to_owned(),
        };
        self.tokens
            .get(&text)
            .map(|token| Some((token, scheme != "Basic")))
            .ok_or(())
    }

    fn find(&self, path: &str) -> Option<&Repository> {
        self.repositories
            .iter()
            .find(|repository| repository.path.eq_ignore_ascii_case(path))
    }

    fn token(&self, token: Option<&Token>) -> Reply {
        match token {
            Some(Token {
                user,
                scopes: Some(scopes),
            }) => Reply::Json(
                200,
                json!({"id": 31, "name": "training", "scopes": scopes, "user": {"id": user, "login": "ada"}}),
            ),
            _ => message(404, "token not found"),
        }
    }

    fn user(&self, token: Option<&Token>) -> Reply {
        match token {
            None => message(401, "token is required"),
            Some(token) if !token.has("user", "read") => message(403, &lack("read:user")),
            Some(token) if token.user == ACTIONS => {
                Reply::Json(200, json!({"id": ACTIONS, "login": "gitea-actions", "full_name": ""}))
            }
            Some(token) => Reply::Json(
                200,
                json!({"id": token.user, "login": "ada", "full_name": "Ada Lovelace"}),
            ),
        }
    }

    fn repository(&self, repository: Option<&Repository>, token: Option<&Token>) -> Reply {
        if token.is_some_and(|token| !token.has("repository", "read")) {
            return message(403, &lack("read:repository"));
        }
        let Some(repository) = repository else {
            return message(404, "not found");
        };
        if repository.private && token.is_some_and(Token::is_public_only) {
            return message(403, "token scope is limited to public repos");
        }
        let right = token.and_then(|token| repository.rights.get(&token.user).copied());
        if repository.private && right.is_none() {
            return message(404, "not found");
        }
        Reply::Json(200, repository.json(right.unwrap_or("pull")))
    }

    fn set_status(&self, path: &str, token: Option<&Token>, seen: &Seen) -> Reply {
        let Some(token) = token else {
            return message(401, "token is required");
        };
        if !token.has("repository", "write") {
            return message(403, &lack("write:repository"));
        }
        let right = self
            .find(path)
            .and_then(|repository| repository.rights.get(&token.user));
        match right {
            None => return message(404, "not found"),
            Some(&"pull") => return message(403, "user should have a permission to write to a repo"),
            Some(_) => {}
        }
        match serde_json::from_slice(&seen.body) {
            Ok(Value::Object(_)) => message(201, "a status was set"),
            _ => message(422, "Deserialization"),
        }
    }
}

impl Token {
    fn has(&self, category: &str, level: &str) -> bool {
        let Some(scopes) = &self.scopes else { return true };
        scopes.iter().any(|scope| {
            *scope == "all"
                || *scope == format!("write:{category}")
                || (level == "read" && *scope == format!("read:{category}"))
        })
    }

    fn is_public_only(&self) -> bool {
        self.scopes
            .as_ref()
            .is_some_and(|scopes| scopes.contains(&"public-only"))
    }
}

impl Repository {
    fn json(&self, right: &str) -> Value {
        let may_push = matches!(right, "admin" | "push");
        json!({
            "id": self.id,
            "name": self.path.split_once('/').unwrap().1,
            "full_name": self.path,
            "owner": {"id": self.owner, "login": self.path.split_once('/').unwrap().0},
            "private": self.private,
            "internal": self.internal,
            "archived": self.archived,
            "html_url": format!("https://git.example.org/{}", self.path),
            "permissions": {
                "admin": right == "admin",
                "push": may_push,
                "pull": right != "none",
            },
        })
    }
}

pub(super) fn message(status: u16, text: &str) -> Reply {
    Reply::Json(
        status,
        json!({"message": text, "url": "https://git.example.org/api/swagger"}),
    )
}

fn lack(scope: &str) -> String {
    format!("token does not have at least one of required scope(s), required=[{scope}], token scope=read:misc")
}
