//! Running requests in instances of the component: taking an instance from the pool, choosing the threads it works on, and
//! turning its outcome into a response.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{Request, Response};
use tokio::time::{Duration, Instant, timeout_at};

use super::headers::{client_response, response_head};
use crate::auth::Caller;
use crate::auth::upload_token::TokenIssuer;
use crate::forge::Credential;
use crate::host::{HostState, remembered};
use crate::http::error::HttpError;
use crate::http::response_body::Body;
use crate::limits::budget::{Claim, Exhausted, Share};
use crate::runtime::bindings::FilePart;
use crate::runtime::instance::error::InstanceError;
use crate::runtime::instance::{BufferedRequest, Instance, InstanceKind, ResponseBody};
use crate::storage::{BlobInfo, ByteRange, ProjectId};

/// Number of attempts to open a file that is replaced at the same moment.
const FILE_CHANGED_RETRIES_MAX: usize = 10;

/// A buffered request for the component, and its caller.
pub(crate) struct ComponentCall {
    pub(crate) request: Request<Bytes>,
    pub(crate) caller: Caller,
    /// The means to issue upload tokens. `None`: the request has none.
    pub(crate) token_issuer: Option<Arc<TokenIssuer>>,
    /// The caller's credential, with which the forge is asked. It never enters the component.
    pub(crate) credential: Arc<Credential>,
    pub(crate) kind: InstanceKind,
    /// The time that the component sees. `None`: that of the host's clock.
    pub(crate) now: Option<SystemTime>,
    /// Time from now to the end of the answer.
    pub(crate) timeout: Duration,
}

impl HostState {
    /// Runs a query, or any request of a project that crowds others out, on the threads of a lower priority.
    pub(crate) async fn run_with_lower_priority(
        self: &Arc<Self>,
        call: ComponentCall,
        is_crowding: bool,
    ) -> Result<Response<Body>, HttpError> {
        let (host, project, kind) = (Arc::clone(self), call.caller.project, call.kind);
        // Boxed, since the future of a run has kilobytes, and each future around it would hold it again.
        let work = Box::pin(async move { host.run(&call).await });
        let ran = match kind {
            InstanceKind::Query => self.threads.run_long(project, is_crowding, work).await,
            InstanceKind::General => self.threads.run_crowding(project, work).await,
        };
        ran.unwrap_or(Err(HttpError::Internal))
    }

    /// Runs a request in an instance of its project, and opens the file that its answer may be.
    pub(crate) async fn run(&self, call: &ComponentCall) -> Result<Response<Body>, HttpError> {
        for _ in 0..FILE_CHANGED_RETRIES_MAX {
            let (response, share) = self.ask(call).await?;
            let (head, body) = response.into_parts();
            match body {
                ResponseBody::Bytes(bytes) => {
                    let body = Body::counted(bytes, share);
                    let mut response = client_response(call.request.method(), &head, body);
                    let cookies = &self.sign_in.cookies;
                    if let Some(cookie) = remembered::cookie(cookies, &call.request, &call.caller, &head.headers) {
                        response.headers_mut().append(SET_COOKIE, cookie);
                    }
                    return Ok(response);
                }
                ResponseBody::File(part) => {
                    if let Some(body) = self.open_part(call.caller.claim(), &part).await? {
                        return Ok(response_head(&head, body));
                    }
                }
            }
        }
        Err(HttpError::Unsteady)
    }

    async fn ask(&self, call: &ComponentCall) -> Result<(Response<ResponseBody>, Share), HttpError> {
        let caller = &call.caller;
        let deadline = Instant::now() + call.timeout;
        let mut answer = self.admission.bodies.share(caller.claim());
        let work = BufferedRequest {
            request: &call.request,
            may_write: caller.may_write,
            caller: caller.id,
            token_issuer: call.token_issuer.clone(),
            credential: Arc::clone(&call.credential),
            access: Arc::clone(&caller.access),
            deadline,
            now: call.now,
            limits: &self.limits,
            answer: &mut answer,
        };
        let result = match self.instance(caller.project, call.kind, deadline).await {
            Ok(mut instance) => {
                let result = instance.answer(work).await;
                self.put_back(instance);
                result
            }
            Err(fault) => Err(fault),
        };
        match result {
            Ok(response) => Ok((response, answer)),
            Err(fault) => Err(self.note_fault(fault, caller.project, call.request.uri().path())),
        }
    }

