//! Paths of artifacts: the one place that says which are taken, wherever a caller names one.
//!
//! A path is decoded as MLflow's clients and server decode it (`artifact_name`), then read from the left. What could mean
//! another place somewhere is refused.

use std::fmt;

use super::artifact_name;
use super::limits::{ARTIFACT_DEPTH_MAX, ARTIFACT_NAME_BYTES_MAX, ARTIFACT_PATH_BYTES_MAX};
use super::percent::{self, ENCODINGS_MAX};
use crate::error::{Error, Result};

/// The scheme of places in a project's own artifact store.
const SCHEME: &str = "mlflow-artifacts";

/// The longest path as a caller sends it: each byte may be written as an escape.
const SENT_BYTES_MAX: usize = 3 * ARTIFACT_PATH_BYTES_MAX;

/// What a caller names a path for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To read what is there: segments `.` mean nothing, and a path that is longer than any is not found.
    Read,
    /// To change what is there: a segment `.` is refused.
    Write,
}

/// A path in a project's artifact store: settled names joined by slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactPath {
    path: String,
    /// The path under which earlier versions of this server kept what a caller named like this, where it is another.
    earlier: Option<String>,
}

impl ArtifactPath {
    /// Checks a path from which the encoding of the address that it came in is removed.
    pub fn parse(path: &str, purpose: Purpose) -> Result<Self> {
        Self::new(path, path, purpose)
    }

    /// Checks a path as it stands in an address.
    pub fn parse_encoded(path: &str, purpose: Purpose) -> Result<Self> {
        let not_text = |_| refused(path, "It is not UTF-8.");
        let path = String::from_utf8(percent::decoded_bytes(path)).map_err(not_text)?;
        Self::parse(&path, purpose)
    }

    /// A directory to read: `None` is the root of the store. A slash at the end changes nothing.
    pub fn directory(path: &str) -> Result<Option<Self>> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path.is_empty() || path.split('/').all(|name| name == ".") {
            true => Ok(None),
            false => Self::parse(path, Purpose::Read).map(Some),
        }
    }

    /// A path that was kept by this server; it may be one that is no longer taken.
    pub fn kept(path: String) -> Self {
        ArtifactPath { path, earlier: None }
    }

    /// The place that a URI names; none when it is not in the project's own artifact store.
    pub fn of_uri(uri: &str) -> Option<Self> {
        Self::parse_encoded(Self::in_own_store(uri)?, Purpose::Read).ok()
    }

    /// The text of the path that a URI has in the project's own artifact store; none when it leads elsewhere.
    pub fn in_own_store(uri: &str) -> Option<&str> {
        let (scheme, path) = uri.split_once(":/")?;
        let own = scheme.eq_ignore_ascii_case(SCHEME) && !path.starts_with('/');
        own.then(|| path.trim_end_matches('/'))
    }

    /// What a caller names below it; nothing: itself. A slash at the end changes nothing.
    pub fn below(&self, path: &str, purpose: Purpose) -> Result<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "" => Ok(self.clone()),
            path => {
                let earlier = self.earlier.as_ref().unwrap_or(&self.path);
                Self::new(&format!("{self}/{path}"), &format!("{earlier}/{path}"), purpose)
            }
        }
    }

    /// An item of it as a directory, by the name that it is kept under.
    pub fn item(&self, kept: &str) -> Self {
        Self::kept(format!("{self}/{kept}"))
    }

    fn new(sent: &str, earlier: &str, purpose: Purpose) -> Result<Self> {
        let path = checked(sent, purpose)?;
        let earlier = earlier_form(earlier, purpose).filter(|earlier| *earlier != path);
        Ok(ArtifactPath { path, earlier })
    }

    /// Its last name.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Where an earlier version of this server may have kept it; none where that is the same.
    pub fn earlier(&self) -> Option<Self> {
        self.earlier.clone().map(Self::kept)
    }

    /// The same, or below it.
    pub fn is_within(&self, directory: &ArtifactPath) -> bool {
        let rest = self.path.strip_prefix(&directory.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The same of the place that a URI names.
    pub fn is_within_uri(&self, uri: &str) -> bool {
        ArtifactPath::of_uri(uri).is_some_and(|root| self.is_within(&root))
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

/// The path that a caller names, settled, if all of its names can be read back.
fn checked(sent: &str, purpose: Purpose) -> Result<String> {
    let refused = |why: &str| Err(refused(sent, why));
    let too_long = |why: &str| match purpose {
        Purpose::Read => Err(Error::NotFound(format!("No artifact has the path '{}'.", shown(sent)))),
        Purpose::Write => refused(why),
    };
    let too_many_bytes = || too_long(&format!("A path has at most {ARTIFACT_PATH_BYTES_MAX} bytes."));
    if sent.len() > SENT_BYTES_MAX {
        return too_many_bytes();
    }
    let Some(path) = artifact_name::settled(sent) else {
        return refused(&format!("It is percent-encoded more than {ENCODINGS_MAX} times."));
    };
    let names = names(&path, purpose);
    if names.is_empty() {
        return refused("It names no artifact.");
    }
    for name in &names {
        if name.len() > ARTIFACT_NAME_BYTES_MAX {
            return too_long(&format!(
                "Each of its names has at most {ARTIFACT_NAME_BYTES_MAX} bytes."
            ));
        }
        artifact_name::validate(name).map_err(|why| self::refused(sent, why))?;
    }
    if names.len() > ARTIFACT_DEPTH_MAX {
        return too_long(&format!("It has at most {ARTIFACT_DEPTH_MAX} names."));
    }
    let path = names.join("/");
    if path.len() > ARTIFACT_PATH_BYTES_MAX {
        return too_many_bytes();
    }
    Ok(path)
}

/// Earlier versions kept a path as it was sent, unless it led out or could not stand in an address.
fn earlier_form(sent: &str, purpose: Purpose) -> Option<String> {
    let names = names(sent, purpose);
    let fits = |name: &&str| {
        !matches!(*name, "" | "." | "..")
            && name.len() <= ARTIFACT_NAME_BYTES_MAX
            && !name.chars().any(|c| c.is_control() || matches!(c, '#' | '?' | '\\'))
    };
    (sent.len() <= ARTIFACT_PATH_BYTES_MAX && names.iter().all(fits)).then(|| names.join("/"))
}

fn names(path: &str, purpose: Purpose) -> Vec<&str> {
    let names = path.split('/');
    names.filter(|name| purpose == Purpose::Write || *name != ".").collect()
}

/// The answer for a path that is not taken.
fn refused(path: &str, why: &str) -> Error {
    Error::Invalid(format!("Invalid path: '{}'. {why}", shown(path)))
}

/// The beginning of a path.
fn shown(path: &str) -> String {
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests;
