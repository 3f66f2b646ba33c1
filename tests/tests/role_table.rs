//! Every endpoint against every role, scope and visibility: one table of who may do what.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeError, Project, ProjectRef, Role, Scope, Visibility,
};
use mlforge::storage::ProjectId;
use mlforge::storage::memory::{MemoryBlobs, MemoryRecords};
use mlforge::{Host, Limits};
use mlforge_plugin::http::file_route::{FILE_PREFIXES, FILE_ROUTES};
use mlforge_plugin::http::rights::RequiredRight;
use mlforge_plugin::http::route::{NEWER_PREFIXES, NEWER_ROUTES, PREFIXES, ROUTES};
use mlforge_tests::Caller;
use mlforge_tests::tracker::plugin;

const ROLES: [Option<Role>; 6] = [
    None,
    Some(Role::Guest),
    Some(Role::Reporter),
    Some(Role::Developer),
    Some(Role::Maintainer),
    Some(Role::Owner),
];
const SCOPES: [Scope; 2] = [Scope::ReadApi, Scope::Api];
const VISIBILITIES: [Visibility; 3] = [Visibility::Private, Visibility::Internal, Visibility::Public];

/// A forge whose tokens are three digits: the indices of role, scope and visibility.
struct Table;

#[async_trait]
impl Forge for Table {
    async fn resolve(&self, _: &ProjectRef, credential: &Credential) -> Result<Decision, ForgeError> {
        let digits = credential
            .token()
            .unwrap_or_default()
            .chars()
            .map(|digit| digit.to_digit(10));
        let Some(digits) = digits.collect::<Option<Vec<u32>>>().filter(|digits| digits.len() == 3) else {
            return Ok(Decision::Unauthenticated);
        };
        let (role, scope) = (ROLES[digits[0] as usize], SCOPES[digits[1] as usize]);
        let visibility = VISIBILITIES[digits[2] as usize];
        // As every adapter does: who is no member reads what is not private.
        let role = role.or((visibility != Visibility::Private).then_some(Role::Guest));
        let project = Project::new(ProjectId(1), "group/one", visibility);
        Ok(Access::new(Actor::new("7", "ada"), scope, role.map(|role| (project, role))).into())
    }
}

/// Method, path and right of every endpoint.
fn endpoints() -> Vec<(Method, String, RequiredRight)> {
    let method = |method: &str| Method::from_bytes(method.as_bytes()).unwrap();
    let mut endpoints = Vec::new();
    for (table, prefixes) in [(ROUTES, &PREFIXES[..]), (NEWER_ROUTES, &NEWER_PREFIXES[..])] {
        for route in table {
            endpoints.push((
                method(route.method),
                format!("{}{}", prefixes[0], route.path),
                route.right,
            ));
        }
    }
    for route in FILE_ROUTES {
        let below = if route.path.ends_with('/') { "1/artifacts/x" } else { "" };
        let path = format!("{}{}{below}", FILE_PREFIXES[0], route.path);
        endpoints.push((method(route.method), path, route.right));
    }
    endpoints
}

/// The status of a refusal, in GitLab's order. `None`: the request is not refused.
fn refusal(right: RequiredRight, role: Option<Role>, scope: Scope, visibility: Visibility) -> Option<u16> {
    let writes = right == RequiredRight::Write;
    if writes && scope == Scope::ReadApi {
        return Some(403);
    }
    if role.is_none() && visibility == Visibility::Private {
        return Some(404);
    }
    let role = role.unwrap_or(Role::Guest);
    let least = match right {
        RequiredRight::Read => Role::Guest,
        RequiredRight::Write => Role::Developer,
        RequiredRight::Manage => Role::Maintainer,
    };
    (role < least).then_some(403)
}

fn host() -> Host {
    Host::builder()
        .plugin(plugin())
        .records(Arc::new(MemoryRecords::new()))
        .blobs(Arc::new(MemoryBlobs::new()))
        .forge(Arc::new(Table))
        .limits(Limits::default())
        .background_maintenance(false)
        .build()
        .unwrap()
}

#[tokio::test]
async fn each_endpoint_is_open_to_exactly_the_roles_scopes_and_visibilities_of_its_right() {
    let host = host();
    let endpoints = endpoints();
    assert!(endpoints.len() > 70, "{}", endpoints.len());
    for (method, path, right) in endpoints {
        for (index, (role, scope, visibility)) in cases().into_iter().enumerate() {
            let token = format!("{}{}{}", index / 6, index / 3 % 2, index % 3);
            let answer = Caller::new(&host, &token, "1")
                .send(method.clone(), &path, Bytes::new())
                .await;
            let case = format!("{method} {path} {role:?} {scope:?} {visibility:?}: {}", answer.body);
            let error: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
            let is_hidden = answer.body.contains("404 Project Not Found");
            match refusal(right, role, scope, visibility) {
                Some(404) => assert!(answer.status == 404 && is_hidden, "{case}"),
                Some(status) => assert_eq!(answer.status, status, "{case}"),
                None => {
                    assert!(![401, 403].contains(&answer.status) && !is_hidden, "{case}");
                    assert_ne!(error["error_code"], "PERMISSION_DENIED", "{case}");
                }
            }
        }
    }
}

fn cases() -> Vec<(Option<Role>, Scope, Visibility)> {
    let pairs = ROLES.iter().flat_map(|role| SCOPES.map(|scope| (*role, scope)));
    pairs
        .flat_map(|(role, scope)| VISIBILITIES.map(|visibility| (role, scope, visibility)))
        .collect()
}
