//! Requests that are whole in memory, by the component's shorter way or by `wasi:http`.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use tokio::time::Instant;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{WasiBody, WasiHttpView};

use super::error::InstanceError;
use super::wasi_0_2::ExchangeContext;
use super::{Instance, Sent, TimeLimit};
use crate::auth::upload_token::TokenIssuer;
use crate::forge::{Access, Credential};
use crate::http::collect;
use crate::http::collect::{CollectError, CollectLimits};
use crate::limits::Limits;
use crate::limits::budget::{CallerId, Share};
use crate::limits::idle_timeout::IdleTimeout;
use crate::limits::pace::Pace;
use crate::runtime::bindings as direct;
use crate::runtime::bindings::DirectService;
use crate::runtime::store_data::{RequestContext, StoreData};

/// The body of a response.
pub(crate) enum ResponseBody {
    Bytes(Bytes),
    /// A part of a file, which the host sends itself.
    File(direct::FilePart),
}

/// One request, with all that it may cost.
pub(crate) struct BufferedRequest<'a> {
    pub(crate) request: &'a Request<Bytes>,
    pub(crate) may_write: bool,
    /// The caller for whom its memory is counted.
    pub(crate) caller: Option<CallerId>,
    pub(crate) token_issuer: Option<Arc<TokenIssuer>>,
    pub(crate) credential: Arc<Credential>,
    pub(crate) access: Arc<Access>,
    pub(crate) deadline: Instant,
    /// The time that the component sees. `None`: that of the host's clock.
    pub(crate) now: Option<SystemTime>,
    pub(crate) limits: &'a Limits,
    pub(crate) answer: &'a mut Share,
}

impl Instance {
    /// Answers a request.
    pub(crate) async fn answer(&mut self, work: BufferedRequest<'_>) -> Result<Response<ResponseBody>, InstanceError> {
        let BufferedRequest {
            request,
            may_write,
            caller,
            token_issuer,
            credential,
            access,
            deadline,
            now,
            limits,
            answer,
        } = work;
        let context = RequestContext {
            project: self.project,
            may_write,
            is_maintenance: false,
            credential: Some(credential),
            access: Some(access),
            token_issuer,
            progress: IdleTimeout::new(),
            reservation: None,
            now,
        };
        let limit = TimeLimit::Deadline(deadline);
        if self.is_of_wasi_0_2() {
            let context = ExchangeContext {
                caller,
                request: context,
                limit,
            };
            let whole = request.clone().map(Full::new);
            return self
                .exchange_of_wasi_0_2(context, whole, async |response| {
                    Ok(collected(response, limits, answer).await?.map(ResponseBody::Bytes))
                })
                .await;
        }
        self.run_bound(caller, context, limit, async |accessor, exports| {
            match &exports.direct {
                Some(direct) => ask(accessor, direct, request, limits, answer).await,
                None => Ok(
                    exchange(accessor, exports.service.of_wasi_0_3()?, request, limits, answer)
                        .await?
                        .map(ResponseBody::Bytes),
                ),
            }
        })
        .await
    }
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
            return Err(InstanceError::InvalidResponse(format!(
                "more than {} bytes",
                limits.answer_bytes_max
            )));
        }
        share.grow(body.len()).map_err(InstanceError::NoRoom)?;
    }
    given(answer).map_err(|problem| InstanceError::InvalidResponse(problem.to_string()))
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
        .map_err(InstanceError::gave_up)?;
    let response = accessor.with(|access| response.into_http(access, sent))?;
    collected(response, limits, share).await
}

/// Takes a whole answer.
async fn collected(
    response: Response<WasiBody>,
    limits: &Limits,
    share: &mut Share,
) -> Result<Response<Bytes>, InstanceError> {
    let (head, body) = response.into_parts();
    if head.status < StatusCode::OK {
        return Err(InstanceError::InvalidResponse(format!("status {}", head.status)));
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
            CollectError::TooLarge => {
                InstanceError::InvalidResponse(format!("more than {} bytes", limits.answer_bytes_max))
            }
            CollectError::Stalled => InstanceError::TimedOut,
            CollectError::Broken(why) => InstanceError::InvalidResponse(why),
        })?;
    Ok(Response::from_parts(head, body))
}
