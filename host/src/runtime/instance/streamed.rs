//! Requests whose bodies stream, by `wasi:http`.

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

use super::error::InstanceError;
use super::wasi_0_2::ExchangeContext;
use super::{Instance, Sent, TimeLimit};
use crate::http::error::HttpError;
use crate::http::request_body::LimitedBody;
use crate::http::response_body::Chunk;
use crate::limits::Limits;
use crate::limits::budget::CallerId;
use crate::limits::idle_timeout::IdleTimeout;
use crate::runtime::store_data::{RequestContext, StoreData};
use crate::storage::quota::Reservation;

/// Sends the head of one response, or the error in its place.
pub(crate) struct ResponseSender(Option<oneshot::Sender<Result<Response<()>, HttpError>>>);

impl ResponseSender {
    /// A sender, and the receiver of what it sends.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<Response<()>, HttpError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Some(sender)), receiver)
    }

    /// Sends the head; false when the client has left.
    fn send_head(&mut self, head: http::response::Parts) -> bool {
        let response = Response::from_parts(head, ());
        self.0.take().is_some_and(|sender| sender.send(Ok(response)).is_ok())
    }

    /// Sends the error, unless the head is sent.
    pub(crate) fn fail(mut self, error: HttpError) {
        if let Some(sender) = self.0.take() {
            // The client may have left.
            _ = sender.send(Err(error));
        }
    }
}

/// One request that carries a file.
pub(crate) struct StreamedRequest<'a> {
    pub(crate) request: Request<LimitedBody>,
    pub(crate) may_write: bool,
    /// The caller for whom its memory is counted.
    pub(crate) caller: Option<CallerId>,
    pub(crate) limits: &'a Limits,
    pub(crate) progress: IdleTimeout,
    /// Room for its file in the project's quota.
    pub(crate) reservation: Option<Reservation>,
    pub(crate) response: &'a mut ResponseSender,
    pub(crate) chunks: mpsc::Sender<Chunk>,
}

impl Instance {
    /// Answers a request chunk by chunk, for as long as bytes move. An answer that breaks off lacks its end.
    pub(crate) async fn stream(&mut self, work: StreamedRequest<'_>) -> Result<(), InstanceError> {
        let context = RequestContext {
            project: self.project,
            may_write: work.may_write,
            is_maintenance: false,
            credential: None,
            access: None,
            token_issuer: None,
            progress: work.progress.clone(),
            reservation: work.reservation.clone(),
            now: None,
        };
        let limit = TimeLimit::Idle(work.progress.clone(), work.limits.transfer_idle_timeout);
        if self.is_of_wasi_0_2() {
            let context = ExchangeContext {
                caller: work.caller,
                request: context,
                limit,
            };
            let StreamedRequest {
                request,
                response: sender,
                chunks,
                progress,
                ..
            } = work;
            return self
                .exchange_of_wasi_0_2(context, request, async |response| {
                    pass_on(response, sender, &chunks, &progress).await
                })
                .await;
        }
        self.run_bound(work.caller, context, limit, async |accessor, exports| {
            pass_through(accessor, exports.service.of_wasi_0_3()?, work).await
        })
        .await
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
        .map_err(InstanceError::gave_up)?;
    let response = accessor.with(|access| response.into_http(access, sent))?;
    pass_on(response, work.response, &work.chunks, &work.progress).await
}

/// Hands an answer on as it comes.
async fn pass_on(
    response: Response<WasiBody>,
    sender: &mut ResponseSender,
    chunks: &mpsc::Sender<Chunk>,
    progress: &IdleTimeout,
) -> Result<(), InstanceError> {
    let (head, mut body) = response.into_parts();
    if head.status < StatusCode::OK {
        return Err(InstanceError::InvalidResponse(format!("status {}", head.status)));
    }
    if !sender.send_head(head) {
        return Ok(());
    }
    while let Some(frame) = body.frame().await {
        let Ok(bytes) = frame
            .map_err(|error| InstanceError::InvalidResponse(error.to_string()))?
            .into_data()
        else {
            continue;
        };
        if chunks.send(Chunk::Bytes(bytes)).await.is_err() {
            // The client left.
            return Ok(());
        }
        progress.touch();
    }
    _ = chunks.send(Chunk::End).await;
    Ok(())
}
