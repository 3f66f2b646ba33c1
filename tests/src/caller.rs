//! Calls a host as a client would: one line a request.

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use mlforge::Host;

/// A client with a token and a project.
#[derive(Clone)]
pub struct Caller {
    host: Host,
    token: String,
    project: String,
    headers: HeaderMap,
}

/// The answer of the host.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub body: String,
}

impl Caller {
    /// A client with this token. Empty: without a token.
    pub fn new(host: &Host, token: &str, project: &str) -> Self {
        Self {
            host: host.clone(),
            token: token.into(),
            project: project.into(),
            headers: HeaderMap::new(),
        }
    }

    /// Adds a header to every request of the client.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("the value of a header"));
        self
    }

    /// Reads a path below the mount.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Posts a body.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.send(Method::POST, path, body.into()).await
    }

    /// Sends any request.
    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> Answer {
        let uri = format!("/api/v4/projects/{}/ml/mlflow{path}", self.project);
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().expect("an address");
        request.headers_mut().clone_from(&self.headers);
        if !self.token.is_empty() {
            let bearer = format!("Bearer {}", self.token).parse().expect("the value of a header");
            request.headers_mut().insert("authorization", bearer);
        }
        Answer::of(&self.host, request).await
    }
}

impl Answer {
    /// The answer of a host to any request.
    pub async fn of(host: &Host, request: Request<Full<Bytes>>) -> Self {
        let (head, body) = host.handle(request).await.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        }
    }

    /// The MLflow error code in the body. Empty: there is none.
    pub fn error_code(&self) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["error_code"].as_str().unwrap_or_default().into()
    }

    /// Status and error code, which is what most tests compare.
    pub fn error(&self) -> (u16, String) {
        (self.status, self.error_code())
    }
}
