//! The host: from an HTTP request to an answer, without a socket.

pub(crate) mod execution;
pub(crate) mod headers;
pub(crate) mod ingress;
pub(crate) mod log_limit;
pub(crate) mod maintenance;
pub(crate) mod maintenance_schedule;
pub(crate) mod purge;
pub(crate) mod streaming;
pub(crate) mod upload_gc;
pub(crate) mod upload_tokens;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;

use crate::auth::Intent;
use crate::auth::origin::Origins;
use crate::forge::ProjectRef;
use crate::host::headers::{SOURCE_SCHEMES, component_request, declared_length};
use crate::host::ingress::Admitted;
use crate::host::maintenance::Maintenance;
use crate::host::upload_gc::UploadGc;
use crate::http::access_log::RequestLine;
use crate::http::body_mode::BodyMode;
use crate::http::error;
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;
use crate::http::response_body::Body;
use crate::http::router;
use crate::http::router::Route;
use crate::limits::Limits;
use crate::limits::admission::Admission;
use crate::limits::budget::Bounds;
use crate::limits::connections::{Connection, Connections};
use crate::runtime::component::Plugin;
use crate::runtime::instance_pool::Pool;
use crate::runtime::low_priority::LowPriorityRuntime;
use crate::runtime::services::HostServices;

/// A component, what is lent to it, and the rules under which it serves. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    plugin: Plugin,
    pub(crate) lent: Arc<HostServices>,
    pub(crate) limits: Limits,
    isolate: bool,
    /// As the component reads it; none: no scheme.
    source_schemes: Option<HeaderValue>,
    /// By what address clients reach the host, if it was told.
    pub(crate) external_url: Option<String>,
    pub(crate) origins: Origins,
    pool: Arc<Pool>,
    pub(crate) admission: Admission,
    pub(crate) connections: Connections,
    pub(crate) lane: LowPriorityRuntime,
    pub(crate) maintenance: Maintenance,
    pub(crate) upload_gc: UploadGc,
    background_maintenance: bool,
}

/// How a host serves, besides its limits.
#[derive(Default)]
pub(crate) struct HostConfig {
    /// True if every request gets an instance of its own.
    pub(crate) isolate: bool,
    /// True if upkeep happens by itself.
    pub(crate) background_maintenance: bool,
    /// By which schemes sources may lead out of a project, joined by commas.
    pub(crate) source_schemes: Option<HeaderValue>,
    /// By what address clients reach the host, without a slash at its end; none: by the one that a request names.
    pub(crate) external_url: Option<String>,
    /// The names and origins by which browsers know the host.
    pub(crate) origins: Origins,
}

