//! Requests to a component of WASI 0.2.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::uri::{Authority, Scheme};
use http::{Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::{BodyExt as _, Empty};
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme as WasiScheme};
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

use super::error::InstanceError;
use super::{Instance, TimeLimit};
use crate::limits::budget::CallerId;
use crate::runtime::component::HttpService;
use crate::runtime::store_data::RequestContext;

/// The server's name for the component, which uses none: WASI 0.2 has no requests without one.
const AUTHORITY: &str = "mlforge";

/// The limits of one exchange.
pub(super) struct ExchangeContext {
    /// The caller for whom its memory is counted.
    pub(super) caller: Option<CallerId>,
    pub(super) request: RequestContext,
    pub(super) limit: TimeLimit,
}

impl Instance {
    /// True if it is of a component of WASI 0.2.
    pub(super) fn is_of_wasi_0_2(&self) -> bool {
        matches!(self.exports.service, HttpService::P2(_))
    }

    /// Hands a request to the component. `take` gets the response, and reads its body while the component writes it: the store is
    /// the component's until its call returns.
    pub(super) async fn exchange_of_wasi_0_2<B, T>(
        &mut self,
        context: ExchangeContext,
        request: Request<B>,
        take: impl AsyncFnOnce(Response<WasiBody>) -> Result<T, InstanceError>,
    ) -> Result<T, InstanceError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Error>,
    {
        self.begin(context.caller, context.request)?;
        let is_head = request.method() == Method::HEAD;
        let (sender, response) = oneshot::channel::<Result<Response<WasiBody>, ErrorCode>>();
        let mut answer = None;
        let taken = async {
            let response = response
                .await
                .map_err(|_| InstanceError::InvalidResponse("no answer".into()))?
                .map_err(InstanceError::gave_up)?;
            // An answer to HEAD may tell a length that its body does not have: then the body is an error.
            let has_length = response.headers().contains_key(CONTENT_LENGTH);
            let response = match is_head && has_length {
                true => response.map(|_| empty()),
                false => response,
            };
            answer = Some(take(response).await?);
            Ok::<(), InstanceError>(())
        };
        let work = async {
            let HttpService::P2(proxy) = &self.exports.service else {
                return Err(InstanceError::InvalidResponse("no export of WASI 0.2".into()));
            };
            let call = async {
                let mut view = self.store.data_mut().http();
                let incoming = view.new_incoming_request(WasiScheme::Http, with_authority(request)?)?;
                let out = view.new_response_outparam(sender)?;
                proxy
                    .wasi_http_incoming_handler()
                    .call_handle(&mut self.store, incoming, out)
                    .await?;
                Ok::<(), InstanceError>(())
            };
            // Whichever fails first ends both.
            tokio::try_join!(call, taken).map(|_| true)
        };
        let ended = context.limit.run(work).await;
        self.settle(answer, ended.map(Ok))
    }
}

fn empty() -> WasiBody {
    Empty::new().map_err(Error::from).boxed_unsync()
}

/// The request with a scheme and a server's name in its address.
fn with_authority<B>(request: Request<B>) -> Result<Request<B>, InstanceError> {
    let (mut head, body) = request.into_parts();
    let mut address = head.uri.into_parts();
    address.scheme = Some(Scheme::HTTP);
    address.authority = Some(Authority::from_static(AUTHORITY));
    head.uri = Uri::from_parts(address).map_err(|error| InstanceError::InvalidResponse(error.to_string()))?;
    Ok(Request::from_parts(head, body))
}
