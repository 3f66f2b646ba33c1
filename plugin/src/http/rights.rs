//! The right that a route needs, and the rights that a caller has.

/// The right that a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredRight {
    /// To read the project.
    Read,
    /// To change the project.
    Write,
    /// To read what only maintainers and owners of the project may read.
    Manage,
}

/// The rights that the host gives a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerRights {
    /// None, as when the host says nothing.
    None,
    /// To read the project.
    Read,
    /// To read and change the project.
    Write,
    /// To make the requests of another server again: the caller may also choose the ids of what it creates. A host gives this
    /// right to itself only.
    Replay,
}
