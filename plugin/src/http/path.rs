//! Paths of routes with parameters: `logged-models/{model_id}/tags/{*tag_key}`.

use crate::error::Result;
use crate::request::params::percent_decoded;

/// The percent-decoded parameters of a path. `None`: the path does not match the route's. A parameter is one
/// segment that is not empty; one with a star is the whole rest.
pub fn parameters<'a>(form: &'a str, path: &str) -> Option<Result<Vec<(&'a str, String)>>> {
    let mut found = Vec::new();
    let (mut form, mut path) = (form, path);
    loop {
        let Some(behind) = form.strip_prefix('{') else {
            let (segment, rest) = cut(form);
            let (given, rest_given) = cut(path);
            return match (segment == given, rest, rest_given) {
                (true, None, None) => Some(found.into_iter().collect()),
                (true, Some(rest), Some(rest_given)) => {
                    (form, path) = (rest, rest_given);
                    continue;
                }
                _ => None,
            };
        };
        let (name, rest) = behind.split_once('}')?;
        let (name, (value, rest_given)) = match name.strip_prefix('*') {
            Some(name) => (name, (path, None)),
            None => (name, cut(path)),
        };
        if value.is_empty() {
            return None;
        }
        // In a path a plus stands for itself.
        found.push(percent_decoded(&value.replace('+', "%2B")).map(|value| (name, value)));
        match (rest.strip_prefix('/'), rest_given) {
            (None, None) => return Some(found.into_iter().collect()),
            (Some(rest), Some(rest_given)) => (form, path) = (rest, rest_given),
            _ => return None,
        }
    }
}

/// The first segment, and the rest after its slash.
fn cut(path: &str) -> (&str, Option<&str>) {
    path.split_once('/')
        .map_or((path, None), |(first, rest)| (first, Some(rest)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(form: &str, path: &str) -> Option<Vec<String>> {
        let found = parameters(form, path)?.unwrap();
        Some(
            found
                .into_iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect(),
        )
    }

    #[test]
    fn a_path_without_parameters_matches_only_itself() {
        assert_eq!(read("runs/get", "runs/get"), Some(vec![]));
        for other in [
            "runs",
            "runs/get/",
            "runs/get/x",
            "runs%2Fget",
            "",
            "/runs/get",
            "runs/gets",
        ] {
            assert_eq!(read("runs/get", other), None, "{other}");
        }
    }

    #[test]
    fn a_parameter_is_one_segment_and_a_starred_one_is_the_rest() {
        let form = "a/{x}/b/{*y}";
        assert_eq!(read(form, "a/1/b/2"), Some(vec!["x=1".to_owned(), "y=2".to_owned()]));
        assert_eq!(
            read(form, "a/1%2F+/b/2/3%20"),
            Some(vec!["x=1/+".to_owned(), "y=2/3 ".to_owned()])
        );
        for other in ["a/1/b", "a/1/b/", "a//b/2", "a/1/2/b/3", "b/1/b/2"] {
            assert_eq!(read(form, other), None, "{other}");
        }
        assert_eq!(read("a/{x}/b", "a/1/b"), Some(vec!["x=1".to_owned()]));
        for other in ["a", "a/", "a/1/", "a/1/b"] {
            assert_eq!(read("a/{x}", other), None, "{other}");
        }
    }
}
