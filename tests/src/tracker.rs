//! A tracker under test: a host with two projects, driven by one-line requests through its front door. Its
//! clock is frozen and its random numbers are seeded.
//!
//! `MLFORGE_TEST_STORAGE=sqlite` and `MLFORGE_TEST_ISOLATE=1` run every test on the other storage and in
//! fresh instances. `MLFORGE_TEST_STORAGE=postgres` runs them on the server that `MLFORGE_TEST_POSTGRES` names,
//! each on a database of its own. On both, everything is compacted before each request. `MLFORGE_TEST_STORAGE=s3`
//! stores files in the bucket that `MLFORGE_TEST_S3` names.
//!
//! `MLFORGE_TEST_SERVER=http://HOST:PORT` sends the requests to another server instead, which runs the component. A test that
//! needs mlforge's own host fails then, and names what it needs.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use mlforge::storage::ProjectId;
use mlforge::{Body, HostBuilder, Plugin};
use serde_json::Value;

pub use crate::component::{component, plugin, plugin_without_optional_imports};
use crate::direct_store::DirectStore;
use crate::foreign_server::ForeignServer;
use crate::own_host::OwnHost;

/// The time of the component's clock, in milliseconds since the Unix epoch.
pub const NOW_MS: i64 = 1_700_000_000_000;

/// A server with two projects, 1 and 2.
pub struct Tracker {
    server: Server,
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) project: u64,
    token: &'static str,
}

/// The server under test.
enum Server {
    Own(Box<OwnHost>),
    Foreign(ForeignServer),
}

/// The door of the server under test. Tasks share it.
#[derive(Clone)]
pub(crate) enum Door {
    Own(mlforge::Host),
    Foreign(ForeignServer),
}

impl Door {
    /// Sends a request.
    pub(crate) async fn handle(&self, request: Request<Full<Bytes>>) -> Response<Body> {
        match self {
            Self::Own(host) => host.handle(request).await,
            Self::Foreign(server) => server.handle(request).await,
        }
    }
}

/// An answer in JSON.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
}

/// An answer that need not be JSON.
#[derive(Debug)]
pub struct File {
    /// The HTTP status.
    pub status: u16,
    /// All headers.
    pub headers: http::HeaderMap,
    /// The body.
    pub bytes: Bytes,
}

impl File {
    /// The body of a request that must succeed.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 200, "{}", self.text());
        self.text()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The MLflow error code in the body. Empty: there is none.
    pub fn error_code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        body["error_code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Reply {
    /// The body of a request that must succeed.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The message of a request that must fail with this status and error code.
    #[track_caller]
    pub fn fails(self, status: u16, error_code: &str) -> String {
        assert_eq!(
            (self.status, self.body["error_code"].as_str()),
            (status, Some(error_code)),
            "{}",
            self.body
        );
        self.body["message"].as_str().expect("a message").to_owned()
    }
}

impl Tracker {
    /// A tracker with empty projects, and a caller with the right to write.
    pub fn fresh() -> Self {
        match ForeignServer::named() {
            Some(server) => Self::of(runtime(), Server::Foreign(server)),
            None => Self::with(|builder| builder),
        }
    }

    /// A tracker whose host has other settings.
    pub fn with(configure: impl FnOnce(HostBuilder) -> HostBuilder) -> Self {
        Self::made(plugin(), configure, None)
    }

    /// A tracker with files in a store that offers direct transfers.
    pub fn on_direct_store(store: &Arc<DirectStore>) -> Self {
        Self::made(plugin(), |builder| builder, Some(Arc::clone(store)))
    }

    /// A tracker whose component has none of its optional imports.
    pub fn without_optional_imports() -> Self {
        Self::made(plugin_without_optional_imports(), |builder| builder, None)
    }

    fn made(
        plugin: Plugin,
        configure: impl FnOnce(HostBuilder) -> HostBuilder,
        store: Option<Arc<DirectStore>>,
    ) -> Self {
        if ForeignServer::named().is_some() {
            needs_own_host("its settings");
        }
        let runtime = runtime();
        let host = Box::new(OwnHost::with(&runtime, plugin, store, configure));
        Self::of(runtime, Server::Own(host))
    }

