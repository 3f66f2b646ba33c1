//! Requests and answers of `wasi:http`, as WASI 0.3 or 0.2 has them.

#[cfg(feature = "wasi-0-2")]
mod wasi_0_2;
#[cfg(not(feature = "wasi-0-2"))]
mod wasi_0_3;

#[cfg(feature = "wasi-0-2")]
pub(crate) use wasi_0_2::*;
#[cfg(not(feature = "wasi-0-2"))]
pub(crate) use wasi_0_3::*;

use crate::bindings::wasi::http::types::{Fields, Method};

/// The text of a header, empty if it is not UTF-8. `None`: there is none.
fn header(headers: &Fields, name: &str) -> Option<String> {
    let value = headers.get(name).into_iter().next()?;
    Some(String::from_utf8(value).unwrap_or_default())
}

fn method_name(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    }
}

/// All headers, that of the content type first.
pub(super) fn all_headers(kind: &str, headers: Vec<(&'static str, String)>) -> impl Iterator<Item = (String, String)> {
    let kind = [("content-type", kind.to_owned())];
    kind.into_iter()
        .chain(headers)
        .map(|(name, value)| (name.to_owned(), value))
}

/// All headers as `wasi:http` takes them.
fn fields(kind: &str, headers: Vec<(&'static str, String)>) -> Vec<(String, Vec<u8>)> {
    all_headers(kind, headers)
        .map(|(name, value)| (name, value.into_bytes()))
        .collect()
}
