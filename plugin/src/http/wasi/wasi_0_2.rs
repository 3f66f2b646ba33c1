//! Requests and answers of WASI 0.2.

use super::{fields, header, method_name};
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use crate::error::{Error, Result};
use crate::host::streams;
use crate::host::streams::BodyWriter;
use crate::http::incoming::{Incoming, RequestLine};
use crate::request::body::Body;
use crate::request::response::{Answer, Contents};

/// Takes a request, whose body is still to be read.
pub(crate) fn received(request: &IncomingRequest) -> Incoming {
    let line = RequestLine {
        method: method_name(request.method()),
        target: request.path_with_query().unwrap_or_default(),
    };
    let headers = request.headers();
    let body = match request.consume() {
        Ok(body) => {
            let (contents, end) = streams::received(body);
            Body::Received(contents, end)
        }
        // Only a second call of `consume` fails.
        Err(()) => Body::Whole(Vec::new()),
    };
    Incoming::new(line, |name| header(&headers, name), body)
}

/// Hands the head of the answer to the host, then writes the body as the host takes it.
pub(crate) async fn send(answer: Answer, out: ResponseOutparam) {
    let headers = match Fields::from_list(&fields(answer.kind, answer.headers)) {
        Ok(headers) => headers,
        Err(error) => return refuse(out, &error.to_string()),
    };
    let response = OutgoingResponse::new(headers);
    // The host refuses none of these statuses.
    let _ = response.set_status_code(answer.status);
    let Ok(body) = response.body() else {
        return refuse(out, "the host gave no body");
    };
    ResponseOutparam::set(out, Ok(response));
    // A body that is dropped without its end breaks off.
    if write(answer.body, &body).await.is_ok() {
        // The host counts the bytes too: an answer to HEAD may tell a length that it does not have.
        let _ = OutgoingBody::finish(body, None);
    }
}

/// Answers with a fault.
pub(crate) fn refuse(out: ResponseOutparam, why: &str) {
    ResponseOutparam::set(out, Err(ErrorCode::InternalError(Some(why.to_owned()))));
}

async fn write(contents: Contents, body: &OutgoingBody) -> Result<()> {
    let Ok(stream) = body.write() else {
        return Err(Error::BrokenOff);
    };
    let mut writer = BodyWriter(stream);
    match contents {
        Contents::Whole(bytes) => writer.send(bytes).await,
        Contents::Stream(mut contents) => {
            while let Some(bytes) = contents.next().await? {
                writer.send(bytes).await?;
            }
            Ok(())
        }
        Contents::Filled(body) => body.fill(writer).await,
        // Only `direct` may leave a file to the host.
        Contents::File(_) => Err(Error::BrokenOff),
    }
}
