//! The router: it finds the project and path of a URL below the mount. It works on the raw path, so the
//! component gets byte for byte what the client sent.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;

use super::route_name::RouteName;
use crate::forge::ProjectRef;
use crate::storage::ProjectId;

const HEALTH: &str = "/-/health";
const READY: &str = "/-/ready";
const METRICS: &str = "/-/metrics";
/// MLflow's health path. Probes request it at the root, and scripts after the tracking URI.
const MLFLOW_HEALTH: &str = "/health";
/// The address to which the forge sends its webhooks.
const WEBHOOK: &str = "/-/webhook";
const PROJECTS: &str = "/api/v4/projects/";
const MLFLOW: &str = "ml/mlflow";
/// The path of the mount itself, after the mount.
const MOUNT: &str = "/";
/// The end of a project's path, and the begin of what belongs to its pages.
const PAGES: &str = "/-/ml";

/// The address of MLflow's own web pages below a project's path.
pub(crate) const MLFLOW_UI: &str = "/-/ml/mlflow-ui";
/// The beginnings of the calls that these pages make, relative to their address.
const UI_CALLS: [&str; 4] = [
    "/ajax-api/",
    "/graphql",
    "/get-artifact",
    "/model-versions/get-artifact",
];

/// The target of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// The health check of the host.
    Health,
    /// The readiness check of the host.
    Ready,
    /// The metrics of the host.
    Metrics,
    /// The host, for a webhook of the forge.
    Webhook,
    /// A page of the server itself.
    Server(ServerPage<'a>),
    /// The component, for this project.
    Project {
        project: ProjectRef,
        /// The path after the mount, as the client wrote it. It begins with a slash.
        path: &'a str,
    },
    /// MLflow's own web pages, for this project.
    MlflowUi {
        project: ProjectRef,
        /// The path after that of the pages: empty, or it begins with a slash.
        below: &'a str,
    },
    /// No target.
    Nowhere,
}

/// A page of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerPage<'a> {
    /// The list of projects.
    Projects,
    /// The page on which readers sign in.
    SignIn,
    /// The form of that page.
    SignInForm,
    /// The form that signs out.
    SignOut,
    /// The reader's account.
    Account,
    /// The form that ends sessions.
    EndSessions,
    /// The choice of a language.
    Language,
    /// The begin of a sign-in on the forge.
    OauthStart,
    /// The end of a sign-in on the forge.
    OauthCallback,
    /// The reader's tokens.
    Tokens,
    /// The form that makes a token.
    MakeToken,
    /// The form that revokes a token.
    RevokeToken,
    /// The members of a project.
    Members,
    /// The forms that change them, or the project's visibility.
    ChangeMembers,
    /// The users of the server.
    Users,
    /// The form that makes a user.
    MakeUser,
    /// The projects of the server, with the storage that they use.
    AllProjects,
    /// The form that makes a project.
    MakeProject,
    /// The log of changes of users, projects, members and tokens.
    Changes,
    /// A file that pages load.
    Asset(&'a str),
}

impl<'a> ServerPage<'a> {
    /// Finds a page by method and path.
    fn of(asks: bool, method: &Method, path: &'a str) -> Option<Self> {
        if let Some(name) = path.strip_prefix("/-/assets/").filter(|_| asks) {
            return Some(Self::Asset(name));
        }
        let posts = method == Method::POST;
        Some(match path {
            "/-/tokens" if asks => Self::Tokens,
            "/-/tokens" if posts => Self::MakeToken,
            "/-/tokens/revoke" if posts => Self::RevokeToken,
            "/-/members" if asks => Self::Members,
            "/-/members" if posts => Self::ChangeMembers,
            "/-/users" if asks => Self::Users,
            "/-/users" if posts => Self::MakeUser,
            "/-/projects" if asks => Self::AllProjects,
            "/-/projects" if posts => Self::MakeProject,
            "/-/changes" if asks => Self::Changes,
            "/" if asks => Self::Projects,
            "/-/sign-in" if asks => Self::SignIn,
            "/-/account" if asks => Self::Account,
            "/-/language" if asks => Self::Language,
            "/-/oauth/start" if asks => Self::OauthStart,
            "/-/oauth/callback" if asks => Self::OauthCallback,
            "/-/sign-in" if posts => Self::SignInForm,
            "/-/sign-out" if posts => Self::SignOut,
            "/-/account/end-sessions" if posts => Self::EndSessions,
            _ => return None,
        })
    }
}

