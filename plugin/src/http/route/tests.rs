use std::task::{Context, Poll, Waker};

use super::*;
use crate::http::answer::answer;
use crate::http::file_route::{FILE_PREFIXES, FILE_ROUTES};
use crate::http::incoming::Incoming;
use crate::http::rights::CallerRights;

#[test]
fn a_route_is_found_below_both_prefixes_by_its_exact_path() {
    assert!(find("GET", "/api/2.0/mlflow/runs/get").is_ok());
    assert!(find("GET", "/ajax-api/2.0/mlflow/runs/get").is_ok());
    for path in [
        "/api/2.0/mlflow/runs/get/",
        "/api/3.0/mlflow/runs/get",
        "/runs/get",
        "/api/2.0/mlflow/runs%2Fget",
        "",
    ] {
        assert!(matches!(find("GET", path), Err(Error::NoEndpoint(named)) if named == path));
    }
}

#[test]
fn a_path_that_looks_like_a_route_with_a_parameter_names_one() {
    let path = format!("{}logged-models/{{model_id}}", PREFIXES[0]);
    let named = find("GET", &path).and_then(|(_, named)| named);
    assert_eq!(named, Ok(vec![("model_id", "{model_id}".to_owned())]));
}

#[test]
fn another_method_is_told_from_another_path() {
    assert!(matches!(find("PUT", "/api/2.0/mlflow/runs/get"), Err(Error::WrongMethod(allowed)) if allowed == ["GET"]));
    let both = find("DELETE", "/api/2.0/mlflow/experiments/search");
    assert!(matches!(both, Err(Error::WrongMethod(allowed)) if allowed == ["GET", "POST"]));
}

/// The answer to a request whose answer needs no await.
fn at_once(method: &str, path: &str, rights: CallerRights) -> Option<Answer> {
    let request = Incoming::empty(method, path, rights);
    let mut waiting = std::pin::pin!(answer(request));
    match waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Some(answer),
        Poll::Pending => None,
    }
}

#[test]
fn the_component_itself_refuses_who_lacks_the_right_whatever_the_host_let_through() {
    let routes = ROUTES
        .iter()
        .map(|route| (route.method, PREFIXES[0], route.path, route.right));
    let files = FILE_ROUTES
        .iter()
        .map(|route| (route.method, FILE_PREFIXES[0], route.path, route.right));
    let newer = NEWER_ROUTES
        .iter()
        .map(|route| (route.method, NEWER_PREFIXES[0], route.path, route.right));
    let project = PROJECT_ROUTES
        .iter()
        .map(|route| (route.method, PROJECT_PREFIX, route.path, route.right));
    let mount = MOUNT_ROUTES
        .iter()
        .map(|route| (route.method, MOUNT, route.path, route.right));
    for (method, prefix, path, right) in routes.chain(files).chain(newer).chain(project).chain(mount) {
        let path = format!("{prefix}{path}");
        let refused = |rights| at_once(method, &path, rights).is_some_and(|answer| answer.status == 403);
        assert!(refused(CallerRights::None), "{method} {path}");
        match right {
            RequiredRight::Read => {}
            RequiredRight::Write => assert!(refused(CallerRights::Read), "{method} {path}"),
            // The rights alone say nothing of the role.
            RequiredRight::Manage => assert!(refused(CallerRights::Write), "{method} {path}"),
        }
    }
}

#[test]
fn every_change_has_a_name_of_its_own_in_the_audit_log() {
    let routes = ROUTES.iter().map(|route| (route.right, route.action));
    let files = FILE_ROUTES.iter().map(|route| (route.right, route.action));
    let mut actions: Vec<&str> = routes
        .chain(files)
        .filter(|(right, _)| *right == RequiredRight::Write)
        .map(|(_, action)| action)
        .collect();
    assert!(
        actions
            .iter()
            .all(|action| !action.contains('{') && action.contains('/'))
    );
    // Three routes upload a file.
    actions.retain(|action| *action != "artifacts/upload");
    let count = actions.len();
    actions.sort_unstable();
    actions.dedup();
    assert_eq!(actions.len(), count);
}

#[test]
fn no_route_is_listed_twice() {
    for (index, route) in ROUTES.iter().enumerate() {
        let twins = ROUTES
            .iter()
            .skip(index + 1)
            .filter(|other| (other.method, other.path) == (route.method, route.path));
        assert_eq!(twins.count(), 0, "{} {}", route.method, route.path);
    }
}
