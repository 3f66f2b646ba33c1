//! A request read whole, and an answer written whole, over `wasi:http`.

use crate::bindings::exports::mlforge::plugin::direct;
use crate::bindings::wasi::http::types::{ErrorCode, Fields, Method, Request, Response};
use crate::bindings::{wit_future, wit_stream};

/// The header in which the host says what the caller may do.
const RIGHTS_HEADER: &str = "x-mlforge-rights";

/// The header in which the host says who the caller is.
const ACTOR_HEADER: &str = "x-mlforge-actor";

/// The header in which the host lists the schemes of sources that lead out of the project.
const SOURCE_SCHEMES_HEADER: &str = "x-mlforge-source-schemes";

/// What the host lets the caller do. Without its word: nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rights {
    /// Nothing.
    None,
    /// Reading.
    Read,
    /// Everything that a caller can.
    Write,
    /// Also what only the host itself asks for.
    Host,
}

/// A request as the routes and endpoints see it.
pub struct Incoming {
    /// In capitals.
    pub method: String,
    /// Percent-encoded, without the query.
    pub path: String,
    /// Without the question mark; empty when there is none.
    pub query: String,
    /// What the caller may do.
    pub rights: Rights,
    /// The caller's login; empty when the host does not say.
    pub actor: String,
    /// By which schemes sources of model versions may lead out of the project.
    pub source_schemes: Vec<String>,
    /// All of it: the host bounds its size.
    pub body: Vec<u8>,
}

/// A whole answer.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Besides the content type.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

impl Answer {
    /// A JSON object with status 200: clients take any other status for a failure, also 201 after a creation.
    pub fn ok(body: Vec<u8>) -> Self {
        Answer {
            status: 200,
            headers: Vec::new(),
            body,
        }
    }
}

impl Incoming {
    /// Reads a request to its end. Fails when the connection breaks before.
    pub async fn read(request: Request) -> Result<Self, ErrorCode> {
        let method = method_name(request.get_method());
        let target = request.get_path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let headers = request.get_headers();
        let rights = rights(&headers);
        let actor = text(&headers, ACTOR_HEADER);
        let source_schemes = schemes(&text(&headers, SOURCE_SCHEMES_HEADER));
        // What is asked by GET is in the query: a body, if there is one, means nothing.
        let body = if method == "GET" {
            Vec::new()
        } else {
            read_body(request).await?
        };
        Ok(Incoming {
            method,
            path,
            query,
            rights,
            actor,
            source_schemes,
            body,
        })
    }
}

impl From<direct::Request> for Incoming {
    fn from(request: direct::Request) -> Self {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let header = |name| {
            let found = request.headers.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.as_str())
        };
        Incoming {
            rights: rights_of(header(RIGHTS_HEADER).map(str::as_bytes)),
            actor: header(ACTOR_HEADER).unwrap_or_default().to_owned(),
            source_schemes: schemes(header(SOURCE_SCHEMES_HEADER).unwrap_or_default()),
            path: path.to_owned(),
            query: query.to_owned(),
            body: if request.method == "GET" {
                Vec::new()
            } else {
                request.body
            },
            method: request.method,
        }
    }
}

async fn read_body(request: Request) -> Result<Vec<u8>, ErrorCode> {
    let (_, done) = wit_future::new(|| Ok(()));
    let (contents, trailers) = Request::consume_body(request, done);
    let body = contents.collect().await;
    // A cut upload ends its stream like a whole one; only here does it show.
    trailers.await?;
    Ok(body)
}

fn rights(headers: &Fields) -> Rights {
    rights_of(headers.get(RIGHTS_HEADER).first().map(Vec::as_slice))
}

fn rights_of(word: Option<&[u8]>) -> Rights {
    match word {
        Some(b"host") => Rights::Host,
        Some(b"write") => Rights::Write,
        Some(b"read") => Rights::Read,
        _ => Rights::None,
    }
}

fn schemes(list: &str) -> Vec<String> {
    list.split(',').map(str::to_owned).collect()
}

/// A header's text; empty when there is none.
fn text(headers: &Fields, name: &str) -> String {
    let value = headers.get(name).into_iter().next();
    value
        .and_then(|value| String::from_utf8(value).ok())
        .unwrap_or_default()
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

impl Answer {
    /// All headers, that of the content type first.
    fn all_headers(headers: Vec<(&'static str, String)>) -> impl Iterator<Item = (String, String)> {
        let kind = [("content-type", "application/json".to_owned())];
        kind.into_iter()
            .chain(headers)
            .map(|(name, value)| (name.to_owned(), value))
    }
}

impl From<Answer> for direct::Answer {
    fn from(answer: Answer) -> Self {
        direct::Answer {
            status: answer.status,
            headers: Answer::all_headers(answer.headers).collect(),
            body: answer.body,
        }
    }
}

impl Answer {
    /// Hands the answer to the host; the body follows as the host takes it.
    pub fn send(self) -> Result<Response, ErrorCode> {
        let fields: Vec<_> = Self::all_headers(self.headers)
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        let headers = Fields::from_list(&fields).map_err(|error| ErrorCode::InternalError(Some(error.to_string())))?;
        let (mut sender, contents) = wit_stream::new();
        let (trailers_sender, trailers) = wit_future::new(|| Ok(None));
        drop(trailers_sender);
        let (response, _) = Response::new(headers, Some(contents), trailers);
        // The host knows no status that it would refuse here.
        let _ = response.set_status_code(self.status);
        wit_bindgen::spawn_local(async move {
            // What the host does not take is not missed: it is the one who counts bytes.
            let _ = sender.write_all(self.body).await;
        });
        Ok(response)
    }
}
