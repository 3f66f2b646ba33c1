//! The host: from an HTTP request to an answer, without a socket.

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::access::{self, Caller, Intent};
use crate::answer::{self, Refusal};
use crate::body::Body;
use crate::budget::{Budget, Share};
use crate::builder::HostBuilder;
use crate::call::Lent;
use crate::forge::{Actor, Project, ProjectRef};
use crate::instance::{Fault, Instance, Work};
use crate::intake::{self, Allowance, Shortfall};
use crate::limits::Limits;
use crate::mount::{self, Route};
use crate::passage::Passage;
use crate::plugin::Plugin;
use crate::pool::Pool;
use crate::request_log::RequestLine;
use crate::storage::ProjectId;
use crate::upkeep::Upkeep;

/// What of a client's request the component gets to see.
const PASSED_IN: [HeaderName; 7] = [
    header::ACCEPT,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::IF_NONE_MATCH,
    header::IF_RANGE,
    header::RANGE,
    header::USER_AGENT,
];
/// What of the component's answer the client gets to see. Lengths and connections are the host's matter.
const PASSED_OUT: [HeaderName; 15] = [
    header::ACCEPT_RANGES,
    header::ALLOW,
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_RANGE,
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_TYPE,
    header::ETAG,
    header::LAST_MODIFIED,
    header::LOCATION,
    header::REFERRER_POLICY,
    header::RETRY_AFTER,
    header::VARY,
    header::X_CONTENT_TYPE_OPTIONS,
    header::X_FRAME_OPTIONS,
];
const RIGHTS: HeaderName = HeaderName::from_static("x-mlforge-rights");
const ACTOR: HeaderName = HeaderName::from_static("x-mlforge-actor");
const SOURCE_SCHEMES: HeaderName = HeaderName::from_static("x-mlforge-source-schemes");
/// How long a refused client may go on sending.
pub(crate) const DISCARD_TIME: Duration = Duration::from_secs(5);

/// A client's body, wherever it comes from.
pub(crate) type Inbound = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// A component, what is lent to it, and the rules under which it serves. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    plugin: Plugin,
    lent: Arc<Lent>,
    pub(crate) limits: Limits,
    isolate: bool,
    /// As the component reads it; none: no scheme.
    source_schemes: Option<HeaderValue>,
    pool: Arc<Pool>,
    /// Running and waiting requests.
    doors: Semaphore,
    /// Running requests.
    seats: Semaphore,
    /// Running requests that carry files; they may take long, and so take no seat from others.
    pub(crate) transfer_seats: Arc<Semaphore>,
    memory: Budget,
    bodies: Budget,
    pub(crate) upkeep: Upkeep,
    keeps_up: bool,
}

/// How a host serves, besides its limits.
#[derive(Default)]
pub(crate) struct Conduct {
    /// Whether every request gets an instance of its own.
    pub(crate) isolate: bool,
    /// Whether upkeep happens by itself.
    pub(crate) keeps_up: bool,
    /// By which schemes sources may lead out of a project, joined by commas.
    pub(crate) source_schemes: Option<HeaderValue>,
}

/// A running request's place; the next one gets it when this is dropped.
struct Seat<'a> {
    _seat: SemaphorePermit<'a>,
    _door: SemaphorePermit<'a>,
}

impl Host {
    /// Begins to put a host together.
    pub fn builder() -> HostBuilder {
        HostBuilder::new()
    }

