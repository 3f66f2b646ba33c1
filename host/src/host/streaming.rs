//! Requests whose bodies stream. An instance works on one for as long as bytes move. Its response goes through a short channel,
//! whose other end the client may drop at any time.

use std::sync::Arc;
use std::time::Duration;

use http::header;
use http::{Method, Request, Response, request::Parts};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::execution::refuse;
use super::headers::{client_answer, component_request, declared_length};
use crate::auth::Caller;
use crate::host::Inner;
use crate::http::collect;
use crate::http::error::HttpError;
use crate::http::request_body::{Inbound, LimitedBody, LimitedBodyHandle};
use crate::http::response_body::{Body, Piece};
use crate::limits::admission::Permit;
use crate::limits::idle_timeout::Progress;
use crate::runtime::instance::StreamedRequest;
use crate::runtime::instance_error::InstanceError;
use crate::storage::quota::Reservation;

/// Pieces of an answer that may wait for a slow client.
const PIECES_AHEAD: usize = 2;
/// How long a component may hold a body that it did not read, once it has answered.
const REST_TIME: Duration = Duration::from_secs(1);

/// Stops the work when the one who asked for it leaves before there is an answer.
struct StopOnDrop(Option<JoinHandle<()>>);

impl StopOnDrop {
    /// From now on it ends by itself: when all is sent, or nobody takes it.
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

impl Inner {
    /// Answers a request that carries a file.
    pub(crate) async fn transfer(
        self: &Arc<Self>,
        head: &Parts,
        path: &str,
        caller: &Caller,
        mut body: Inbound,
    ) -> Result<Response<Body>, HttpError> {
        let bytes_max = self.limits.file_bytes_max;
        if declared_length(head).is_some_and(|bytes| bytes > bytes_max) {
            let refusal = HttpError::BodyTooLarge(bytes_max);
            return Err(self.send_off(head, &mut body, refusal).await);
        }
        let admitted = async {
            let permit = self.admission.transfer_permit(caller.claim()).await?;
            Ok((self.take_room(head, caller).await?, permit))
        };
        let (room, permit) = match admitted.await {
            Ok(admitted) => admitted,
            Err(refusal) => return Err(self.send_off(head, &mut body, refusal).await),
        };
        let progress = Progress::new();
        let (inflow, outside) = LimitedBody::new(body, bytes_max, self.limits.upload_pace(), progress.clone());
        let inflow = inflow.within(room.clone());
        let request = self.with_own_headers(component_request(head, path, caller, inflow)?);
        let (answered, answer) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let work = Transfer {
            host: Arc::clone(self),
            caller: caller.clone(),
            path: path.to_owned(),
            permit,
            reservation: room,
        };
        let work = StopOnDrop(Some(tokio::spawn(work.run(request, progress, answered, sender))));
        let answer = answer.await.unwrap_or(Err(HttpError::Internal));
        let answer = match (outside.wrong(), answer) {
            (Some(wrong), _) => Err(wrong),
            (None, answer) => answer,
        };
        work.release();
        let failed = answer.as_ref().map_or(true, |answer| !answer.status().is_success());
        if failed {
            self.take_rest(head, outside).await;
        }
        Ok(streamed_answer(&head.method, answer?, pieces))
    }

    /// Room in the project for a file, of which is known at most how long it is; none is needed when nothing is counted.
    async fn take_room(&self, head: &Parts, caller: &Caller) -> Result<Option<Reservation>, HttpError> {
        let brings_file = head.method == Method::PUT || head.method == Method::POST;
        let Some(quota) = self.lent.quota.as_ref().filter(|_| brings_file) else {
            return Ok(None);
        };
        let bytes = declared_length(head).unwrap_or(0);
        match quota.reserve(caller.project.id, bytes).await {
            Ok(Some(room)) => Ok(Some(room)),
            Ok(None) => Err(HttpError::ProjectFull(quota.bytes_max())),
            Err(error) => {
                tracing::error!(target: "mlforge::storage", ?error, "storage unavailable");
                Err(HttpError::StorageDown)
            }
        }
    }

    /// Lets a client finish whose bytes the component did not want.
    async fn take_rest(&self, head: &Parts, outside: LimitedBodyHandle) {
        let stalled = outside.wrong() == Some(HttpError::BodyStalled);
        if let Some(mut rest) = outside.rest(REST_TIME).await
            && !stalled
            && !head.headers.contains_key(header::EXPECT)
        {
            collect::discard(
                &mut rest,
                self.limits.body_bytes_max,
                crate::host::ingress::DISCARD_TIME,
            )
            .await;
        }
    }
}

/// One request at work.
struct Transfer {
    host: Arc<Inner>,
    caller: Caller,
    path: String,
    permit: Permit,
    reservation: Option<Reservation>,
}

impl Transfer {
    async fn run(
        self,
        request: Request<LimitedBody>,
        progress: Progress,
        answered: oneshot::Sender<Result<Response<()>, HttpError>>,
        pieces: mpsc::Sender<Piece>,
    ) {
        let limits = &self.host.limits;
        let mut answered = Some(answered);
        let result = match self
            .host
            .instance(self.caller.project.id, false, Instant::now() + limits.request_timeout)
            .await
        {
            Ok(mut instance) => {
                let work = StreamedRequest {
                    request,
                    may_write: self.caller.may_write,
                    caller: self.caller.id,
                    limits,
                    progress,
                    reservation: self.reservation,
                    answered: &mut answered,
                    pieces,
                };
                let result = instance.stream(work).await;
                self.host.put_back(instance);
                result
            }
            Err(fault) => Err(fault),
        };
        drop(self.permit);
        if let Err(fault) = result {
            self.host.tell(fault, &self.caller, &self.path, answered);
        }
    }
}

impl Inner {
    fn tell(
        &self,
        fault: InstanceError,
        caller: &Caller,
        path: &str,
        answered: Option<oneshot::Sender<Result<Response<()>, HttpError>>>,
    ) {
        let refusal = refuse(fault, caller, path);
        if let Some(answered) = answered {
            // Who asked may have left.
            _ = answered.send(Err(refusal));
        }
    }
}

/// The answer, with a body that follows as it comes.
fn streamed_answer(method: &Method, answer: Response<()>, pieces: mpsc::Receiver<Piece>) -> Response<Body> {
    let (head, ()) = answer.into_parts();
    let length: Option<u64> = head
        .headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let body = match *method == Method::HEAD || head.status == http::StatusCode::NOT_MODIFIED {
        true => Body::empty(),
        false => Body::streamed(pieces, length),
    };
    client_answer(method, &head, body)
}
