//! Requests whose bodies stream. An instance works on one for as long as bytes move. Its response goes through a short channel,
//! whose other end the client may drop at any time.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use http::{Method, Request, Response, request::Parts};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::headers::{client_response, component_request, declared_length};
use super::ingress::Admitted;
use crate::auth::Caller;
use crate::host::HostState;
use crate::host::rights_watch::Revocation;
use crate::http::collect;
use crate::http::error::HttpError;
use crate::http::request_body::{Inbound, LimitedBody, LimitedBodyHandle};
use crate::http::request_id::for_current_request;
use crate::http::response_body::{Body, Chunk};
use crate::limits::admission::Permit;
use crate::limits::idle_timeout::IdleTimeout;
use crate::runtime::instance::{InstanceKind, ResponseSender, StreamedRequest};
use crate::storage::quota::Reservation;

/// Number of chunks of a response that are buffered for a slow client.
const CHUNKS_BUFFERED_MAX: usize = 2;
/// Time that a component may hold an unread body after its response.
const REST_TIME: Duration = Duration::from_secs(1);

/// Stops a task when it is dropped, as when a client leaves before the response.
struct StopOnDrop(Option<JoinHandle<()>>);

impl StopOnDrop {
    /// Lets the task go on: it ends when all is sent, or when the client leaves.
    fn release(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(work) = &self.0 {
            work.abort();
        }
    }
}

impl HostState {
    /// Answers a request that carries a file.
    pub(crate) async fn transfer(
        self: &Arc<Self>,
        admitted: &Admitted<'_>,
        mut body: Inbound,
        revocation: &Arc<Revocation>,
    ) -> Result<Response<Body>, HttpError> {
        let Admitted { head, path, caller, .. } = admitted;
        let bytes_max = self.limits.file_bytes_max;
        if declared_length(head).is_some_and(|bytes| bytes > bytes_max) {
            let refusal = HttpError::BodyTooLarge(bytes_max);
            return Err(self.reject(head, &mut body, refusal).await);
        }
        let entered = async {
            let permit = self.admission.transfer_permit(caller.claim()).await?;
            Ok((self.take_room(head, caller).await?, permit))
        };
        let (room, permit) = match entered.await {
            Ok(entered) => entered,
            Err(refusal) => return Err(self.reject(head, &mut body, refusal).await),
        };
        let progress = IdleTimeout::new();
        let (limited, handle) = LimitedBody::new(body, bytes_max, self.limits.upload_pace(), progress.clone());
        let limited = limited.with_reservation(room.clone());
        let audit = self.config.audit.headers(admitted);
        let mut request = self.with_own_headers(component_request(head, path, caller, audit, limited)?);
        self.add_page_headers(request.headers_mut(), head, path, caller, admitted.form_token.clone());
        let (head_sender, answer) = ResponseSender::new();
        let (sender, chunks) = mpsc::channel(CHUNKS_BUFFERED_MAX);
        let work = Transfer {
            host: Arc::clone(self),
            caller: caller.clone(),
            path: (*path).to_owned(),
            permit,
            reservation: room,
            revocation: Arc::clone(revocation),
        };
        let work = StopOnDrop(Some(tokio::spawn(for_current_request(work.run(
            request,
            progress,
            head_sender,
            sender,
        )))));
        let answer = answer.await.unwrap_or(Err(HttpError::Internal));
        let answer = match (handle.error(), answer) {
            (Some(error), _) => Err(error),
            (None, answer) => answer,
        };
        work.release();
        let failed = answer.as_ref().map_or(true, |answer| !answer.status().is_success());
        if failed {
            self.take_rest(head, handle).await;
        }
        Ok(streamed_answer(&head.method, answer?, chunks))
    }

    /// Reserves room in the project's quota for a file of the declared length. `None`: there is no quota, or no file.
    async fn take_room(&self, head: &Parts, caller: &Caller) -> Result<Option<Reservation>, HttpError> {
        let brings_file = head.method == Method::PUT || head.method == Method::POST;
        let Some(quota) = self.services.quota.as_ref().filter(|_| brings_file) else {
            return Ok(None);
        };
        let bytes = declared_length(head).unwrap_or(0);
        match quota.reserve(caller.project, bytes).await {
            Ok(Some(room)) => Ok(Some(room)),
            Ok(None) => Err(HttpError::ProjectFull(quota.bytes_max(caller.project))),
            Err(error) => {
                tracing::error!(target: "mlforge::storage", ?error, "storage unavailable");
                Err(HttpError::StorageDown)
            }
        }
    }

    /// Drains the part of a body that the component did not read.
    async fn take_rest(&self, head: &Parts, handle: LimitedBodyHandle) {
        let stalled = handle.error() == Some(HttpError::BodyStalled);
        if let Some(mut rest) = handle.rest(REST_TIME).await
            && !stalled
            && !head.headers.contains_key(header::EXPECT)
        {
            collect::drain(&mut rest, self.limits.body_bytes_max, crate::host::ingress::DRAIN_TIME).await;
        }
    }
}

/// A streamed request that runs.
struct Transfer {
    host: Arc<HostState>,
    caller: Caller,
    path: String,
    permit: Permit,
    reservation: Option<Reservation>,
    revocation: Arc<Revocation>,
}

impl Transfer {
    async fn run(
        self,
        request: Request<LimitedBody>,
        progress: IdleTimeout,
        mut response: ResponseSender,
        chunks: mpsc::Sender<Chunk>,
    ) {
        let host = &self.host;
        let project = self.caller.project;
        let deadline = Instant::now() + host.limits.request_timeout;
        let result = match host.instance(project, InstanceKind::General, deadline).await {
            Ok(mut instance) => {
                let work = StreamedRequest {
                    request,
                    may_write: self.caller.may_write,
                    caller: self.caller.id,
                    limits: &host.limits,
                    progress,
                    reservation: self.reservation,
                    response: &mut response,
                    chunks,
                };
                tokio::select! {
                    result = instance.stream(work) => {
                        host.put_back(instance);
                        result
                    }
                    // The instance is dropped with its work, and nothing of it is kept.
                    refusal = self.revocation.wait() => return response.fail(refusal),
                }
            }
            Err(fault) => Err(fault),
        };
        drop(self.permit);
        if let Err(fault) = result {
            response.fail(host.note_fault(fault, project, &self.path));
        }
    }
}

/// The client's response, whose body follows as the component sends it.
fn streamed_answer(method: &Method, answer: Response<()>, chunks: mpsc::Receiver<Chunk>) -> Response<Body> {
    let (head, ()) = answer.into_parts();
    let length: Option<u64> = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let body = match *method == Method::HEAD || head.status == http::StatusCode::NOT_MODIFIED {
        true => Body::empty(),
        false => Body::streamed(chunks, length),
    };
    client_response(method, &head, body)
}
