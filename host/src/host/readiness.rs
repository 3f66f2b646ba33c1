//! The readiness check: the storage answers, and the host does not stop. Load balancers ask it, often and without signing in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::host::HostState;
use crate::http::response_body::Body;
use crate::storage::{ListRequest, ProjectId};

/// Time for which an outcome is used again, so that questions of strangers cost the storage nothing.
const OUTCOME_TTL: Duration = Duration::from_secs(1);
/// Maximum time of the whole check.
const CHECK_TIME: Duration = Duration::from_secs(3);
/// A project that no forge has: nothing is ever stored of it.
const NO_PROJECT: ProjectId = ProjectId(0);

/// The state of readiness.
#[derive(Default)]
pub(crate) struct Readiness {
    is_draining: AtomicBool,
    last: Mutex<Option<(Instant, Outcome)>>,
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ready,
    /// The host lets running requests finish, and takes no new connections.
    Draining,
    /// The records cannot be read, or the writer takes no commit.
    NoRecords,
    /// The files cannot be listed.
    NoFiles,
}

impl Readiness {
    /// Says from now on whether the host is stopping.
    pub(crate) fn set_draining(&self, is_draining: bool) {
        self.is_draining.store(is_draining, Ordering::Relaxed);
    }
}

impl HostState {
    /// Checks whether the host can answer requests. The forge is not asked: its failure ends no decision that is kept, and
    /// another host would have the same one.
    pub(crate) async fn readiness(&self) -> Outcome {
        if self.readiness.is_draining.load(Ordering::Relaxed) {
            return Outcome::Draining;
        }
        // Whoever comes meanwhile waits for the same check.
        let mut last = self.readiness.last.lock().await;
        match *last {
            Some((at, outcome)) if at.elapsed() < OUTCOME_TTL => outcome,
            _ => {
                let outcome = self.check_storage().await;
                *last = Some((Instant::now(), outcome));
                outcome
            }
        }
    }

    async fn check_storage(&self) -> Outcome {
        let records = timeout(CHECK_TIME, self.services.records.ping()).await;
        if !matches!(records, Ok(Ok(()))) {
            return Outcome::NoRecords;
        }
        let page = ListRequest {
            limit: 1,
            ..ListRequest::first("")
        };
        let files = self.services.blobs.list(NO_PROJECT, page);
        match timeout(CHECK_TIME, files).await {
            Ok(Ok(_)) => Outcome::Ready,
            _ => Outcome::NoFiles,
        }
    }
}

impl From<Outcome> for Response<Body> {
    fn from(outcome: Outcome) -> Self {
        let (status, text) = match outcome {
            Outcome::Ready => (StatusCode::OK, "ready\n"),
            Outcome::Draining => (StatusCode::SERVICE_UNAVAILABLE, "not ready: the server is stopping\n"),
            Outcome::NoRecords => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the storage of records does not answer\n",
            ),
            Outcome::NoFiles => (
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: the storage of files does not answer\n",
            ),
        };
        let mut response = Response::new(Body::from(text.to_owned()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
