//! Method and path of every route, without their handlers. A host names requests by them, and links no code of the component
//! for that.

use super::file_route::{FILE_PREFIXES, FILE_ROUTES, FileRoute};
use super::route::{
    MOUNT, MOUNT_ROUTES, NEWER_PREFIXES, NEWER_ROUTES, PREFIXES, PROJECT_PREFIX, PROJECT_ROUTES, ROUTES, Route,
};

/// The routes below some prefixes.
pub struct RouteNames {
    /// The prefixes. The first is the one of clients.
    pub prefixes: &'static [&'static str],
    /// Method, in capitals, and path below a prefix. `{…}` stands for one segment and `{*…}` for the rest.
    pub routes: &'static [(&'static str, &'static str)],
    /// True if the path of an artifact may follow a slash at a path's end.
    pub has_open_ends: bool,
}

/// All routes, in the order in which they are tried.
pub const ROUTE_NAMES: [RouteNames; 5] = [
    RouteNames {
        prefixes: &PREFIXES,
        routes: &names::<{ ROUTES.len() }>(ROUTES),
        has_open_ends: false,
    },
    RouteNames {
        prefixes: &NEWER_PREFIXES,
        routes: &names::<{ NEWER_ROUTES.len() }>(NEWER_ROUTES),
        has_open_ends: false,
    },
    RouteNames {
        prefixes: &[PROJECT_PREFIX],
        routes: &names::<{ PROJECT_ROUTES.len() }>(PROJECT_ROUTES),
        has_open_ends: false,
    },
    RouteNames {
        prefixes: &FILE_PREFIXES,
        routes: &file_names::<{ FILE_ROUTES.len() }>(FILE_ROUTES),
        has_open_ends: true,
    },
    RouteNames {
        prefixes: &[MOUNT],
        routes: &names::<{ MOUNT_ROUTES.len() }>(MOUNT_ROUTES),
        has_open_ends: false,
    },
];

#[allow(
    clippy::indexing_slicing,
    reason = "the compiler runs it, and fails for a wrong index"
)]
const fn names<const N: usize>(routes: &[Route]) -> [(&'static str, &'static str); N] {
    let mut names = [("", ""); N];
    let mut index = 0;
    while index < N {
        names[index] = (routes[index].method, routes[index].path);
        index += 1;
    }
    names
}

#[allow(
    clippy::indexing_slicing,
    reason = "the compiler runs it, and fails for a wrong index"
)]
const fn file_names<const N: usize>(routes: &[FileRoute]) -> [(&'static str, &'static str); N] {
    let mut names = [("", ""); N];
    let mut index = 0;
    while index < N {
        names[index] = (routes[index].method, routes[index].path);
        index += 1;
    }
    names
}
