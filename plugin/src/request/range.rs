//! Range requests: the part of a file that a request asks for.

/// The headers that select a part of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeRequest {
    /// The header `range`. Empty when it is absent.
    pub range: String,
    /// The header `if-range`.
    pub if_range: String,
    /// The header `if-none-match`.
    pub if_none_match: String,
    /// True for `HEAD`: only the headers are sent.
    pub head_only: bool,
    /// True if the host sends the bytes itself; the component only describes the part.
    pub by_host: bool,
}