impl Route<'_> {
    /// The name in the metrics.
    pub(crate) fn name(&self, method: &Method) -> RouteName {
        match self {
            Self::Health => RouteName::HEALTH,
            Self::Ready => RouteName::READY,
            Self::Metrics => RouteName::METRICS,
            Self::Webhook => RouteName::WEBHOOK,
            Self::Server(_) => RouteName::SERVER_PAGE,
            Self::MlflowUi { below, .. } => match ui_call(below) {
                Some(path) => RouteName::of(method, path),
                None => RouteName::MLFLOW_UI,
            },
            Self::Project { path, .. } => RouteName::of(method, path),
            Self::Nowhere => RouteName::OTHER,
        }
    }
}

/// Finds the target of a request.
pub(crate) fn route<'a>(method: &Method, uri: &'a Uri) -> Route<'a> {
    let asks = method == Method::GET || method == Method::HEAD;
    if asks && [HEALTH, MLFLOW_HEALTH].contains(&uri.path()) {
        return Route::Health;
    }
    match uri.path() {
        READY if asks => return Route::Ready,
        METRICS if asks => return Route::Metrics,
        _ => {}
    }
    if method == Method::POST && uri.path() == WEBHOOK {
        return Route::Webhook;
    }
    let path = uri.path();
    if let Some(page) = ServerPage::of(asks, method, path) {
        return Route::Server(page);
    }
    match path
        .strip_prefix(PROJECTS)
        .and_then(split_mount)
        .or_else(|| split_pages(path))
    {
        // The project is not looked up, so the answer does not reveal whether it exists.
        Some((_, MLFLOW_HEALTH)) if asks => Route::Health,
        // The mount itself has a page, and no endpoint.
        Some((_, MOUNT)) if !asks => Route::Nowhere,
        Some((id, path)) => match ui_path(path) {
            Some(below) => Route::MlflowUi {
                project: project(id),
                below,
            },
            None => Route::Project {
                project: project(id),
                path,
            },
        },
        None => Route::Nowhere,
    }
}

/// The path below that of MLflow's own pages. `None`: it is not below that.
fn ui_path(path: &str) -> Option<&str> {
    let below = path.strip_prefix(MLFLOW_UI)?;
    (below.is_empty() || below.starts_with('/')).then_some(below)
}

/// The path of the call of the API that MLflow's own pages make at a path below theirs. `None`: it is no call.
pub(crate) fn ui_call(below: &str) -> Option<&str> {
    let is_of = |call: &str| {
        let rest = below.strip_prefix(call);
        rest.is_some_and(|rest| rest.is_empty() || call.ends_with('/'))
    };
    UI_CALLS.into_iter().any(is_of).then_some(below)
}

/// True for the path of a page, after the mount. The component's route table has all of them.
pub(crate) fn is_page(path: &str) -> bool {
    path == MOUNT || is_page_of_project(path)
}

/// True for the path of a page, after the mount, that stands at the project's own path.
pub(crate) fn is_page_of_project(path: &str) -> bool {
    path.strip_prefix(PAGES).is_some_and(|below| below.starts_with('/'))
}

/// The mount of a project: a path without a slash at its end.
pub(crate) fn of_project(project: ProjectId) -> String {
    format!("{PROJECTS}{}/{MLFLOW}", project.0)
}

/// Splits the path of a page into the project's path and the rest, which begins with `/-/ml/`.
fn split_pages(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix('/')?;
    let at = path.find(PAGES)?;
    let (project, rest) = path.split_at_checked(at)?;
    let rest = match rest.strip_prefix(PAGES)? {
        "" => "/-/ml/",
        below if below.starts_with('/') => rest,
        _ => return None,
    };
    (!project.is_empty()).then_some((project, rest))
}

/// Splits a path into the project's name and the path after the mount. Without one, it is that of the mount itself. Several slashes between them count as
/// one, as for MLflow, because a tracking URI may end with some.
fn split_mount(rest: &str) -> Option<(&str, &str)> {
    let (id, rest) = rest.split_once('/')?;
    let path = rest.strip_prefix(MLFLOW)?;
    let slashes = path.len() - path.trim_start_matches('/').len();
    let path = match path {
        "" => MOUNT,
        path => path.get(slashes.checked_sub(1)?..)?,
    };
    (!id.is_empty()).then_some((id, path))
}

/// Parses a project: digits are its number, and all other text is its path, percent-decoded. Invalid UTF-8
/// becomes a path that no project has.
///
/// Clients encode an address again that has a lone `%` in a file's name, so the slashes of a path may come encoded
/// twice. No path of a project has a `%`.
fn project(id: &str) -> ProjectRef {
    match id.parse() {
        Ok(number) if id.bytes().all(|byte| byte.is_ascii_digit()) => ProjectRef::Id(number),
        _ => {
            let path = percent_decode_str(id).decode_utf8_lossy();
            ProjectRef::Path(path.replace("%2F", "/").replace("%2f", "/"))
        }
    }
}

#[cfg(test)]
mod tests;
