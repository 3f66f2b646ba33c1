//! Requests and answers of WASI 0.3.

use super::{fields, header, method_name};
use crate::bindings::wasi::http::types::{ErrorCode, Fields, Request, Response};
use crate::bindings::wit_future;
use crate::host::streams::{ByteStream, End, stream_of};
use crate::http::incoming::{Incoming, RequestLine};
use crate::request::body::Body;
use crate::request::response::{Answer, Contents};

/// Takes a request, whose body is still to be read.
pub(crate) fn received(request: Request) -> Incoming {
    let line = RequestLine {
        method: method_name(request.get_method()),
        target: request.get_path_with_query().unwrap_or_default(),
    };
    let headers = request.get_headers();
    let (_, done) = wit_future::new(|| Ok(()));
    let (contents, end) = Request::consume_body(request, done);
    let body = Body::Received(ByteStream(contents), End(Some(end)));
    Incoming::new(line, |name| header(&headers, name), body)
}

/// Hands the answer to the host; the body follows as the host takes it.
pub(crate) fn send(answer: Answer) -> Result<Response, ErrorCode> {
    let headers = Fields::from_list(&fields(answer.kind, answer.headers))
        .map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
    // An answer to HEAD may tell a length that it does not have.
    let mut end = None;
    let contents = match answer.body {
        Contents::Whole(bytes) => (!bytes.is_empty()).then(|| stream_of(bytes)),
        Contents::Stream(contents) => Some(contents),
        Contents::Filled(body) => {
            end = Some(body.end);
            Some(body.contents)
        }
        // Only `direct` may leave a file to the host.
        Contents::File(_) => return Err(ErrorCode::InternalError(None)),
    };
    // Without an end of its own a body is whole: the default is sent when the sender is dropped.
    let end = end.unwrap_or_else(|| wit_future::new(|| Ok(None)).1);
    let (response, _) = Response::new(headers, contents.map(|contents| contents.0), end);
    // The host refuses none of these statuses.
    let _ = response.set_status_code(answer.status);
    Ok(response)
}