    pub(crate) fn new(plugin: Plugin, lent: Lent, limits: Limits, conduct: Conduct) -> Self {
        let inner = Inner {
            plugin,
            lent: Arc::new(lent),
            isolate: conduct.isolate,
            keeps_up: conduct.keeps_up,
            source_schemes: conduct.source_schemes,
            pool: Pool::new(&limits),
            doors: Semaphore::new(limits.running_max.saturating_add(limits.waiting_max)),
            seats: Semaphore::new(limits.running_max),
            transfer_seats: Arc::new(Semaphore::new(limits.transfers_max)),
            memory: Budget::new(limits.instances_bytes_max),
            bodies: Budget::new(limits.bodies_bytes_max),
            upkeep: Upkeep::default(),
            limits,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The names of the interfaces that the component imports.
    pub fn imports(&self) -> Vec<String> {
        self.inner.plugin.imports()
    }

    /// Lets the component do its upkeep in a project now, whatever was changed a moment ago. It changes no answer, only
    /// how fast answers come.
    pub async fn keep_up(&self, project: ProjectId) {
        self.inner.tidy(project, Some(Duration::ZERO)).await;
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
        let response = match mount::route(&head.method, &head.uri) {
            Route::Health => answer::health(),
            Route::Nowhere => Refusal::EndpointNotFound.into(),
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
    /// Who is it, what do they send, and is there a seat? Only then an instance works.
    async fn answer(
        self: &Arc<Self>,
        head: &Parts,
        project: ProjectRef,
        path: &str,
        mut body: Inbound,
        line: &mut RequestLine,
    ) -> Result<Response<Body>, Refusal> {
        let intent = Intent::of(&head.method, path);
        let admitted = access::admit(&*self.lent.forge, head, &project, intent, self.limits.forge_time).await;
        let caller = match admitted {
            Ok(caller) => caller,
            Err(refusal) => return Err(self.send_off(head, &mut body, refusal).await),
        };
        line.of_project(caller.project.id);
        if Passage::of(&head.method, path) == Passage::Streamed {
            return self.transfer(head, path, &caller, body).await;
        }
        let mut share = self.bodies.share();
        let allowance = Allowance {
            bytes_max: self.limits.body_bytes_max,
            pause: self.limits.body_pause,
            share: &mut share,
        };
        let bytes = match self.receive(head, &mut body, allowance).await {
            Ok(bytes) => bytes,
            Err(refusal) => return Err(self.send_off(head, &mut body, refusal).await),
        };
        let request = self.with_own_headers(component_request(head, path, &caller, bytes)?);
        let seat = self.take_seat().await?;
        let response = self.run(request, &caller).await;
        drop(seat);
        if self.keeps_up {
            self.upkeep.note(self, caller.project.id, intent == Intent::Write);
        }
        response
    }

    /// Adds what the host says to the component in every request.
    pub(crate) fn with_own_headers<B>(&self, mut request: Request<B>) -> Request<B> {
        if let Some(schemes) = &self.source_schemes {
            request.headers_mut().insert(SOURCE_SCHEMES, schemes.clone());
        }
        request
    }

    /// Runs a request of the host's own; none when it cannot be answered now.
    pub(crate) async fn run_for_host(&self, mut request: Request<Bytes>, project: ProjectId) -> Option<Bytes> {
        let nobody = Actor {
            id: 0,
            login: String::new(),
        };
        let caller = Caller {
            actor: nobody,
            project: Project {
                id: project,
                path: String::new(),
            },
            may_write: true,
        };
        request.headers_mut().insert(RIGHTS, HeaderValue::from_static("host"));
        let seat = self.take_seat().await.ok()?;
        let response = self.run(request, &caller).await.ok()?;
        drop(seat);
        response
            .status()
            .is_success()
            .then(|| response.into_body().into_bytes())
    }

    async fn receive(&self, head: &Parts, body: &mut Inbound, allowance: Allowance<'_>) -> Result<Bytes, Refusal> {
        let bytes_max = u64::try_from(allowance.bytes_max).unwrap_or(u64::MAX);
        if declared_length(head).is_some_and(|bytes| bytes > bytes_max) {
            return Err(Refusal::BodyTooLarge(bytes_max));
        }
        intake::collect(body, allowance)
            .await
            .map_err(|shortfall| match shortfall {
                Shortfall::TooLarge => Refusal::BodyTooLarge(bytes_max),
                Shortfall::NoRoom => Refusal::Overloaded,
                Shortfall::Stalled => Refusal::BodyStalled,
                Shortfall::Broken(_) => Refusal::BodyBroken,
            })
    }

    /// Lets a refused client finish, unless it waits for leave to begin.
    pub(crate) async fn send_off(&self, head: &Parts, body: &mut Inbound, refusal: Refusal) -> Refusal {
        if !head.headers.contains_key(header::EXPECT) && refusal != Refusal::BodyStalled {
            intake::discard(body, self.limits.body_bytes_max, DISCARD_TIME).await;
        }
        refusal
    }

    async fn take_seat(&self) -> Result<Seat<'_>, Refusal> {
        let door = self.doors.try_acquire().map_err(|_| Refusal::Overloaded)?;
        match timeout(self.limits.waiting_time, self.seats.acquire()).await {
            Ok(Ok(seat)) => Ok(Seat {
                _seat: seat,
                _door: door,
            }),
            _ => Err(Refusal::Overloaded),
        }
    }

    /// Runs a request in an instance of its project.
    async fn run(&self, request: Request<Bytes>, caller: &Caller) -> Result<Response<Body>, Refusal> {
        let path = request.uri().path().to_owned();
        let deadline = Instant::now() + self.limits.request_time;
        let mut answer = self.bodies.share();
        let work = Work {
            request,
            may_write: caller.may_write,
            deadline,
            limits: &self.limits,
            answer: &mut answer,
        };
        let result = match self.instance(caller, deadline).await {
            Ok(mut instance) => {
                let result = instance.answer(work).await;
                self.put_back(instance);
                result
            }
            Err(fault) => Err(fault),
        };
        match result {
            Ok(response) => Ok(client_response(response, answer)),
            Err(fault) => Err(refuse(fault, caller, &path)),
        }
    }

    /// Keeps an instance for the next request of its project, if it is fit for one.
    pub(crate) fn put_back(&self, instance: Instance) {
        if !self.isolate && instance.is_reusable(&self.limits) {
            self.pool.put(instance);
        }
    }

    pub(crate) async fn instance(&self, caller: &Caller, deadline: Instant) -> Result<Instance, Fault> {
        let project = caller.project.id;
        if let Some(instance) = self.pool.take(project) {
            return Ok(instance);
        }
        let create = async || {
            let create = Instance::create(&self.plugin, &self.lent, &self.memory, &self.limits, project);
            timeout_at(deadline, create).await.unwrap_or(Err(Fault::TimedOut))
        };
        match create().await {
            // Those that only wait take room from one that has work.
            Err(Fault::NoRoom) if self.pool.drop_all() => create().await,
            created => created,
        }
    }
}

/// The log learns why; the client learns whether to come back.
pub(crate) fn refuse(fault: Fault, caller: &Caller, path: &str) -> Refusal {
    let project = caller.project.id.0;
    match fault {
        Fault::TimedOut => {
            tracing::error!(target: "mlforge::component", project, path, "request stopped: out of time");
            Refusal::TimedOut
        }
        Fault::NoRoom => {
            tracing::warn!(target: "mlforge::component", project, path, "request stopped: no room");
            Refusal::Overloaded
        }
        Fault::Trapped(error) => {
            let error = format!("{error:?}");
            tracing::error!(target: "mlforge::component", project, path, error, "the component trapped");
            Refusal::Fault
        }
        Fault::GaveUp(code) => {
            tracing::error!(target: "mlforge::component", project, path, ?code, "the component gave up");
            Refusal::Fault
        }
        Fault::Unfit(why) => {
            tracing::error!(target: "mlforge::component", project, path, why, "the component's answer is unfit");
            Refusal::Fault
        }
    }
}

/// The component's request: the rest of the path with its query, a few headers, and who asks.
pub(crate) fn component_request<B>(head: &Parts, path: &str, caller: &Caller, body: B) -> Result<Request<B>, Refusal> {
    let target = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut request = Request::new(body);
    // A part of a valid address is one, so this cannot happen.
    *request.uri_mut() = Uri::try_from(target).map_err(|_| Refusal::EndpointNotFound)?;
    *request.method_mut() = head.method.clone();
    let headers = request.headers_mut();
    pass(&head.headers, headers, &PASSED_IN);
    headers.insert(
        RIGHTS,
        HeaderValue::from_static(if caller.may_write { "write" } else { "read" }),
    );
    if let Ok(login) = HeaderValue::from_bytes(caller.actor.login.as_bytes()) {
        headers.insert(ACTOR, login);
    }
    Ok(request)
}

fn client_response(response: Response<Bytes>, share: Share) -> Response<Body> {
    let (head, body) = response.into_parts();
    client_head(&head, Body::counted(body, share))
}

/// What the client gets to see of an answer's head.
pub(crate) fn client_head(head: &http::response::Parts, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    pass(&head.headers, response.headers_mut(), &PASSED_OUT);
    response
}

/// How long a request says that its body is.
pub(crate) fn declared_length(head: &Parts) -> Option<u64> {
    let length = head.headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn pass(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        for value in from.get_all(name) {
            to.append(name.clone(), value.clone());
        }
    }
}