impl Host {
    pub(crate) fn new(
        plugin: Plugin,
        lent: HostServices,
        limits: Limits,
        lane: LowPriorityRuntime,
        conduct: HostConfig,
    ) -> Self {
        let inner = Inner {
            plugin,
            lent: Arc::new(lent),
            isolate: conduct.isolate,
            background_maintenance: conduct.background_maintenance,
            source_schemes: conduct.source_schemes,
            external_url: conduct.external_url,
            origins: conduct.origins,
            pool: Pool::new(&limits),
            admission: Admission::new(&limits),
            connections: Connections::new(Bounds::of(limits.connections_max, 1, &limits)),
            lane,
            maintenance: Maintenance::default(),
            upload_gc: UploadGc::default(),
            limits,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The names of the interfaces that the component imports.
    pub fn imports(&self) -> Vec<String> {
        self.inner.plugin.imports()
    }

    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Answers one request; needs a tokio runtime, but no socket. Dropping the future stops the work, except for a
    /// commit that the storage has already: that happens whole or not at all.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let mut line = RequestLine::begin(&head);
        let response = match router::route(&head.method, &head.uri) {
            Route::Health => error::health(),
            Route::Nowhere => HttpError::EndpointNotFound.into(),
            Route::Project { project, path } => {
                let body = body.map_err(Into::into).boxed_unsync();
                self.inner
                    .answer(&head, project, path, body, &mut line)
                    .await
                    .unwrap_or_else(Response::from)
            }
        };
        line.end(&response);
        response
    }
}

impl Inner {
    /// Authenticates a request and counts it for its caller before it reads the body. An instance works last, with a permit.
    async fn answer(
        self: &Arc<Self>,
        head: &Parts,
        project: ProjectRef,
        path: &str,
        mut body: Inbound,
        line: &mut RequestLine,
    ) -> Result<Response<Body>, HttpError> {
        let admitted = match self.admit(head, &project, path).await {
            Ok(admitted) => admitted,
            Err(refusal) => return Err(self.send_off(head, &mut body, refusal).await),
        };
        let caller = &admitted.caller;
        line.of_project(caller.project.id);
        let under_way = match self.admission.enter(caller.claim()) {
            Ok(under_way) => under_way,
            Err(exhausted) => return Err(self.send_off(head, &mut body, exhausted.into()).await),
        };
        if let Some(connection) = head.extensions.get::<Arc<Connection>>() {
            connection.accept(caller.claim());
        }
        let mut response = match self.passage(head, path) {
            BodyMode::Streamed => self.transfer(head, path, caller, body).await,
            passage => self.answer_whole(admitted, body, passage).await,
        }?;
        response.body_mut().hold(under_way);
        Ok(response)
    }

    /// Answers a request whose body is held in memory.
    async fn answer_whole(
        self: &Arc<Self>,
        admitted: Admitted<'_>,
        mut body: Inbound,
        passage: BodyMode,
    ) -> Result<Response<Body>, HttpError> {
        let Admitted {
            head,
            path,
            intent,
            caller,
            credential,
        } = admitted;
        let mut share = self.admission.bodies.share(caller.claim());
        let bytes = match self.receive(head, path, &mut body, &mut share).await {
            Ok(bytes) => bytes,
            Err(refusal) => return Err(self.send_off(head, &mut body, refusal).await),
        };
        let request = self.with_own_headers(component_request(head, path, &caller, bytes)?);
        let leave = self.leave(head, caller.project.id, credential);
        let response = if passage == BodyMode::LongRunning {
            let _permit = self.admission.transfer_permit(caller.claim()).await?;
            self.run(request, &caller, leave, self.limits.multipart_complete_timeout)
                .await
        } else {
            let _permit = self.admission.run_permit(caller.claim()).await?;
            match LowPriorityRuntime::is_for(&head.method, path) {
                true => self.run_in_lane(request, &caller, leave).await,
                false => self.run(request, &caller, leave, self.limits.request_timeout).await,
            }
        };
        if self.background_maintenance {
            self.maintenance.note(self, caller.project.id, intent == Intent::Write);
        }
        response
    }

    /// A component that takes whole requests gets those with files too, where neither has to be whole in memory for it: it
    /// names the file that is wanted, and the host sends it.
    fn passage(&self, head: &Parts, path: &str) -> BodyMode {
        // A file that is too large is refused, and room for it reserved, where it streams.
        let may_fit = |bytes: &u64| *bytes <= self.limits.file_bytes_max && self.lent.quota.is_none();
        let may_be_whole = BodyMode::may_be_whole(&head.method, declared_length(head).filter(may_fit));
        match BodyMode::of(&head.method, path) {
            BodyMode::Streamed if may_be_whole && self.plugin.is_direct() => BodyMode::Buffered,
            passage => passage,
        }
    }

    /// Adds what the host says to the component in every request.
    pub(crate) fn with_own_headers<B>(&self, mut request: Request<B>) -> Request<B> {
        if let Some(schemes) = &self.source_schemes {
            request.headers_mut().insert(SOURCE_SCHEMES, schemes.clone());
        }
        request
    }
}
