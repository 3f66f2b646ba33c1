//! The host: it answers HTTP requests, without a socket.

pub(crate) mod audit;
pub(crate) mod credentials;
pub(crate) mod execution;
mod file_collection;
pub(crate) mod forge_turns;
pub(crate) mod headers;
pub(crate) mod ingress;
pub(crate) mod log_limit;
pub(crate) mod maintenance;
pub(crate) mod maintenance_schedule;
pub(crate) mod metrics;
pub(crate) mod mlflow_ui;
pub(crate) mod page_headers;
pub(crate) mod pages;
pub(crate) mod purge;
pub(crate) mod readiness;
pub(crate) mod remembered;
pub(crate) mod replay;
pub(crate) mod rights_watch;
pub(crate) mod streaming;
pub(crate) mod trace_retention;
pub(crate) mod upload_gc;
pub(crate) mod upload_tokens;
pub(crate) mod usage;
pub(crate) mod webhook;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;

use crate::auth::origin::Origins;
use crate::auth::sign_in::SignIn;
use crate::forge::{Credential, ProjectRef};
use crate::host::audit::AuditLog;
use crate::host::execution::ComponentCall;
use crate::host::forge_turns::{ForgeTurns, ForgeWork};
use crate::host::headers::{SOURCE_SCHEMES, component_request, declared_length};
use crate::host::ingress::Admitted;
use crate::host::maintenance::Maintenance;
use crate::host::metrics::{Started, StorageUsage};
use crate::host::readiness::Readiness;
use crate::host::replay::Replay;
use crate::host::upload_gc::UploadGc;
use crate::host::usage::UsageCounts;
use crate::http::access_log::RequestLine;
use crate::http::error;
use crate::http::error::HttpError;
use crate::http::request_body::Inbound;
use crate::http::request_id::RequestId;
use crate::http::request_metrics::RequestMetrics;
use crate::http::response_body::Body;
use crate::http::route_class::{self, BodyMode, Intent, RouteClass};
use crate::http::router;
use crate::http::router::Route;
use crate::http::ui_files::UiFiles;
use crate::limits::Limits;
use crate::limits::admission::Admission;
use crate::limits::budget::Bounds;
use crate::limits::connections::{Connection, Connections};
use crate::limits::rate::RateLimits;
use crate::limits::refusals::RefusalCounts;
use crate::runtime::component::Plugin;
use crate::runtime::instance::InstanceKind;
use crate::runtime::instance_pool::Pool;
use crate::runtime::services::HostServices;
use crate::runtime::threads::Threads;

/// A component with the services and limits under which it answers requests. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    state: Arc<HostState>,
}

pub(crate) struct HostState {
    plugin: Plugin,
    pub(crate) services: Arc<HostServices>,
    pub(crate) limits: Limits,
    config: HostConfig,
    pool: Arc<Pool>,
    pub(crate) admission: Admission,
    pub(crate) rates: RateLimits,
    pub(crate) refusals: RefusalCounts,
    pub(crate) connections: Connections,
    pub(crate) threads: Threads,
    pub(crate) maintenance: Maintenance,
    pub(crate) upload_gc: UploadGc,
    pub(crate) job_lookups: ForgeTurns,
    pub(crate) commit_statuses: ForgeTurns,
    /// Permits for webhooks that are read.
    pub(crate) webhooks: Semaphore,
    /// Permits for forms of the server's own pages that are read.
    pub(crate) forms: Semaphore,
    pub(crate) sign_in: SignIn,
    pub(crate) usage_counts: UsageCounts,
    started: Started,
    requests: RequestMetrics,
    storage_usage: StorageUsage,
    pub(crate) readiness: Readiness,
}

/// Settings of a host, besides its limits.
#[derive(Default)]
pub(crate) struct HostConfig {
    /// True if every request gets an instance of its own.
    pub(crate) isolate: bool,
    /// True if maintenance runs in the background.
    pub(crate) background_maintenance: bool,
    /// URI schemes by which sources may lead out of a project, joined by commas. `None`: no scheme.
    pub(crate) source_schemes: Option<HeaderValue>,
    /// The host's address for clients, without a slash at its end. `None`: the one that a request names.
    pub(crate) external_url: Option<String>,
    /// True if the metrics are on the public listener.
    pub(crate) public_metrics: bool,
    /// The audit log.
    pub(crate) audit: AuditLog,
    /// Time for which traces are kept. `None`: they stay.
    pub(crate) traces_kept_for: Option<Duration>,
    /// The names and origins by which browsers know the host.
    pub(crate) origins: Origins,
    /// The files of MLflow's own web pages. `None`: they are not served.
    pub(crate) mlflow_ui: Option<UiFiles>,
}

