//! Semantic versions, by which users name model versions.

use std::fmt;

use super::limits::SEMVER_CHARS_MAX;
use crate::error::{Error, Result};

/// The tag that sets and shows the semantic version of a model version.
pub const SEMVER_TAG: &str = "gitlab.version";

/// A semantic version of SemVer 2: three numbers, optionally with a prerelease and build metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SemVer(semver::Version);

impl SemVer {
    /// Reads a semantic version. `None`: the text is not one.
    pub fn read(text: &str) -> Option<Self> {
        let short = text.len() <= SEMVER_CHARS_MAX;
        short.then(|| semver::Version::parse(text).ok().map(SemVer)).flatten()
    }

    /// Reads a semantic version that a caller sent. Fails for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::Invalid(format!(
                "Invalid value {text:?} for tag '{SEMVER_TAG}' supplied: it must be a semantic version of at most \
                 {SEMVER_CHARS_MAX} characters, such as 1.0.0 or 2.1.0-rc.1."
            ))
        })
    }

    /// The semantic version of a model version created without one: 1.0.0, else the highest with its patch
    /// number increased by one.
    pub fn after(highest: Option<[u64; 3]>) -> Result<Self> {
        let Some([major, minor, patch]) = highest else {
            return Ok(SemVer(semver::Version::new(1, 0, 0)));
        };
        let next = patch.checked_add(1).ok_or_else(|| {
            Error::Invalid(format!(
                "There is no patch version behind {major}.{minor}.{patch}: give one in the tag '{SEMVER_TAG}'."
            ))
        })?;
        Ok(SemVer(semver::Version::new(major, minor, next)))
    }

    /// Major, minor and patch.
    pub fn numbers(&self) -> [u64; 3] {
        [self.0.major, self.0.minor, self.0.patch]
    }

    /// The text after the hyphen. Empty for a release.
    pub fn prerelease(&self) -> &str {
        self.0.pre.as_str()
    }

    /// True if it is not a prerelease.
    pub fn is_release(&self) -> bool {
        self.0.pre.is_empty()
    }

    /// Compares by SemVer's precedence, which ignores build metadata.
    pub fn precedence(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp_precedence(&other.0)
    }
}

impl fmt::Display for SemVer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_strict_semantic_versions_are_read() {
        for good in [
            "0.0.0",
            "1.2.3",
            "1.0.0-rc.1",
            "1.0.0-0a+build.01",
            "1.0.0+b",
            "18446744073709551615.0.0",
        ] {
            assert_eq!(SemVer::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            "1.0.0 ",
            "01.0.0",
            "1.0.0-01",
            "1.0.0-",
            "1.0.0+",
            "1.0.0.0",
            "a.b.c",
            "1.0.0-ü",
            "18446744073709551616.0.0",
        ] {
            assert!(
                matches!(SemVer::parse(bad), Err(Error::Invalid(text)) if text.contains(SEMVER_TAG)),
                "{bad}"
            );
        }
        assert!(SemVer::read(&format!("1.0.0-{}", "a".repeat(SEMVER_CHARS_MAX))).is_none());
    }

    #[test]
    fn the_next_is_a_patch_more_than_the_highest() {
        let after =
            |highest: &str| SemVer::after(Some(SemVer::parse(highest).unwrap().numbers())).map(|next| next.to_string());
        assert_eq!(SemVer::after(None).unwrap().to_string(), "1.0.0");
        assert_eq!(after("1.0.9"), Ok("1.0.10".to_owned()));
        assert_eq!(after("2.0.0-rc.1+b"), Ok("2.0.1".to_owned()));
        assert!(matches!(after("1.0.18446744073709551615"), Err(Error::Invalid(_))));
    }
}
