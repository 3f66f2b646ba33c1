//! The right that a route needs, and the rights that a caller has.

/// What a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredRight {
    /// To see the project.
    Read,
    /// To change it.
    Write,
    /// To be the host: for all others the route does not exist.
    Host,
}

/// What the host lets the caller do. Without its word: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerRights {
    /// Nothing.
    None,
    /// Reading.
    Read,
    /// Everything that a caller can.
    Write,
    /// Also what only the host itself asks for.
    Host,
}