impl Host {
    pub(crate) fn new(
        plugin: Plugin,
        services: HostServices,
        limits: Limits,
        threads: Threads,
        sign_in: SignIn,
        config: HostConfig,
    ) -> Self {
        let state = HostState {
            plugin,
            services: Arc::new(services),
            config,
            pool: Pool::new(&limits),
            admission: Admission::new(&limits),
            rates: RateLimits::new(&limits),
            refusals: RefusalCounts::default(),
            connections: Connections::new(Bounds::of(limits.connections_max, 1, &limits)),
            threads,
            maintenance: Maintenance::default(),
            upload_gc: UploadGc::default(),
            job_lookups: ForgeTurns::new(ForgeWork::JobLookups),
            commit_statuses: ForgeTurns::new(ForgeWork::CommitStatuses),
            webhooks: Semaphore::new(webhook::WEBHOOKS_MAX),
            forms: Semaphore::new(pages::FORMS_MAX),
            sign_in,
            usage_counts: UsageCounts::default(),
            started: Started::now(),
            requests: RequestMetrics::new(),
            storage_usage: StorageUsage::default(),
            readiness: Readiness::default(),
            limits,
        };
        Self { state: Arc::new(state) }
    }

    /// The names of the interfaces that the component imports.
    pub fn imports(&self) -> Vec<String> {
        self.state.plugin.imports()
    }

    /// Makes a link that signs in once, within 10 minutes: its path below the host's address. A former link ends. `make`
    /// makes the credential of its user when it is followed. `None`: the system has no random bytes.
    pub fn sign_in_link(&self, make: impl FnOnce() -> anyhow::Result<Credential> + Send + 'static) -> Option<String> {
        let code = self
            .state
            .sign_in
            .once
            .make(Box::new(make), self.state.services.now_ms())?;
        Some(format!("/-/sign-in?once={code}"))
    }

    pub(crate) fn state(&self) -> &Arc<HostState> {
        &self.state
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.state.limits
    }

    /// Answers one request; needs a tokio runtime, but no socket. Dropping the future stops the work, except for a
    /// commit that the storage has already: that happens whole or not at all.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let id = RequestId::of(&head.headers);
        // Boxed, since it has kilobytes, which the futures around it would copy.
        let answer = Box::pin(self.answer_with_id(head, body, id.clone()));
        id.scope(answer).await
    }

    async fn answer_with_id<B>(&self, head: Parts, body: B, id: RequestId) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let route = router::route(&head.method, &head.uri);
        let mut line = RequestLine::begin(&head, route.name(&head.method), &self.state.requests);
        let mut response = match route {
            Route::Health => error::health(),
            Route::Ready => self.state.readiness().await.into(),
            Route::Metrics => self.answer_public_metrics(),
            Route::Webhook => {
                let body = body.map_err(Into::into).boxed_unsync();
                let taken = self.state.take_webhook(&head, body).await;
                taken.unwrap_or_else(Response::from)
            }
            Route::Server(page) => {
                let body = body.map_err(Into::into).boxed_unsync();
                self.state.answer_page(&head, page, body).await
            }
            Route::MlflowUi { project, below } => {
                let body = body.map_err(Into::into).boxed_unsync();
                self.state
                    .answer_mlflow_ui(&head, project, below, body, &mut line)
                    .await
            }
            Route::Nowhere => self.state.refuse(&head, false, HttpError::EndpointNotFound).await,
            Route::Project { project, path } => {
                let body = body.map_err(Into::into).boxed_unsync();
                match self.state.answer(&head, project, path, body, &mut line).await {
                    Ok(response) => response,
                    Err(refusal) => self.state.refuse(&head, router::is_page(path), refusal).await,
                }
            }
        };
        id.attach_to(&mut response);
        line.end(&response);
        response
    }
}

impl HostState {
    /// Authenticates a request and counts it for its caller before it reads the body. An instance works last, with a permit.
    async fn answer(
        self: &Arc<Self>,
        head: &Parts,
        project: ProjectRef,
        path: &str,
        mut body: Inbound,
        line: &mut RequestLine<'_>,
    ) -> Result<Response<Body>, HttpError> {
        let admitted = match self.admit(head, &project, path).await {
            Ok(admitted) => admitted,
            Err(refusal) => return Err(self.reject(head, &mut body, refusal).await),
        };
        let caller = &admitted.caller;
        line.of_project(caller.project);
        let under_way = match self.enter(&admitted) {
            Ok(under_way) => under_way,
            Err(refusal) => return Err(self.reject(head, &mut body, refusal).await),
        };
        if let Some(connection) = head.extensions.get::<Arc<Connection>>() {
            connection.accept(caller.claim());
        }
        let is_streamed = matches!(admitted.class.body_mode, BodyMode::Streamed | BodyMode::Generated);
        let watch = is_streamed.then(|| self.watch_rights(project, &admitted));
        let mut response = match (self.body_mode(head, admitted.class), &watch) {
            (BodyMode::Streamed | BodyMode::Generated, Some(watch)) => {
                self.transfer(&admitted, body, &watch.revocation).await
            }
            (body_mode, _) => self.answer_buffered(admitted, body, body_mode).await,
        }?;
        let body = response.body_mut();
        body.hold(under_way);
        if let Some(watch) = watch.filter(|_| body.is_streamed()) {
            body.break_off_on(watch.revocation.token());
            body.hold(watch);
        }
        Ok(response)
    }

