//! Valid project paths and logins. A value of these types is a valid name.

use super::LocalError;

const SEGMENTS_MAX: usize = 20;
const NAME_BYTES_MAX: usize = 255;

/// Endings that a path cannot have, because a forge uses them for a project's Git repository and other pages.
const ENDINGS_RESERVED: [&str; 2] = [".git", ".atom"];

/// A valid full path of a project, for example `group/sub/project`.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProjectPath<'a>(&'a str);

/// A valid login.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login<'a>(&'a str);

impl<'a> ProjectPath<'a> {
    pub(super) fn parse(path: &'a str) -> Result<Self, LocalError> {
        let segments = path.split('/').count();
        match fault_of_all(path).or_else(|| path.split('/').find_map(fault_of_segment)) {
            Some(reason) => Err(LocalError::PathInvalid {
                path: path.to_owned(),
                reason,
            }),
            None if segments > SEGMENTS_MAX => Err(LocalError::PathInvalid {
                path: path.to_owned(),
                reason: "it has more than 20 segments",
            }),
            None => Ok(Self(path)),
        }
    }

    pub(super) fn as_str(self) -> &'a str {
        self.0
    }
}

impl<'a> Login<'a> {
    pub(super) fn parse(login: &'a str) -> Result<Self, LocalError> {
        match fault_of_all(login).or_else(|| fault_of_segment(login)) {
            Some(reason) => Err(LocalError::LoginInvalid {
                login: login.to_owned(),
                reason,
            }),
            None => Ok(Self(login)),
        }
    }

    pub(super) fn as_str(self) -> &'a str {
        self.0
    }
}

fn fault_of_all(name: &str) -> Option<&'static str> {
    if name.len() > NAME_BYTES_MAX {
        Some("it is longer than 255 bytes")
    } else if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        Some("it would be taken for a number")
    } else {
        None
    }
}

fn fault_of_segment(segment: &str) -> Option<&'static str> {
    let lower = segment.to_ascii_lowercase();
    if segment.is_empty() {
        Some("a segment is empty")
    } else if segment.starts_with(['-', '.']) {
        Some("a segment starts with `-` or `.`")
    } else if !segment
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    {
        Some("only letters, digits, `_`, `.` and `-` may stand in a segment")
    } else if ENDINGS_RESERVED.iter().any(|ending| lower.ends_with(ending)) {
        Some("a segment ends with `.git` or `.atom`")
    } else {
        None
    }
}
