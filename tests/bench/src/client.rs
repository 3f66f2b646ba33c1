//! One kept-alive connection, and the requests that go through it. It knows HTTP and nothing of MLflow's messages.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Where a server is, and as whom to speak to it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Host and port.
    authority: String,
    /// What stands before `/api/2.0/mlflow`.
    prefix: String,
    authorization: Option<HeaderValue>,
}

impl Target {
    /// Reads a URL as in `MLFLOW_TRACKING_URI`.
    pub(crate) fn parse(url: &str, token: Option<&str>) -> Result<Self> {
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

    /// A GET of something below `/api/2.0/mlflow/`.
    pub(crate) fn get(&self, path: &str) -> Call {
        Call::get(self.path(path))
    }

    /// A POST of JSON to something below `/api/2.0/mlflow/`.
    pub(crate) fn post(&self, path: &str, body: &impl Serialize) -> Call {
        Call {
            method: Method::POST,
            path: self.path(path),
            // None of our bodies can fail; an empty one would be answered with an error, which is told.
            body: serde_json::to_vec(body).unwrap_or_default().into(),
        }
    }

    /// A GET of a file of a run, by its path below `/api/2.0/mlflow-artifacts/artifacts/`.
    pub(crate) fn download(&self, path: &str) -> Call {
        Call::get(self.file(path))
    }

    /// A PUT of such a file.
    pub(crate) fn upload(&self, path: &str, contents: Bytes) -> Call {
        Call {
            method: Method::PUT,
            path: self.file(path),
            body: contents,
        }
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
        if call.method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        *request.method_mut() = call.method;
        Ok(request)
    }
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// What to do; a POST carries JSON.
    pub(crate) method: Method,
    /// From the first slash on, with the query.
    pub(crate) path: String,
    /// Empty when there is none.
    pub(crate) body: Bytes,
}

impl Call {
    /// A GET of a path.
    pub(crate) fn get(path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            body: Bytes::new(),
        }
    }
}

/// What a server said.
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The whole body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// Status and the beginning of the body, for messages.
    pub(crate) fn brief(&self) -> String {
        let start: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        format!(
            "status {} {}",
            self.status,
            start.split_whitespace().collect::<Vec<_>>().join(" ")
        )
    }
}

/// One connection, made again when it breaks.
pub(crate) struct Client {
    target: Target,
    sender: SendRequest<Full<Bytes>>,
    connection: JoinHandle<()>,
}

impl Client {
    /// Connects, with `TCP_NODELAY`.
    pub(crate) async fn connect(target: &Target) -> Result<Self> {
        let (sender, connection) = connect(target).await?;
        Ok(Self {
            target: target.clone(),
            sender,
            connection,
        })
    }

    /// Connects anew; what went wrong with the old connection is forgotten.
    pub(crate) async fn reconnect(&mut self) -> Result<()> {
        let (sender, connection) = connect(&self.target).await?;
        self.connection.abort();
        self.sender = sender;
        self.connection = connection;
        Ok(())
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, call: Call) -> Result<Answer> {
        let response = self.start(call).await?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Answer { status, body })
    }

    /// Sends a request, reads the whole answer and drops it; returns its status.
    pub(crate) async fn send_and_drop(&mut self, call: Call) -> Result<u16> {
        let response = self.start(call).await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(status)
    }

    /// Sends a request that has to be answered with 200 and JSON: for what is prepared, not measured.
    pub(crate) async fn ask(&mut self, call: Call) -> Result<Value> {
        let path = call.path.clone();
        let answer = self.send(call).await?;
        if answer.status != 200 {
            bail!("{path}: {}", answer.brief());
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{path} answered something else than JSON"))
    }

    async fn start(&mut self, call: Call) -> Result<Response<Incoming>> {
        let request = self.target.request(call)?;
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
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
    // What breaks the connection is told to the request that meets it.
    let connection = tokio::spawn(async move { _ = connection.await });
    Ok((sender, connection))
}