    /// Answers a request whose body is held in memory.
    async fn answer_buffered(
        self: &Arc<Self>,
        admitted: Admitted<'_>,
        mut body: Inbound,
        body_mode: BodyMode,
    ) -> Result<Response<Body>, HttpError> {
        let audit = self.config.audit.headers(&admitted);
        let Admitted {
            head,
            path,
            class,
            caller,
            credential,
            form_token,
            session: _,
        } = admitted;
        let mut share = self.admission.bodies.share(caller.claim());
        let bytes = match self.receive(head, class, &mut body, &mut share).await {
            Ok(bytes) => bytes,
            Err(refusal) => return Err(self.reject(head, &mut body, refusal).await),
        };
        let mut request = self.with_own_headers(component_request(head, path, &caller, audit, bytes)?);
        self.add_page_headers(request.headers_mut(), head, path, &caller, form_token);
        let (project, credential) = (caller.project, Arc::new(credential));
        let call = ComponentCall {
            request,
            token_issuer: self.token_issuer(head, project, Arc::clone(&credential)),
            credential,
            now: Replay::of(head).map(|replay| replay.time),
            kind: if class.is_query {
                InstanceKind::Query
            } else {
                InstanceKind::General
            },
            timeout: match body_mode {
                BodyMode::LongRunning => self.limits.multipart_complete_timeout,
                BodyMode::Buffered | BodyMode::Streamed | BodyMode::Generated => self.limits.request_timeout,
            },
            caller,
        };
        let response = self.run_with_permit(call, body_mode).await;
        if self.config.background_maintenance {
            self.maintenance.schedule(self, project, class.intent == Intent::Write);
            self.plan_commit_statuses(project);
        }
        response
    }

    /// Runs a buffered request with a permit of its kind.
    async fn run_with_permit(
        self: &Arc<Self>,
        call: ComponentCall,
        body_mode: BodyMode,
    ) -> Result<Response<Body>, HttpError> {
        let claim = call.caller.claim();
        if body_mode == BodyMode::LongRunning {
            let _permit = self.admission.transfer_permit(claim).await?;
            return self.run(&call).await;
        }
        let _permit = self.admission.run_permit(claim).await?;
        let project = claim.project;
        let is_crowding = self.threads.is_crowding(project, self.admission.admitted_of(project));
        match call.kind {
            InstanceKind::General if !is_crowding => self.threads.run_short(project, Box::pin(self.run(&call))).await,
            _ => self.run_with_lower_priority(call, is_crowding).await,
        }
    }

    /// Buffers small requests with files for a component that exports `direct`: it names the file of the answer, and the host
    /// sends it. Others stream: a file that is too large is refused there, and room for it reserved.
    fn body_mode(&self, head: &Parts, class: RouteClass) -> BodyMode {
        let may_fit = |bytes: &u64| *bytes <= self.limits.file_bytes_max && self.services.quota.is_none();
        let length = declared_length(head).filter(may_fit);
        match class.body_mode {
            BodyMode::Streamed if self.plugin.is_direct() && route_class::may_be_buffered(&head.method, length) => {
                BodyMode::Buffered
            }
            body_mode => body_mode,
        }
    }

    /// Adds the headers that the host sets in every request.
    pub(crate) fn with_own_headers<B>(&self, mut request: Request<B>) -> Request<B> {
        if let Some(schemes) = &self.config.source_schemes {
            request.headers_mut().insert(SOURCE_SCHEMES, schemes.clone());
        }
        request
    }
}
#[cfg(test)]
mod tests {
    use std::panic;

    use http_body_util::Empty;

    use super::*;

    /// The size of what a function returns.
    fn size_of_result<F>(_: impl FnOnce() -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_future_of_a_request_is_small_since_it_is_moved_several_times() {
        fn never<T>() -> T {
            panic::panic_any("not called")
        }
        let bytes = size_of_result(|| never::<&Host>().handle(never::<Request<Empty<Bytes>>>()));
        assert!(bytes <= 1_024, "{bytes} bytes");
    }
}
