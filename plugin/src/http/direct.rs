//! Requests and answers of `direct`, whole in memory.

use super::incoming::{Incoming, RequestLine};
use super::wasi::all_headers;
use crate::bindings::exports::mlforge::plugin::direct;
use crate::error::Result;
use crate::host::blobs::FilePart;
use crate::request::body::Body;
use crate::request::response::{Answer, Contents};

impl From<direct::Request> for Incoming {
    fn from(request: direct::Request) -> Self {
        let headers = request.headers;
        let header = |name: &str| {
            let found = headers.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.clone())
        };
        let line = RequestLine {
            method: request.method,
            target: request.target,
        };
        let mut incoming = Incoming::new(line, header, Body::Whole(request.body));
        incoming.wanted.by_host = true;
        incoming
    }
}

impl From<FilePart> for direct::FilePart {
    fn from(part: FilePart) -> Self {
        Self {
            name: part.name,
            size: part.info.size,
            modified_ms: part.info.modified_ms,
            offset: part.offset,
            length: part.length,
        }
    }
}

/// The answer for `direct`.
pub(crate) async fn into_direct(answer: Answer) -> direct::Answer {
    let mut status = answer.status;
    let mut whole = |collected: Result<Vec<u8>>| {
        // A body that broke off must not look whole.
        let bytes = collected.unwrap_or_else(|_| {
            status = 500;
            Vec::new()
        });
        direct::Contents::Whole(bytes)
    };
    let body = match answer.body {
        Contents::Whole(bytes) => direct::Contents::Whole(bytes),
        Contents::Stream(contents) => whole(contents.collect().await),
        Contents::Filled(body) => whole(body.collect().await),
        Contents::File(part) => direct::Contents::File(part.into()),
    };
    direct::Answer {
        status,
        headers: all_headers(answer.kind, answer.headers).collect(),
        body,
    }
}