    fn of(runtime: tokio::runtime::Runtime, server: Server) -> Self {
        Tracker {
            server,
            runtime,
            project: 1,
            token: "writer",
        }
    }

    /// The door of the server.
    pub(crate) fn door(&self) -> Door {
        match &self.server {
            Server::Own(own) => Door::Own(own.host.clone()),
            Server::Foreign(server) => Door::Foreign(server.clone()),
        }
    }

    /// mlforge's own host. The test fails if another server is under test; `part` names what is missing there.
    #[track_caller]
    pub(crate) fn own(&self, part: &str) -> &OwnHost {
        match &self.server {
            Server::Own(own) => own,
            Server::Foreign(_) => needs_own_host(part),
        }
    }

    /// Runs a function with another project as the current one.
    pub fn in_project<T>(&mut self, project: u64, run: impl FnOnce(&mut Self) -> T) -> T {
        let former = std::mem::replace(&mut self.project, project);
        let result = run(self);
        self.project = former;
        result
    }

    /// Compacts everything that was logged so far, and runs all other maintenance. Another server chooses itself when it does
    /// so, since no answer depends on it.
    pub fn pack(&self) {
        if let Server::Own(own) = &self.server {
            self.runtime.block_on(own.host.run_maintenance(ProjectId(self.project)));
        }
    }

    /// A tracker whose host accepts sources of versions with these schemes.
    pub fn allowing_sources(schemes: &[&str]) -> Self {
        Self::with(|builder| builder.source_schemes(schemes.iter().copied()))
    }

    /// Changes the caller to one who may only read.
    pub fn as_reader(mut self) -> Self {
        self.token = "reader";
        self
    }

    /// Changes the caller to a maintainer.
    pub fn as_manager(mut self) -> Self {
        self.token = "manager";
        self
    }