    /// Opens the bytes that the component names. `None`: the file was replaced since the component looked at it.
    async fn open_part(&self, claim: Claim, part: &FilePart) -> Result<Option<Body>, HttpError> {
        let permit = self.admission.transfer_permit(claim).await?;
        let project = claim.project;
        let range = ByteRange {
            offset: part.offset,
            length: part.length,
        };
        let open = self.services.blobs.read(project, &part.name, range);
        let looked_at = BlobInfo {
            size: part.size,
            modified_ms: part.modified_ms,
        };
        match open.await {
            Ok(Some(open)) if open.info == looked_at => Ok(Some(Body::file(open.contents, part.length, permit))),
            Ok(_) => Ok(None),
            Err(error) => {
                tracing::error!(target: "mlforge::storage", project = project.0, ?error, "a file cannot be read");
                Err(HttpError::StorageDown)
            }
        }
    }

    /// Returns an instance to the pool, if it can serve another request.
    pub(crate) fn put_back(&self, instance: Instance) {
        if !self.config.isolate && instance.is_reusable(&self.limits) {
            self.pool.put(instance);
        }
    }

    /// Counts and logs why an instance gave no answer.
    pub(crate) fn note_fault(&self, fault: InstanceError, project: ProjectId, path: &str) -> HttpError {
        self.pool.counts.note_fault(&fault);
        to_http_error(fault, project, path)
    }

    /// Takes an idle instance of a project, or makes one.
    pub(crate) async fn instance(
        &self,
        project: ProjectId,
        kind: InstanceKind,
        deadline: Instant,
    ) -> Result<Instance, InstanceError> {
        if let Some(instance) = self.pool.take(project, kind) {
            return Ok(instance);
        }
        let create = async || {
            let share = self.admission.memory.share(Claim { project, caller: None });
            let create = Instance::create(&self.plugin, &self.services, share, &self.limits, project, kind);
            let created = timeout_at(deadline, create)
                .await
                .unwrap_or(Err(InstanceError::TimedOut));
            if created.is_ok() {
                self.pool.counts.of(kind).made.increment();
            }
            created
        };
        let of = match create().await {
            Err(InstanceError::NoRoom(Exhausted::Project)) => Some(project),
            Err(InstanceError::NoRoom(_)) => None,
            created => return created,
        };
        // Idle instances hold memory that this request needs: evict them and try once more.
        if self.pool.drop_all(of) {
            return create().await;
        }
        Err(InstanceError::NoRoom(if of.is_some() {
            Exhausted::Project
        } else {
            Exhausted::All
        }))
    }
}

/// Logs why an instance gave no answer. The client learns only whether to try again.
fn to_http_error(fault: InstanceError, project: ProjectId, path: &str) -> HttpError {
    let project = project.0;
    match fault {
        InstanceError::TimedOut => {
            tracing::error!(target: "mlforge::component", project, path, "request stopped: out of time");
            HttpError::TimedOut
        }
        InstanceError::NoRoom(exhausted) => {
            tracing::warn!(target: "mlforge::component", project, path, ?exhausted, "request stopped: no room");
            HttpError::NoRoom(exhausted)
        }
        InstanceError::MemoryBound(bytes_max) => {
            tracing::warn!(target: "mlforge::component", project, path, bytes_max, "request stopped: needs more memory");
            HttpError::MemoryBound(bytes_max)
        }
        InstanceError::Trapped(error) => {
            let error = format!("{error:?}");
            tracing::error!(target: "mlforge::component", project, path, error, "the component trapped");
            HttpError::Internal
        }
        InstanceError::Handler(code) => {
            tracing::error!(target: "mlforge::component", project, path, code, "the component returned an error");
            HttpError::Internal
        }
        InstanceError::Maintenance(why) => {
            tracing::error!(target: "mlforge::component", project, path, why, "maintenance failed");
            HttpError::Internal
        }
        InstanceError::InvalidResponse(why) => {
            tracing::error!(target: "mlforge::component", project, path, why, "the component's response is invalid");
            HttpError::Internal
        }
    }
}
