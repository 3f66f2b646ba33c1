//! One line a request: what was asked and how it ended, never a token, a query or a body.

use std::time::Instant;

use http::{Method, Response, request::Parts};

use super::response_body::Body;
use crate::storage::ProjectId;

/// What nginx writes for a caller who did not wait for the answer.
const CALLER_LEFT: u16 = 499;

/// Is written when it is dropped, so that a request whose caller went away has its line too.
pub(crate) struct RequestLine {
    method: Method,
    path: String,
    project: Option<ProjectId>,
    began: Instant,
    status: u16,
    /// None when the answer does not know its length.
    bytes: Option<u64>,
}

impl RequestLine {
    pub(crate) fn begin(head: &Parts) -> Self {
        Self {
            method: head.method.clone(),
            path: head.uri.path().to_owned(),
            project: None,
            began: Instant::now(),
            status: CALLER_LEFT,
            bytes: Some(0),
        }
    }

    pub(crate) fn of_project(&mut self, project: ProjectId) {
        self.project = Some(project);
    }

    pub(crate) fn end(mut self, response: &Response<Body>) {
        self.status = response.status().as_u16();
        self.bytes = response.body().len();
    }
}

impl Drop for RequestLine {
    fn drop(&mut self) {
        // A panic of the log would abort a process that unwinds already. The panic that unwinds is logged by itself.
        if std::thread::panicking() {
            return;
        }
        let Self {
            method,
            path,
            project,
            began,
            status,
            bytes,
        } = self;
        let project = project.map(|project| project.0);
        let duration_ms = began.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(target: "mlforge::request", %method, path, status, project, duration_ms, bytes);
    }
}
