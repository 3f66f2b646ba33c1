//! Replays: requests that another server answered long ago, made again here with their time, their user and their ids.

use std::time::SystemTime;

use http::request::Parts;

/// A request's past: an extension of a request to [`Host::handle`](crate::Host::handle), which is made as of then.
///
/// The component sees this time as the present and this user as the caller. If the caller may write, the request may also
/// choose the ids of what it creates: `run_id`, `model_id`, `experiment_id`, and `version` of a model version. The caller's
/// credential and rights count as in every request. No request from a socket has extensions of this type, so only a program
/// that holds the host can replay.
#[derive(Clone, Debug)]
pub struct Replay {
    /// The time of the request.
    pub time: SystemTime,
    /// The login of its user. Empty: unknown.
    pub user: String,
}

impl Replay {
    /// The past of a request. `None`: it happens now.
    pub(crate) fn of(head: &Parts) -> Option<&Self> {
        head.extensions.get::<Self>()
    }
}
