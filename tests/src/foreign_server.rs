//! A server that is not mlforge's own host, and that runs the component all the same. It runs outside of the tests;
//! `MLFORGE_TEST_SERVER` names its address.
//!
//! The server needs the tokens `writer`, `reader` and `manager` of callers of these names, with the roles developer, reporter
//! and maintainer, the clock stopped at `NOW_MS`, and projects that are empty at first: two for each test, from number 1 on.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use mlforge::Body;
use tokio::net::TcpStream;

/// The variable with the server's address, for example `http://127.0.0.1:5000`.
const VARIABLE: &str = "MLFORGE_TEST_SERVER";

/// Number of projects of each test.
const PROJECTS: u64 = 2;

const MOUNTS: &str = "/api/v4/projects/";

/// The server, with two projects of a test's own.
#[derive(Clone)]
pub(crate) struct ForeignServer {
    authority: Authority,
    /// The number before that of the first project.
    before: u64,
}

impl ForeignServer {
    /// The server that the environment names, with fresh projects. `None`: it names none.
    pub(crate) fn named() -> Option<Self> {
        static TESTS: AtomicU64 = AtomicU64::new(0);
        let address = std::env::var(VARIABLE).ok()?;
        let authority = address
            .strip_prefix("http://")
            .and_then(|authority| authority.parse().ok());
        Some(Self {
            authority: authority.unwrap_or_else(|| panic!("{VARIABLE} is not http://HOST:PORT: {address}")),
            before: TESTS.fetch_add(1, Ordering::Relaxed) * PROJECTS,
        })
    }

    /// Sends a request to the server, on a connection of its own.
    pub(crate) async fn handle(&self, mut request: Request<Full<Bytes>>) -> Response<Body> {
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        *request.uri_mut() = self.renumbered(target).parse().expect("an address");
        let host = HeaderValue::from_str(self.authority.as_str()).expect("the value of a header");
        request.headers_mut().entry(header::HOST).or_insert(host);
        let stream = TcpStream::connect(self.authority.as_str()).await;
        let stream = TokioIo::new(stream.unwrap_or_else(|error| panic!("{VARIABLE} {}: {error}", self.authority)));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .expect("a connection");
        tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await.expect("an answer").into_parts();
        let bytes = body.collect().await.expect("a whole answer").to_bytes();
        Response::from_parts(head, Body::from(bytes))
    }

    /// The target with the number that the test's project has on the server.
    fn renumbered(&self, target: &str) -> String {
        let rest = target.strip_prefix(MOUNTS).and_then(|rest| rest.split_once('/'));
        match rest.and_then(|(number, rest)| Some((number.parse::<u64>().ok()?, rest))) {
            Some((number, rest)) => format!("{MOUNTS}{}/{rest}", self.before + number),
            None => target.to_owned(),
        }
    }
}
