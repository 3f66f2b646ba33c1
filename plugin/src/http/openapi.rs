//! The endpoint `openapi.json`: the route table as an OpenAPI document.

use serde_json::Value;

use super::file_route::{FILE_PREFIXES, FILE_ROUTES};
use super::rights::RequiredRight;
use super::route::{
    MOUNT, MOUNT_ROUTES, NEWER_PREFIXES, NEWER_ROUTES, PREFIXES, PROJECT_PREFIX, PROJECT_ROUTES, ROUTES, Route,
};
use crate::api::openapi::{Documented, document};
use crate::error::{Error, Result};
use crate::request::call::Call;

/// Answers with the document.
pub async fn get(_: Call<'_>) -> Result<Vec<u8>> {
    serde_json::to_vec(&all()).map_err(|error| Error::Corrupt(format!("an answer cannot be written: {error}")))
}

/// The document of every route, at the first of its prefixes, which is that of clients.
pub fn all() -> Value {
    let tables: [(&str, &[Route]); 4] = [
        (PREFIXES[0], ROUTES),
        (NEWER_PREFIXES[0], NEWER_ROUTES),
        (PROJECT_PREFIX, PROJECT_ROUTES),
        (MOUNT, MOUNT_ROUTES),
    ];
    let routes = tables.into_iter().flat_map(|(prefix, table)| {
        table
            .iter()
            .map(move |route| documented(route.method, prefix, route.path, route.right))
    });
    let files = FILE_ROUTES.iter().map(|route| {
        // The path of an artifact follows a slash at the end.
        let rest = if route.path.ends_with('/') { "{*path}" } else { "" };
        let path = format!("{}{rest}", route.path);
        documented(route.method, FILE_PREFIXES[0], &path, route.right)
    });
    document(routes.chain(files))
}

fn documented(method: &'static str, prefix: &str, path: &str, right: RequiredRight) -> Documented {
    Documented {
        method,
        path: format!("{prefix}{path}"),
        right: match right {
            RequiredRight::Read => "read",
            RequiredRight::Write => "write",
            RequiredRight::Manage => "manage the project",
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::collections::BTreeSet;

    use super::*;
    use crate::http::route_names::ROUTE_NAMES;

    /// Method and path of each operation, and whether it is a page's.
    fn documented() -> Vec<(String, bool)> {
        let document = all();
        let paths = document["paths"].as_object().unwrap();
        let operations = paths.iter().flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, operation)| {
                let is_page = operation["tags"][0] == "pages";
                (format!("{} {path}", method.to_uppercase()), is_page)
            })
        });
        operations.collect()
    }

    #[test]
    fn every_route_is_in_the_document_and_nothing_else_is() {
        let named = ROUTE_NAMES.iter().flat_map(|names| {
            let prefix = names.prefixes[0];
            names.routes.iter().map(move |(method, path)| {
                let rest = if names.has_open_ends && path.ends_with('/') {
                    "{path}"
                } else {
                    ""
                };
                format!("{method} {prefix}{}{rest}", path.replace("{*", "{"))
            })
        });
        let documented: BTreeSet<String> = documented().into_iter().map(|(operation, _)| operation).collect();
        assert_eq!(documented, named.collect());
    }

    #[test]
    fn only_pages_are_without_a_description() {
        for (operation, is_page) in documented() {
            let (_, path) = operation.split_once(' ').unwrap();
            let is_below = path.starts_with(PROJECT_PREFIX) && path != "/-/ml/audit" || path == MOUNT;
            assert_eq!(is_page, is_below, "{operation}");
        }
    }
}
