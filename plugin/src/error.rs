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
    /// The request is larger than the storage takes.
    TooLarge(String),
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

/// The text for a log, in full. `http/error.rs` has the one for callers.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid(text)
            | Error::NotFound(text)
            | Error::AlreadyExists(text)
            | Error::TooLarge(text)
            | Error::Unsupported(text)
            | Error::Unavailable(text)
            | Error::Corrupt(text) => f.write_str(text),
            Error::NoEndpoint(path) => write!(f, "no endpoint has the path {path}"),
            Error::WrongMethod(allowed) => write!(f, "only {} is allowed", allowed.join(" or ")),
            Error::Denied => f.write_str("the caller may not do this"),
            Error::BrokenOff => f.write_str("the body of the request broke off"),
            Error::OutOfRange(size) => write!(f, "the range begins after the end of a file of {size} bytes"),
            Error::Contended => f.write_str("other commits changed the same records again and again"),
        }
    }
}

impl std::error::Error for Error {}

/// The result of every fallible function here.
pub type Result<T> = std::result::Result<T, Error>;
