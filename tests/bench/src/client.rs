//! A persistent connection, and the requests that go through it. It knows HTTP and nothing of MLflow's
//! messages.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// The address of a server, with the credential of its requests.
#[derive(Clone, Debug)]
pub struct Target {
    /// Host and port.
    authority: String,
    /// The path before `/api/2.0/mlflow`.
    prefix: String,
    authorization: Option<HeaderValue>,
}

impl Target {
    /// Reads a URL as in `MLFLOW_TRACKING_URI`.
    pub fn parse(url: &str, token: Option<&str>) -> Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url} is not a URL"))?;
        let (Some("http"), Some(host)) = (uri.scheme_str(), uri.host()) else {
            bail!("{url} is not of the form http://host[:port][/path]");
        };
        let authorization = token.map(|token| HeaderValue::from_str(&format!("Bearer {token}")));
        Ok(Self {
            authority: format!("{host}:{}", uri.port_u16().unwrap_or(80)),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authorization: authorization
                .transpose()
                .context("the token cannot stand in a header")?,
        })
    }

    /// A target for another project and token on this server.
    pub fn of_project(&self, project: &str, token: &str) -> Result<Self> {
        let url = format!("http://{}/api/v4/projects/{project}/ml/mlflow", self.authority);
        Self::parse(&url, Some(token))
    }

    /// The address of the server.
    pub fn address(&self) -> Result<SocketAddr> {
        self.authority.parse().context("the server is not given by its address")
    }

    /// The head of a request, as it is sent. The connection ends with it.
    pub fn head(&self, call: &Call) -> String {
        let authorization = self.authorization.as_ref().and_then(|value| value.to_str().ok());
        format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\nauthorization: {}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            call.method,
            call.path,
            self.authority,
            authorization.unwrap_or_default(),
            call.body.len()
        )
    }

    /// A GET of a path below `/api/2.0/mlflow/`.
    pub fn get(&self, path: &str) -> Call {
        Call::get(self.path(path))
    }

    /// A GET of a page for people, by its path below `/-/ml/`.
    pub fn page(&self, path: &str) -> Call {
        let mut call = Call::get(format!("{}/-/ml/{path}", self.prefix));
        call.headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
        call
    }

    /// A POST of JSON to a path below `/api/2.0/mlflow/`.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Call {
        Call::json(Method::POST, self.path(path), body)
    }

    /// A request with another method and JSON to a path below `/api/2.0/mlflow/`.
    pub fn json(&self, method: Method, path: &str, body: &impl Serialize) -> Call {
        Call::json(method, self.path(path), body)
    }

    /// A request below `/api/3.0/mlflow/`. A GET has no body.
    pub fn newer(&self, method: Method, path: &str, body: &impl Serialize) -> Call {
        let path = format!("{}/api/3.0/mlflow/{path}", self.prefix);
        match method {
            Method::GET => Call::get(path),
            method => Call::json(method, path, body),
        }
    }

    /// Spans for an experiment, in OpenTelemetry's JSON.
    pub fn spans(&self, experiment: &str, body: &impl Serialize) -> Call {
        let mut call = Call::json(Method::POST, format!("{}/v1/traces", self.prefix), body);
        if let Ok(experiment) = HeaderValue::from_str(experiment) {
            call.headers.insert("x-mlflow-experiment-id", experiment);
        }
        call
    }

    /// A GET of a file of a run, by its path below `/api/2.0/mlflow-artifacts/artifacts/`.
    pub fn download(&self, path: &str) -> Call {
        Call::get(self.file(path))
    }

    /// A PUT of a file of a run, by its path as in `download`.
    pub fn upload(&self, path: &str, contents: Bytes) -> Call {
        Call::put(self.file(path), contents)
    }

    /// A DELETE of a file or a directory, by its path as in `download`.
    pub fn remove(&self, path: &str) -> Call {
        Call {
            method: Method::DELETE,
            ..Call::get(self.file(path))
        }
    }

    /// A GET that lists a directory of files, by its path as in `download`. The path must need no encoding.
    pub fn list(&self, path: &str) -> Call {
        Call::get(format!(
            "{}/api/2.0/mlflow-artifacts/artifacts?path={path}",
            self.prefix
        ))
    }

    /// A step of a multipart upload (`create`, `complete` or `abort`) to a directory of files.
    pub fn upload_in_parts(&self, step: &str, directory: &str, body: &impl Serialize) -> Call {
        let path = format!("{}/api/2.0/mlflow-artifacts/mpu/{step}/{directory}", self.prefix);
        Call::json(Method::POST, path, body)
    }

    fn file(&self, path: &str) -> String {
        format!("{}/api/2.0/mlflow-artifacts/artifacts/{path}", self.prefix)
    }

    fn path(&self, path: &str) -> String {
        format!("{}/api/2.0/mlflow/{path}", self.prefix)
    }

    fn request(&self, call: Call) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(call.body));
        *request.uri_mut() = call.path.parse().context("a path of a scenario")?;
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&self.authority)?);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers.extend(call.headers);
        *request.method_mut() = call.method;
        Ok(request)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path and the query, from the first slash on.
    pub path: String,
    /// The headers, besides those that every request has.
    pub headers: HeaderMap,
    /// The body. Empty: the request has none.
    pub body: Bytes,
}

