//! Running requests in instances of the component: taking an instance from the pool, choosing the threads it works on, and
//! turning its outcome into a response.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tokio::time::{Duration, Instant, timeout_at};

use super::headers::{client_answer, client_head};
use crate::auth::Caller;
use crate::auth::upload_token::Leave;
use crate::host::Inner;
use crate::http::error::HttpError;
use crate::http::response_body::Body;
use crate::limits::budget::{Claim, Exhausted, Share};
use crate::runtime::bindings::FilePart;
use crate::runtime::instance::{BufferedRequest, Instance, ResponseBody};
use crate::runtime::instance_error::InstanceError;
use crate::runtime::low_priority::LowPriorityRuntime;
use crate::storage::{BlobInfo, ProjectId};

/// How often a file is asked for anew that is replaced in the same moment.
const REPLACED_MAX: usize = 10;

impl Inner {
    /// Runs a client's request in an instance of its project, where it holds up nobody, once a slot is free.
    pub(crate) async fn run_in_lane(
        self: &Arc<Self>,
        request: Request<Bytes>,
        caller: &Caller,
        leave: Option<Arc<Leave>>,
    ) -> Result<Response<Body>, HttpError> {
        let (host, caller, project) = (Arc::clone(self), caller.clone(), caller.project.id);
        let work = async move { host.run(request, &caller, leave, host.limits.request_timeout).await };
        let ran = self.lane.run_in_slot(project, work).await;
        ran.unwrap_or(Err(HttpError::Internal))
    }

    /// Runs a request in an instance of its project, and opens the file that its answer may be.
    pub(crate) async fn run(
        &self,
        request: Request<Bytes>,
        caller: &Caller,
        leave: Option<Arc<Leave>>,
        time: Duration,
    ) -> Result<Response<Body>, HttpError> {
        for _ in 0..REPLACED_MAX {
            let (response, share) = self.ask(&request, caller, leave.clone(), time).await?;
            let (head, given) = response.into_parts();
            match given {
                ResponseBody::Bytes(bytes) => {
                    return Ok(client_answer(request.method(), &head, Body::counted(bytes, share)));
                }
                ResponseBody::File(part) => {
                    if let Some(body) = self.open_part(caller.claim(), &part).await? {
                        return Ok(client_head(&head, body));
                    }
                }
            }
        }
        Err(HttpError::Unsteady)
    }

    async fn ask(
        &self,
        request: &Request<Bytes>,
        caller: &Caller,
        leave: Option<Arc<Leave>>,
        time: Duration,
    ) -> Result<(Response<ResponseBody>, Share), HttpError> {
        let path = request.uri().path();
        let for_long = LowPriorityRuntime::is_for(request.method(), path);
        let deadline = Instant::now() + time;
        let mut answer = self.admission.bodies.share(caller.claim());
        let work = BufferedRequest {
            request,
            may_write: caller.may_write,
            caller: caller.id,
            leave,
            deadline,
            limits: &self.limits,
            answer: &mut answer,
        };
        let result = match self.instance(caller.project.id, for_long, deadline).await {
            Ok(mut instance) => {
                let result = instance.answer(work).await;
                self.put_back(instance);
                result
            }
            Err(fault) => Err(fault),
        };
        match result {
            Ok(response) => Ok((response, answer)),
            Err(fault) => Err(refuse(fault, caller, path)),
        }
    }

    /// Opens the bytes that the component names; none when the file is not the one any more that it looked at.
    async fn open_part(&self, claim: Claim, part: &FilePart) -> Result<Option<Body>, HttpError> {
        let permit = self.admission.transfer_permit(claim).await?;
        let project = claim.project;
        let open = self.lent.blobs.read(project, &part.name, part.offset, part.length);
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

    /// Keeps an instance for the next request of its project, if it is fit for one.
    pub(crate) fn put_back(&self, instance: Instance) {
        if !self.isolate && instance.is_reusable(&self.limits) {
            self.pool.put(instance);
        }
    }

    /// An instance of a project, for requests that take long or for all others.
    pub(crate) async fn instance(
        &self,
        project: ProjectId,
        for_long: bool,
        deadline: Instant,
    ) -> Result<Instance, InstanceError> {
        if let Some(instance) = self.pool.take(project, for_long) {
            return Ok(instance);
        }
        let create = async || {
            let share = self.admission.memory.share(Claim { project, caller: None });
            let create = Instance::create(&self.plugin, &self.lent, share, &self.limits, project, for_long);
            timeout_at(deadline, create)
                .await
                .unwrap_or(Err(InstanceError::TimedOut))
        };
        let of = match create().await {
            Err(InstanceError::NoRoom(Exhausted::Project)) => Some(project),
            Err(InstanceError::NoRoom(_)) => None,
            created => return created,
        };
        // Idle instances hold memory that this request needs: evict them and try once more.
        match self.pool.drop_all(of) {
            true => create().await,
            false => Err(InstanceError::NoRoom(if of.is_some() {
                Exhausted::Project
            } else {
                Exhausted::All
            })),
        }
    }
}

/// The log learns why; the client learns whether to come back.
pub(crate) fn refuse(fault: InstanceError, caller: &Caller, path: &str) -> HttpError {
    let project = caller.project.id.0;
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
        InstanceError::GaveUp(code) => {
            tracing::error!(target: "mlforge::component", project, path, ?code, "the component gave up");
            HttpError::Internal
        }
        InstanceError::Unfit(why) => {
            tracing::error!(target: "mlforge::component", project, path, why, "the component's answer is unfit");
            HttpError::Internal
        }
    }
}
