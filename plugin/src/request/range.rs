//! The part of a file that a request asks for.

/// What a request says of the bytes that it wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeRequest {
    /// The header `range`; empty when there is none.
    pub range: String,
    /// The header `if-range`.
    pub if_range: String,
    /// The header `if-none-match`.
    pub if_none_match: String,
    /// Only what would be said of the file, by `HEAD`.
    pub head_only: bool,
    /// The host sends the bytes itself if it is told which.
    pub by_host: bool,
}
