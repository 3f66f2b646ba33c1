//! A request after its route and the caller's rights were found good: what an endpoint gets.

use super::body::Body;
use super::params::Params;
use super::range::RangeRequest;

/// A request whose body, if any, is JSON.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// What it asks.
    pub params: Params<'a>,
    /// The login of who asks.
    pub actor: &'a str,
    /// The schemes, in small letters, by which sources of model versions may lead out of the project.
    pub source_schemes: &'a [String],
}

/// A request for or with a file.
pub struct FileCall<'a> {
    /// What follows the route's path, or stands for its parameter, percent-encoded.
    pub below: &'a str,
    /// What the query asks.
    pub query: Params<'a>,
    /// Which bytes are wanted.
    pub wanted: &'a RangeRequest,
    /// What was sent.
    pub contents: Body,
}