impl Call {
    /// A GET of a path.
    pub fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A PUT of bytes.
    pub fn put(path: String, body: Bytes) -> Self {
        Self {
            method: Method::PUT,
            body,
            ..Self::get(path)
        }
    }

    fn json(method: Method, path: String, body: &impl Serialize) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self {
            method,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            // The bodies of this program always serialize. The server would answer an empty one with an
            // error, which is reported.
            body: serde_json::to_vec(body).unwrap_or_default().into(),
            ..Self::get(path)
        }
    }
}

/// The answer of a server.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The status and the beginning of the body, for messages.
    pub fn brief(&self) -> String {
        let start: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        format!(
            "status {} {}",
            self.status,
            start.split_whitespace().collect::<Vec<_>>().join(" ")
        )
    }
}

/// One connection, made again when it breaks.
pub struct Client {
    target: Target,
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Client {
    /// Connects, with `TCP_NODELAY`.
    pub async fn connect(target: &Target) -> Result<Self> {
        let (sender, connection) = connect(target).await?;
        Ok(Self {
            target: target.clone(),
            sender,
            connection,
        })
    }

    /// Connects again, and forgets the error of the old connection.
    pub async fn reconnect(&mut self) -> Result<()> {
        let (sender, connection) = connect(&self.target).await?;
        self.connection.abort();
        self.sender = sender;
        self.connection = connection;
        Ok(())
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&mut self, call: Call) -> Result<Answer> {
        let response = self.start(call).await?;
        let (head, body) = response.into_parts();
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// Sends a request, reads the whole answer and drops it; returns its status.
    pub async fn send_and_drop(&mut self, call: Call) -> Result<u16> {
        let response = self.start(call).await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(status)
    }

    /// Sends a request that must be answered with 200 and JSON. It is for preparation, not for measuring.
    pub async fn ask(&mut self, call: Call) -> Result<Value> {
        let path = call.path.clone();
        let answer = self.send(call).await?;
        if answer.status != 200 {
            bail!("{path}: {}", answer.brief());
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{path} answered something else than JSON"))
    }

    async fn start(&mut self, call: Call) -> Result<Response<Incoming>> {
        let request = self.target.request(call)?;
        // The server may have closed the connection after its last answer, for example to an upload that it did not read to the end.
        if self.sender.ready().await.is_err() {
            self.reconnect().await?;
        }
        match self.sender.try_send_request(request).await {
            Ok(response) => Ok(response),
            Err(mut error) => match error.take_message() {
                // Nothing of the request was sent.
                Some(request) => {
                    self.reconnect().await?;
                    Ok(self.sender.send_request(request).await?)
                }
                None => Err(error.into_error().into()),
            },
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

async fn connect(target: &Target) -> Result<(SendRequest<Full<Bytes>>, JoinHandle<()>)> {
    let stream = TcpStream::connect(&target.authority)
        .await
        .with_context(|| format!("cannot connect to {}", target.authority))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // An error of the connection is reported by the request that meets it.
    let connection = tokio::spawn(async move { _ = connection.await });
    Ok((sender, connection))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_the_server_closed_after_an_answer_is_made_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (closed, is_closed) = tokio::sync::oneshot::channel();
        let server = tokio::spawn(async move {
            let mut closed = Some(closed);
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                    .await
                    .unwrap();
                drop(stream);
                _ = closed.take().map(|closed| closed.send(()));
            }
        });
        let mut client = Client::connect(&Target::parse(&url, None).unwrap()).await.unwrap();
        let first = client.send(Call::get("/".to_owned())).await;
        assert_eq!(first.map(|answer| answer.status).ok(), Some(200));
        is_closed.await.unwrap();
        // The client's own task learns it then.
        client.connection_ended().await;
        let second = client.send(Call::get("/".to_owned())).await;
        assert_eq!(second.map(|answer| answer.status).ok(), Some(200));
        server.await.unwrap();
    }

    impl Client {
        async fn connection_ended(&mut self) {
            _ = (&mut self.connection).await;
        }
    }
}
