//! What can go wrong in the component, and whose fault it is. `http/error.rs` turns it into a status.

/// Why a request was not answered as asked. The text is for the caller and names the offending value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The caller broke a rule of the API.
    Invalid(String),
    /// What the caller named does not exist in this project.
    NotFound(String),
    /// The name is taken.
    AlreadyExists(String),
    /// No route has this path.
    NoEndpoint(String),
    /// The route exists, with other methods: these.
    WrongMethod(Vec<&'static str>),
    /// The host gave this caller no right to write, or none at all.
    Denied,
    /// The request is larger than the storage takes.
    TooLarge(String),
    /// MLflow can do it, and this server cannot.
    Unsupported(String),
    /// The body of the request did not come to its end.
    BrokenOff,
    /// The part of a file that is asked for lies behind its end; it has so many bytes.
    OutOfRange(u64),
    /// Others changed the same records again and again; nothing was written.
    Contended,
    /// The storage cannot answer now.
    Unavailable(String),
    /// A stored record cannot be read: our fault. The text is for the log.
    Corrupt(String),
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;
