//! A live instance of the component, which belongs to one project for ever and works on one request at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use wasmtime::Store;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::Service;

use super::bindings as direct;
use super::bindings::DirectService;
use super::component::{Exports, Plugin};
use super::instance_error::InstanceError;
use super::services::HostServices;
use super::store_data::{Memory, RequestContext, Shortage, StoreData};
use crate::auth::upload_token::Leave;
use crate::http::collect;
use crate::http::collect::{CollectError, CollectLimits};
use crate::http::error::HttpError;
use crate::http::request_body::LimitedBody;
use crate::http::response_body::Piece;
use crate::limits::Limits;
use crate::limits::budget::{CallerId, Share};
use crate::limits::idle_timeout::Progress;
use crate::limits::pace::Pace;
use crate::storage::ProjectId;
use crate::storage::quota::Reservation;

/// How long a component may go on after its answer; whoever asked waits for that.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// Ends when the component has taken the request's body.
type Sent = Pin<Box<dyn Future<Output = Result<(), wasmtime_wasi_http::Error>> + Send>>;

/// Store and exports of an instance.
pub(crate) struct Instance {
    store: Store<StoreData>,
    exports: Exports,
    project: ProjectId,
    /// True if it answers what takes long, and nothing else.
    for_long: bool,
    uses: u32,
    /// It is in the middle of something, or was left there.
    busy: bool,
}

/// What an answer carries.
pub(crate) enum ResponseBody {
    Bytes(Bytes),
    /// A part of a file, which the component leaves to the host.
    File(direct::FilePart),
}

/// One request, with all that it may cost.
pub(crate) struct BufferedRequest<'a> {
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) may_write: bool,
    /// The caller for whom its memory is counted.
    pub(crate) caller: Option<CallerId>,
    pub(crate) leave: Option<Arc<Leave>>,
    pub(crate) deadline: Instant,
    pub(crate) limits: &'a Limits,
    pub(crate) answer: &'a mut Share,
}

/// One request that carries a file.
pub(crate) struct StreamedRequest<'a> {
    pub(crate) request: Request<LimitedBody>,
    pub(crate) may_write: bool,
    /// The caller for whom its memory is counted.
    pub(crate) caller: Option<CallerId>,
    pub(crate) limits: &'a Limits,
    pub(crate) progress: Progress,
    /// Room for its file in the project's quota.
    pub(crate) reservation: Option<Reservation>,
    /// Taken once there is a head.
    pub(crate) answered: &'a mut Option<oneshot::Sender<Result<Response<()>, HttpError>>>,
    pub(crate) pieces: mpsc::Sender<Piece>,
}

impl Instance {
    /// Makes an instance for a project, for requests that take long or for all others. `share` counts its memory.
    pub(crate) async fn create(
        plugin: &Plugin,
        lent: &Arc<HostServices>,
        share: Share,
        limits: &Limits,
        project: ProjectId,
        for_long: bool,
    ) -> Result<Self, InstanceError> {
        let memory = Memory::new(share, limits.instance_bytes_max);
        let mut store = plugin.store(StoreData::new(Arc::clone(lent), memory));
        let exports = match plugin.instantiate(&mut store).await {
            Ok(exports) => exports,
            Err(error) => return Err(explained(error.into(), &store)),
        };
        Ok(Self {
            store,
            exports,
            project,
            for_long,
            uses: 0,
            busy: false,
        })
    }

    pub(crate) fn project(&self) -> ProjectId {
        self.project
    }

    /// True if it answers searches and histories, and nothing else.
    pub(crate) fn is_for_long(&self) -> bool {
        self.for_long
    }

    /// How much memory it has.
    pub(crate) fn bytes(&self) -> usize {
        self.store.data().memory.bytes()
    }

    /// It finished its last request, kept nothing of it, and has neither grown nor worked too much.
    pub(crate) fn is_reusable(&self, limits: &Limits) -> bool {
        let call = self.store.data();
        !self.busy
            && self.uses < limits.instance_requests_max
            && self.bytes() <= limits.instance_reuse_bytes_max
            && call.table.is_empty()
    }

