//! The names of routes, which label the metrics. A name is that of a route of the host or the component, and never text of
//! a client, so their number is fixed.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::Method;
use mlforge_plugin::http::route_names::ROUTE_NAMES;

/// A route, as its index among all names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteName(usize);

/// Method and path of a route. A path has `{…}` for one segment and `{*…}` for the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteLabel {
    pub(crate) method: &'static str,
    pub(crate) path: String,
}

impl RouteName {
    /// Everything that has no route.
    pub(crate) const OTHER: Self = Self(0);
    /// The health check.
    pub(crate) const HEALTH: Self = Self(1);
    /// The readiness check.
    pub(crate) const READY: Self = Self(2);
    /// The metrics.
    pub(crate) const METRICS: Self = Self(3);
    /// The webhook of the forge.
    pub(crate) const WEBHOOK: Self = Self(4);
    /// A page of the server itself.
    pub(crate) const SERVER_PAGE: Self = Self(5);
    /// A file of MLflow's own pages.
    pub(crate) const MLFLOW_UI: Self = Self(6);

    /// The route of a request to the component, by method and the path after the mount. It costs a look-up in a table, and
    /// for the few routes with a parameter in their path a comparison with each of them.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let method = method.as_str();
        let named = NAMES.find(method, path);
        // A HEAD is answered as a GET.
        let named = named.or_else(|| NAMES.find("GET", path).filter(|_| method == "HEAD"));
        named.unwrap_or(Self::OTHER)
    }

    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// The labels of all names, by their indices.
pub(crate) fn labels() -> &'static [RouteLabel] {
    &NAMES.labels
}

static NAMES: LazyLock<Names> = LazyLock::new(Names::new);

/// Labels of the host's own routes, at the indices of the constants above.
const OWN: [(&str, &str); 7] = [
    ("any", "other"),
    ("GET", "/-/health"),
    ("GET", "/-/ready"),
    ("GET", "/-/metrics"),
    ("POST", "/-/webhook"),
    ("any", "pages of the server"),
    ("GET", "files of MLflow's own pages"),
];

struct Names {
    labels: Vec<RouteLabel>,
    tables: Vec<Table>,
}

/// The routes below some prefixes.
struct Table {
    prefixes: &'static [&'static str],
    exact: HashMap<(&'static str, &'static str), RouteName>,
    /// Routes with parameters, in the order in which the component tries them.
    forms: Vec<(&'static str, &'static str, RouteName)>,
    has_open_ends: bool,
}

impl Names {
    fn new() -> Self {
        let own = OWN.map(|(method, path)| RouteLabel {
            method,
            path: path.to_owned(),
        });
        let mut names = Self {
            labels: own.into(),
            tables: Vec::new(),
        };
        for of in &ROUTE_NAMES {
            let mut table = Table {
                prefixes: of.prefixes,
                exact: HashMap::new(),
                forms: Vec::new(),
                has_open_ends: of.has_open_ends,
            };
            let prefix = of.prefixes.first().copied().unwrap_or_default();
            for (method, path) in of.routes {
                let name = RouteName(names.labels.len());
                names.labels.push(RouteLabel {
                    method,
                    path: format!("{prefix}{path}"),
                });
                let is_form = path.contains('{') || (of.has_open_ends && path.ends_with('/'));
                if is_form {
                    table.forms.push((method, path, name));
                } else {
                    table.exact.insert((method, path), name);
                }
            }
            names.tables.push(table);
        }
        names
    }

    fn find(&self, method: &str, path: &str) -> Option<RouteName> {
        let below = |table: &Table, prefix: &str| path.strip_prefix(prefix).and_then(|path| table.find(method, path));
        let mut tables = self.tables.iter();
        tables.find_map(|table| table.prefixes.iter().find_map(|prefix| below(table, prefix)))
    }
}

impl Table {
    fn find(&self, method: &str, path: &str) -> Option<RouteName> {
        let exact = self.exact.get(&(method, path)).copied();
        exact.or_else(|| {
            let form = self
                .forms
                .iter()
                .find(|(of, form, _)| *of == method && self.fits(form, path));
            form.map(|(_, _, name)| *name)
        })
    }

    /// True if a path has this form.
    fn fits(&self, form: &str, path: &str) -> bool {
        if self.has_open_ends && form.ends_with('/') {
            return path.starts_with(form);
        }
        let (mut form, mut path) = (form.split('/'), path.split('/'));
        loop {
            match (form.next(), path.next()) {
                (None, None) => return true,
                (Some(part), Some(given)) if part.starts_with("{*") => {
                    return !given.is_empty() || path.next().is_some();
                }
                (Some(part), Some(given)) if part == given || (part.starts_with('{') && !given.is_empty()) => {}
                _ => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path of this form, and the form itself.
    fn example(form: &str) -> String {
        let filled = form.split('/').map(|part| match part {
            part if part.starts_with("{*") => "a/b%2Fc",
            part if part.starts_with('{') => "7",
            part => part,
        });
        filled.collect::<Vec<_>>().join("/")
    }

    fn named(method: &str, path: &str) -> (&'static str, &'static str) {
        let name = RouteName::of(&Method::from_bytes(method.as_bytes()).unwrap(), path);
        let label = &labels()[name.index()];
        (label.method, &label.path)
    }

    #[test]
    fn every_route_has_its_own_name_below_each_prefix() {
        for table in &ROUTE_NAMES {
            for (method, path) in table.routes {
                let label = format!("{}{path}", table.prefixes[0]);
                for prefix in table.prefixes {
                    let open = if table.has_open_ends && path.ends_with('/') {
                        "1/artifacts/x"
                    } else {
                        ""
                    };
                    let asked = format!("{prefix}{}{open}", example(path));
                    assert_eq!(named(method, &asked), (*method, label.as_str()), "{asked}");
                }
            }
        }
    }

    #[test]
    fn no_two_routes_share_a_label() {
        let distinct: std::collections::BTreeSet<_> =
            labels().iter().map(|label| (label.method, &label.path)).collect();
        assert_eq!(distinct.len(), labels().len());
    }

    #[test]
    fn what_has_no_route_has_one_name() {
        for (method, path) in [
            ("GET", "/api/2.0/mlflow/runs/none"),
            ("BREW", "/api/2.0/mlflow/runs/get"),
            ("GET", "/-/ml/candidates//metrics"),
            ("GET", "/-/ml/candidates/{run_id}/nothing"),
            ("POST", "/-/ml/experiments/1/2/3"),
            ("GET", ""),
        ] {
            assert_eq!(named(method, path), ("any", "other"), "{method} {path}");
        }
    }

    #[test]
    fn a_head_has_the_name_of_the_get() {
        let (method, path) = named("HEAD", "/api/2.0/mlflow/runs/get");
        assert_eq!((method, path), ("GET", "/api/2.0/mlflow/runs/get"));
    }
}
