//! The number of files and sockets that the process may open.

/// Returns the limit in force (`RLIMIT_NOFILE`). `None`: there is no limit, or none is known.
pub(crate) fn limit() -> Option<usize> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit};
        let limit = getrlimit(Resource::Nofile).current?;
        Some(usize::try_from(limit).unwrap_or(usize::MAX))
    }
    #[cfg(not(unix))]
    None
}