    /// Answers a request. When this future is dropped half-way, the instance is good for nothing but being dropped.
    pub(crate) async fn answer(&mut self, work: BufferedRequest<'_>) -> Result<Response<ResponseBody>, InstanceError> {
        let BufferedRequest {
            request,
            may_write,
            caller,
            leave,
            deadline,
            limits,
            answer,
        } = work;
        let binding = RequestContext {
            project: self.project,
            may_write,
            leave,
            progress: Progress::new(),
            reservation: None,
        };
        self.begin(caller, binding)?;
        let mut response = None;
        let exports = &self.exports;
        let run = self.store.run_concurrent(async |accessor| {
            response = Some(match &exports.direct {
                Some(direct) => ask(accessor, direct, request, limits, answer).await?,
                None => exchange(accessor, &exports.service, request, limits, answer)
                    .await?
                    .map(ResponseBody::Bytes),
            });
            // The component may still have something to do for this request, with this request's rights.
            Ok(
                timeout(AFTERWARDS, poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)))
                    .await
                    .is_ok(),
            )
        });
        let ended = timeout_at(deadline, run).await;
        self.end();
        let fault = match ended {
            Ok(Ok(Ok(finished))) => {
                self.busy = !finished;
                None
            }
            Ok(Ok(Err(fault))) => Some(explained(fault, &self.store)),
            Ok(Err(trap)) => Some(explained(InstanceError::Trapped(trap), &self.store)),
            Err(_) => Some(InstanceError::TimedOut),
        };
        match (response, fault) {
            (Some(response), fault) => {
                self.report_late(fault);
                Ok(response)
            }
            (None, fault) => Err(fault.unwrap_or_else(|| InstanceError::Unfit("no answer".into()))),
        }
    }

    /// Answers a request piece by piece, for as long as bytes move. The answer may break off: then its end is missing.
    pub(crate) async fn stream(&mut self, work: StreamedRequest<'_>) -> Result<(), InstanceError> {
        let binding = RequestContext {
            project: self.project,
            may_write: work.may_write,
            leave: None,
            progress: work.progress.clone(),
            reservation: work.reservation.clone(),
        };
        self.begin(work.caller, binding)?;
        let exports = &self.exports;
        let (progress, pause) = (work.progress.clone(), work.limits.transfer_idle_timeout);
        let run = self.store.run_concurrent(async |accessor| {
            pass_through(accessor, &exports.service, work).await?;
            let rest = poll_fn(|cx| accessor.poll_no_interesting_tasks(cx));
            Ok(timeout(AFTERWARDS, rest).await.is_ok())
        });
        let ended = progress.while_moving(pause, run).await;
        self.end();
        match ended {
            Some(Ok(Ok(finished))) => {
                self.busy = !finished;
                Ok(())
            }
            Some(Ok(Err(fault))) => Err(explained(fault, &self.store)),
            Some(Err(trap)) => Err(explained(InstanceError::Trapped(trap), &self.store)),
            None => Err(InstanceError::TimedOut),
        }
    }

    /// Begins a request, unless its caller has no room for the memory that the instance has already.
    fn begin(&mut self, caller: Option<CallerId>, binding: RequestContext) -> Result<(), InstanceError> {
        self.store
            .data_mut()
            .memory
            .lend_to(caller)
            .map_err(InstanceError::NoRoom)?;
        self.uses += 1;
        self.busy = true;
        self.store.data_mut().bind(binding);
        Ok(())
    }

    /// Ends it. While the instance waits for the next one, its memory counts for no caller.
    fn end(&mut self) {
        let call = self.store.data_mut();
        call.unbind();
        call.memory.take_back();
    }

    /// What happens after the answer was whole does not change it.
    fn report_late(&self, fault: Option<InstanceError>) {
        if let Some(fault) = fault {
            tracing::error!(target: "mlforge::component", project = self.project.0, ?fault, "fault after the answer");
        }
    }
}

/// Tells a trap for want of memory from any other. Few components survive it when memory is refused.
fn explained(fault: InstanceError, store: &Store<StoreData>) -> InstanceError {
    match (fault, store.data().memory.refused()) {
        (InstanceError::Trapped(_), Some(Shortage::Starved(exhausted))) => InstanceError::NoRoom(exhausted),
        (InstanceError::Trapped(_), Some(Shortage::OwnBound(bytes_max))) => InstanceError::MemoryBound(bytes_max),
        (fault, _) => fault,
    }
}