    /// Sends any request; the path begins after the mount.
    pub fn send(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Reply {
        self.runtime.block_on(self.sending(method, path, body))
    }

    /// Sends any request with more headers; the answer need not be JSON.
    pub fn file(&self, method: &str, path: &str, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> File {
        self.send_as_it_is(self.request(method, path, body), headers)
    }

    /// Sends a request to a whole address, with exactly these headers and without a token.
    pub fn anonymous(&self, method: &str, url: &str, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> File {
        let request = Request::builder().method(method).uri(url);
        self.send_as_it_is(request.body(Full::new(body.into())).expect("a request"), headers)
    }

    fn send_as_it_is(&self, mut request: Request<Full<Bytes>>, headers: &[(&'static str, &str)]) -> File {
        for (name, value) in headers {
            let value = value.parse().expect("the value of a header");
            request.headers_mut().insert(*name, value);
        }
        self.runtime.block_on(async {
            let (head, body) = self.door().handle(request).await.into_parts();
            File {
                status: head.status.as_u16(),
                headers: head.headers,
                bytes: body.collect().await.expect("a whole answer").to_bytes(),
            }
        })
    }

    /// Sends many requests concurrently.
    pub fn send_all(&self, requests: Vec<(&str, String, Value)>) -> Vec<Reply> {
        let runs = requests.into_iter().map(|(method, path, body)| {
            let (door, request) = (self.door(), self.request(method, &path, body.to_string()));
            self.runtime.spawn(async move { reply(door.handle(request).await) })
        });
        let runs: Vec<_> = runs.collect();
        runs.into_iter()
            .map(|run| self.runtime.block_on(run).expect("a request that ends"))
            .collect()
    }

    async fn sending(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Reply {
        if let Server::Own(own) = &self.server
            && own.packs
        {
            own.host.run_maintenance(ProjectId(self.project)).await;
        }
        reply(self.door().handle(self.request(method, path, body)).await)
    }

    pub(crate) fn request(&self, method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        Request::builder()
            .method(method)
            .uri(format!("/api/v4/projects/{}/ml/mlflow{path}", self.project))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(body.into()))
            .expect("a request")
    }

    /// Posts to an endpoint of MLflow.
    pub fn post(&self, endpoint: &str, body: Value) -> Reply {
        self.send("POST", &format!("/api/2.0/mlflow/{endpoint}"), body.to_string())
    }

    /// Gets from an endpoint of MLflow. The query is part of the endpoint; characters that an address cannot
    /// hold are encoded.
    pub fn get(&self, endpoint: &str) -> Reply {
        let encoded: String = endpoint
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
                byte if b"-_.~/?&=%+:,'()!*@".contains(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            })
            .collect();
        self.send("GET", &format!("/api/2.0/mlflow/{encoded}"), "")
    }

    /// Makes an experiment; returns its id.
    #[track_caller]
    pub fn experiment(&self, name: &str) -> String {
        let body = self
            .post("experiments/create", serde_json::json!({ "name": name }))
            .ok();
        body["experiment_id"].as_str().expect("an id").to_owned()
    }

    /// Makes a run with this start time; returns its id.
    #[track_caller]
    pub fn run(&self, experiment: &str, start_time: i64) -> String {
        let body = serde_json::json!({ "experiment_id": experiment, "start_time": start_time });
        self.post("runs/create", body).ok()["run"]["info"]["run_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Creates a version with one more header.
    pub fn send_with(&self, header: &'static str, value: &'static str, body: Value) -> Reply {
        let mut request = self.request("POST", "/api/2.0/mlflow/model-versions/create", body.to_string());
        request
            .headers_mut()
            .insert(header, http::HeaderValue::from_static(value));
        self.runtime
            .block_on(async { reply(self.door().handle(request).await) })
    }

    /// Sends a PATCH to an endpoint of MLflow.
    pub fn patch(&self, endpoint: &str, body: Value) -> Reply {
        self.send("PATCH", &format!("/api/2.0/mlflow/{endpoint}"), body.to_string())
    }

    /// Sends a DELETE with a body to an endpoint of MLflow.
    pub fn delete(&self, endpoint: &str, body: Value) -> Reply {
        self.send("DELETE", &format!("/api/2.0/mlflow/{endpoint}"), body.to_string())
    }

    /// Makes a registered model.
    #[track_caller]
    pub fn model(&self, name: &str) -> Value {
        let body = serde_json::json!({ "name": name });
        self.post("registered-models/create", body).ok()["registered_model"].take()
    }

    /// Reads a registered model.
    #[track_caller]
    pub fn read_model(&self, name: &str) -> Value {
        self.get(&format!("registered-models/get?name={name}")).ok()["registered_model"].take()
    }

    /// Makes a version of a model with a semantic version, or the next one.
    #[track_caller]
    pub fn version(&self, model: &str, semver: Option<&str>) -> Value {
        self.try_version(model, semver).ok()["model_version"].take()
    }

    /// Makes a version as `version` does; the request may fail.
    pub fn try_version(&self, model: &str, semver: Option<&str>) -> Reply {
        let tags: Vec<Value> = semver
            .iter()
            .map(|semver| serde_json::json!({"key": "gitlab.version", "value": semver}))
            .collect();
        self.post(
            "model-versions/create",
            serde_json::json!({"name": model, "source": "", "tags": tags}),
        )
    }

    /// Reads a version by its number or semantic version.
    #[track_caller]
    pub fn read_version(&self, model: &str, version: &str) -> Value {
        let version = version.replace('+', "%2B");
        self.get(&format!("model-versions/get?name={model}&version={version}"))
            .ok()["model_version"]
            .take()
    }

    /// Reads a run.
    #[track_caller]
    pub fn read(&self, run: &str) -> Value {
        self.get(&format!("runs/get?run_id={run}")).ok()["run"].take()
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Fails a test that another server cannot pass.
#[track_caller]
fn needs_own_host(part: &str) -> ! {
    panic!("this test needs mlforge's own host: {part}")
}

pub(crate) fn reply(response: http::Response<mlforge::Body>) -> Reply {
    let status = response.status().as_u16();
    let bytes = response.into_body().into_bytes();
    let body =
        serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&bytes)));
    Reply { status, body }
}
