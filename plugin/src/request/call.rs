//! The input of an endpoint: a request whose route and rights were checked.

use super::body::Body;
use super::multipart::SentFile;
use super::params::Params;
use super::range::RangeRequest;
use super::site::Site;
use crate::domain::actor::Actor;
use crate::error::Result;

/// A request whose body, if any, is JSON or a form.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// The parameters of the request.
    pub params: Params<'a>,
    /// The files of a form.
    pub files: &'a [SentFile],
    /// The user who makes the request. Its texts are empty if the host does not say.
    pub actor: &'a Actor,
    /// The URI schemes, in lower case, with which a model version's source may lead out of the project.
    pub source_schemes: &'a [String],
    /// The header `Accept`; empty when there is none.
    pub accept: &'a str,
    /// The place of the project's pages, for a request of one.
    pub site: &'a Site,
    /// The requested range of a file, and its conditions.
    pub wanted: &'a RangeRequest,
    /// True if the caller may change the project.
    pub may_write: bool,
    /// True if the host makes a request of another server again. Then the ids of new items may be chosen.
    pub is_replay: bool,
    /// True if the caller is a maintainer or an owner of the project.
    pub is_manager: bool,
}

impl<'a> Call<'a> {
    /// The id that a replay chooses for a new item. `None`: it chooses none, or this is no replay, where ids are not chosen.
    pub fn chosen_id(&self, name: &str) -> Result<Option<&'a str>> {
        if !self.is_replay {
            return Ok(None);
        }
        Ok(self.params.text(name)?.filter(|id| !id.is_empty()))
    }
}

/// A request for files.
pub struct FileCall<'a> {
    /// The path after the route's, or the segment for its parameter, percent-encoded.
    pub below: &'a str,
    /// The parameters in the query.
    pub query: Params<'a>,
    /// The requested range and its conditions.
    pub wanted: &'a RangeRequest,
    /// The body of the request.
    pub contents: Body,
    /// The headers of a request with spans.
    pub telemetry: &'a Telemetry,
}

/// The headers by which a request of OpenTelemetry says what it holds. Each is empty when it is not there.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// `Content-Type`.
    pub content_type: String,
    /// `Content-Encoding`.
    pub content_encoding: String,
    /// `x-mlflow-experiment-id`: the experiment of new traces.
    pub experiment_id: String,
    /// `x-mlflow-run-id`: the run that the traces are linked to.
    pub run_id: String,
}
