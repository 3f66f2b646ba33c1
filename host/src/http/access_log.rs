//! The access log: one line a request, with its method, path and status, but never a token, a query or a
//! body. The request counts in the metrics with the same status.

use std::time::Instant;

use http::{Method, Response, request::Parts};

use super::request_metrics::RequestMetrics;
use super::response_body::Body;
use super::route_name::RouteName;
use crate::storage::ProjectId;

/// Status of a request whose caller did not wait for the answer, as nginx logs it.
const CALLER_LEFT: u16 = 499;

/// The line of one request. It is written when dropped, so that a request whose caller has left is logged,
/// too.
pub(crate) struct RequestLine<'a> {
    metrics: &'a RequestMetrics,
    route: RouteName,
    method: Method,
    path: String,
    project: Option<ProjectId>,
    began: Instant,
    status: u16,
    /// Length of the answer; `None`: unknown.
    bytes: Option<u64>,
}

impl<'a> RequestLine<'a> {
    pub(crate) fn begin(head: &Parts, route: RouteName, metrics: &'a RequestMetrics) -> Self {
        Self {
            metrics,
            route,
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

impl Drop for RequestLine<'_> {
    fn drop(&mut self) {
        let duration = self.began.elapsed();
        self.metrics.record(self.route, self.status, duration);
        // A panic of the log would abort a process that already unwinds. The first panic is logged by itself.
        if std::thread::panicking() {
            return;
        }
        let Self {
            method,
            path,
            project,
            status,
            bytes,
            ..
        } = self;
        let project = project.map(|project| project.0);
        let duration_ms = duration.as_secs_f64() * 1000.0;
        tracing::info!(target: "mlforge::request", %method, path, status, project, duration_ms, bytes);
    }
}
