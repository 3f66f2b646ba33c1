//! Errors of the component. The variants tell the mistakes of callers from faults of the server.
//! `http/error.rs` maps them to statuses.

use std::fmt;

/// The reason why a request failed. The text is for the caller and names the offending value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The caller broke a rule of the API.
    Invalid(String),
    /// The named item does not exist in this project.
    NotFound(String),
    /// The name is taken.
    AlreadyExists(String),
    /// No route has this path.
    NoEndpoint(String),
    /// The route exists, but only with these methods.
    WrongMethod(Vec<&'static str>),
    /// The host gave this caller no right to write, or none at all.
    Denied,
    /// Only maintainers and owners of the project may do this.
    ManagersOnly,
    /// The form does not carry the token that the reader's pages have.
    ForeignForm,
    /// The request is larger than the storage takes.
    TooLarge(String),
    /// The project has as many of some items as it may.
    Full(String),
    /// MLflow supports it, and this server does not.
    Unsupported(String),
    /// The body of the request ended too early.
    BrokenOff,
    /// The requested range begins after the end of the file, which has this many bytes.
    OutOfRange(u64),
    /// Others changed the same records at each attempt. Nothing was written.
    Contended,
    /// The storage cannot answer at the moment.
    Unavailable(String),
    /// A stored record cannot be read: a fault of the server. The text is for the log.
    Corrupt(String),
}

impl Error {
    /// A record, or its key, that cannot be read. The key is logged in hex.
    pub fn corrupt(what: &str, key: &[u8]) -> Self {
        Error::Corrupt(what.to_owned()).at(key)
    }

    /// Adds the key of the record to the error, if it is about a record and names no key yet.
    #[must_use]
    pub fn at(self, key: &[u8]) -> Self {
        match self {
            Error::Corrupt(text) if !text.contains(AT_KEY) => {
                let hex = key.iter().take(KEY_BYTES_SHOWN_MAX).map(|byte| format!("{byte:02x}"));
                Error::Corrupt(format!("{text}{AT_KEY}{}", hex.collect::<String>()))
            }
            other => other,
        }
    }
}

/// The words between the description of a record and its key.
const AT_KEY: &str = ", at key ";
/// Bytes of a key that are shown. A longer key is cut.
const KEY_BYTES_SHOWN_MAX: usize = 300;

/// The text for a log, in full. `http/error.rs` has the one for callers.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(text)
            | Error::NotFound(text)
            | Error::AlreadyExists(text)
            | Error::TooLarge(text)
            | Error::Full(text)
            | Error::Unsupported(text)
            | Error::Unavailable(text)
            | Error::Corrupt(text) => f.write_str(text),
            Error::NoEndpoint(path) => write!(f, "no endpoint has the path {path}"),
            Error::WrongMethod(allowed) => write!(f, "only {} is allowed", allowed.join(" or ")),
            Error::Denied => f.write_str("the caller may not do this"),
            Error::ManagersOnly => f.write_str("only maintainers and owners may do this"),
            Error::ForeignForm => f.write_str("the form does not carry the reader's token"),
            Error::BrokenOff => f.write_str("the body of the request broke off"),
            Error::OutOfRange(size) => write!(f, "the range begins after the end of a file of {size} bytes"),
            Error::Contended => f.write_str("other commits changed the same records again and again"),
        }
    }
}

impl std::error::Error for Error {}

/// The result of every fallible function here.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_about_a_record_names_the_innermost_key_once() {
        let error = Error::corrupt("zone map", b"z\x00\xff").at(b"outer");
        assert_eq!(error.to_string(), "zone map, at key 7a00ff");
        let error = Error::Corrupt("run".to_owned()).at(&[7; 1_000]);
        assert!(error.to_string().len() < 700, "{error}");
        assert_eq!(Error::Denied.at(b"k"), Error::Denied);
    }
}
