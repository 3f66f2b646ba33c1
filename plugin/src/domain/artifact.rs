//! Paths of artifacts. Every path that a caller names is checked here, and nowhere else.
//!
//! A path is decoded as MLflow's clients and server decode it (`artifact_name`), then checked name by name
//! from the left. A path that some client or server could read as another one is refused.

use std::fmt;

use super::artifact_name;
use super::limits::{ARTIFACT_DEPTH_MAX, ARTIFACT_NAME_BYTES_MAX, ARTIFACT_PATH_BYTES_MAX};
use super::percent::{self, ENCODINGS_MAX};
use crate::error::{Error, Result};

/// The URI scheme of a project's own artifact store.
const SCHEME: &str = "mlflow-artifacts";

/// The longest path as a caller sends it, in bytes: each byte may be percent-encoded.
const SENT_BYTES_MAX: usize = 3 * ARTIFACT_PATH_BYTES_MAX;

/// The intent of the caller that names a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Reads: segments `.` are skipped, and a path over the length limits is not found.
    Read,
    /// Writes: a segment `.` is refused.
    Write,
}

/// A path in a project's artifact store: names in their settled form, joined by slashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactPath {
    path: String,
    /// The path under which earlier versions of this server stored the same artifact. `None`: it is equal to
    /// `path`.
    earlier: Option<String>,
}

impl ArtifactPath {
    /// Checks a path that is no longer percent-encoded for a URL.
    pub fn parse(path: &str, purpose: Purpose) -> Result<Self> {
        Self::new(path, path, purpose)
    }

    /// Checks a path as it stands in a URL.
    pub fn parse_encoded(path: &str, purpose: Purpose) -> Result<Self> {
        let not_text = |_| refused(path, "It is not UTF-8.");
        let path = String::from_utf8(percent::decoded_bytes(path)).map_err(not_text)?;
        Self::parse(&path, purpose)
    }

    /// Checks the path of a directory to read. A slash at the end is ignored. `None`: the root of the store.
    pub fn directory(path: &str) -> Result<Option<Self>> {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path.is_empty() || path.split('/').all(|name| name == ".") {
            true => Ok(None),
            false => Self::parse(path, Purpose::Read).map(Some),
        }
    }

    /// A path that this server stored. It is not checked: earlier versions accepted more paths.
    pub fn kept(path: String) -> Self {
        ArtifactPath { path, earlier: None }
    }

    /// The path that a URI names in the project's own artifact store. `None`: the URI names nothing there.
    pub fn of_uri(uri: &str) -> Option<Self> {
        Self::parse_encoded(Self::in_own_store(uri)?, Purpose::Read).ok()
    }

    /// The text of a URI's path, if its scheme is that of the project's own artifact store. `None`: it leads
    /// elsewhere.
    pub fn in_own_store(uri: &str) -> Option<&str> {
        let (scheme, path) = uri.split_once(":/")?;
        let own = scheme.eq_ignore_ascii_case(SCHEME) && !path.starts_with('/');
        own.then(|| path.trim_end_matches('/'))
    }

    /// The path of an artifact below this one. An empty path is this one itself; a slash at the end is
    /// ignored.
    pub fn below(&self, path: &str, purpose: Purpose) -> Result<Self> {
        match path.strip_suffix('/').unwrap_or(path) {
            "" => Ok(self.clone()),
            path => {
                let earlier = self.earlier.as_ref().unwrap_or(&self.path);
                Self::new(&format!("{self}/{path}"), &format!("{earlier}/{path}"), purpose)
            }
        }
    }

    /// The path of an entry of this directory, by its stored name.
    pub fn item(&self, kept: &str) -> Self {
        Self::kept(format!("{self}/{kept}"))
    }

    fn new(sent: &str, earlier: &str, purpose: Purpose) -> Result<Self> {
        let path = checked(sent, purpose)?;
        let earlier = earlier_form(earlier, purpose).filter(|earlier| *earlier != path);
        Ok(ArtifactPath { path, earlier })
    }

    /// The last name of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// The path under which an earlier version of this server may have stored the artifact. `None`: the same
    /// path.
    pub fn earlier(&self) -> Option<Self> {
        self.earlier.clone().map(Self::kept)
    }

    /// True if this path is the directory, or lies below it.
    pub fn is_within(&self, directory: &ArtifactPath) -> bool {
        let rest = self.path.strip_prefix(&directory.path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// True if this path is the one that a URI names, or lies below it.
    pub fn is_within_uri(&self, uri: &str) -> bool {
        ArtifactPath::of_uri(uri).is_some_and(|root| self.is_within(&root))
    }
}

impl fmt::Display for ArtifactPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.fmt(f)
    }
}

/// The settled form of the path that a caller names, if each of its names can be read back.
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

/// The path as earlier versions of this server stored it: unchanged, unless it left the store or could not
/// stand in a URL.
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

/// The error for a path that is refused.
fn refused(path: &str, why: &str) -> Error {
    Error::Invalid(format!("Invalid path: '{}'. {why}", shown(path)))
}

/// The beginning of a path, for a message.
fn shown(path: &str) -> String {
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests;