/// Hands the request to the component as it comes, and its answer on as it comes.
async fn pass_through(
    accessor: &Accessor<StoreData>,
    service: &Service,
    work: StreamedRequest<'_>,
) -> Result<(), InstanceError> {
    let (request, sent) = accessor.with(|mut access| {
        let (request, sent) = p3::Request::from_http(access.get().http().hooks, work.request);
        (request, Box::pin(sent) as Sent)
    });
    let response = service
        .handle(accessor, request)
        .await?
        .map_err(InstanceError::GaveUp)?;
    let response = accessor.with(|access| response.into_http(access, sent))?;
    let (head, mut body) = response.into_parts();
    if head.status < StatusCode::OK {
        return Err(InstanceError::Unfit(format!("status {}", head.status)));
    }
    let answered = work.answered.take();
    if answered.is_none_or(|answered| answered.send(Ok(Response::from_parts(head, ()))).is_err()) {
        return Ok(());
    }
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame
            .map_err(|error| InstanceError::Unfit(error.to_string()))?
            .into_data()
        else {
            continue;
        };
        if work.pieces.send(Piece::Bytes(bytes)).await.is_err() {
            // The client left.
            return Ok(());
        }
        work.progress.mark();
    }
    _ = work.pieces.send(Piece::End).await;
    Ok(())
}

/// Asks the component by its shorter way. It is told of the request what it needs: what the host says of the caller.
async fn ask(
    accessor: &Accessor<StoreData>,
    direct: &DirectService,
    request: &Request<Bytes>,
    limits: &Limits,
    share: &mut Share,
) -> Result<Response<ResponseBody>, InstanceError> {
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let header = |(name, value): (&HeaderName, _)| Some((name.as_str().to_owned(), text(value)?));
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let asked = direct::Request {
        method: request.method().as_str().to_owned(),
        target: target.to_owned(),
        headers: request.headers().iter().filter_map(header).collect(),
        body: request.body().to_vec(),
    };
    let answer = direct.mlforge_plugin_direct().call_ask(accessor, asked).await?;
    if let direct::Contents::Whole(body) = &answer.body {
        if body.len() > limits.answer_bytes_max {
            return Err(InstanceError::Unfit(format!(
                "more than {} bytes",
                limits.answer_bytes_max
            )));
        }
        share.grow(body.len()).map_err(InstanceError::NoRoom)?;
    }
    given(answer).map_err(|problem| InstanceError::Unfit(problem.to_string()))
}

fn given(answer: direct::Answer) -> Result<Response<ResponseBody>, http::Error> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(match answer.body {
        direct::Contents::Whole(bytes) => ResponseBody::Bytes(bytes.into()),
        direct::Contents::File(part) => ResponseBody::File(part),
    })
}

/// Hands the request to the component and takes its whole answer.
async fn exchange(
    accessor: &Accessor<StoreData>,
    service: &Service,
    request: &Request<Bytes>,
    limits: &Limits,
    share: &mut Share,
) -> Result<Response<Bytes>, InstanceError> {
    let request = request.clone().map(Full::new);
    let (request, sent) = accessor.with(|mut access| {
        let (request, sent) = p3::Request::from_http(access.get().http().hooks, request);
        (request, Box::pin(sent) as Sent)
    });
    let response = service
        .handle(accessor, request)
        .await?
        .map_err(InstanceError::GaveUp)?;
    let response = accessor.with(|access| response.into_http(access, sent))?;
    let (head, body) = response.into_parts();
    if head.status < StatusCode::OK {
        return Err(InstanceError::Unfit(format!("status {}", head.status)));
    }
    let pace = Pace {
        grace: limits.request_timeout,
        rate_min: 0,
    };
    let allowance = CollectLimits {
        bytes_max: limits.answer_bytes_max,
        pace,
        share,
    };
    let body = collect::collect(body, allowance)
        .await
        .map_err(|shortfall| match shortfall {
            CollectError::NoRoom(exhausted) => InstanceError::NoRoom(exhausted),
            CollectError::TooLarge => InstanceError::Unfit(format!("more than {} bytes", limits.answer_bytes_max)),
            CollectError::Stalled => InstanceError::TimedOut,
            CollectError::Broken(why) => InstanceError::Unfit(why),
        })?;
    Ok(Response::from_parts(head, body))
}
