//! A host over gated storage. Each of its projects begins as a copy of a snapshot, so many interleavings of
//! the same operations can start from one state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use mlforge::forge::{
    Access, Actor, Credential, Decision, Forge, ForgeError, Project, ProjectRef, Role, Scope, Visibility,
};
use mlforge::storage::{BlobItem, Blobs, ByteRange, Commit, ListRequest, ProjectId, Range, Records, Write};
use mlforge::{Host, Limits};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::gated_storage::GatedStorage;
use crate::intercepted_blobs::{InterceptBlobs as _, InterceptedBlobs};
use crate::snapshot::Snapshot;
use crate::tracker::{NOW_MS, plugin};

/// A host over gated storage, with any number of projects.
pub struct GatedHost {
    /// The storage of all projects.
    pub storage: Arc<GatedStorage>,
    host: Host,
    passed_ms: Arc<AtomicU64>,
    projects: AtomicU64,
}

/// A client with the right to write, in one of the projects.
#[derive(Clone)]
pub struct Client {
    host: Host,
    /// The number of the project.
    pub project: u64,
}

/// A forge in which every project exists and everybody may write to it.
struct Everyone;

#[async_trait]
impl Forge for Everyone {
    async fn resolve(&self, project: &ProjectRef, _: &Credential) -> Result<Decision, ForgeError> {
        let ProjectRef::Id(id) = project else {
            return Ok(Decision::Unauthenticated);
        };
        let project = Project::new(ProjectId(*id), format!("group/{id}"), Visibility::Private);
        let project = Some((project, Role::Developer));
        Ok(Access::new(Actor::new("7", "ada"), Scope::Api, project).into())
    }

    fn is_cached(&self) -> bool {
        false
    }
}

impl GatedHost {
    /// A host with empty storage.
    pub fn fresh() -> Self {
        let storage = Arc::new(GatedStorage::default());
        let passed_ms = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&passed_ms);
        let host = Host::builder()
            .plugin(plugin())
            .records(Arc::clone(&storage))
            .blobs(Arc::new(InterceptedBlobs(Arc::clone(&storage))))
            .forge(Arc::new(Everyone))
            .limits(Limits {
                queue_timeout: Duration::from_secs(120),
                ..Limits::default()
            })
            .source_schemes(["s3"])
            .external_url("http://ml.test")
            .clock(move || {
                let now_ms = NOW_MS.unsigned_abs() + clock.load(Ordering::SeqCst);
                SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms)
            })
            .random_seed(1)
            .background_maintenance(false)
            .build()
            .expect("a host");
        Self {
            storage,
            host,
            passed_ms,
            projects: AtomicU64::new(1),
        }
    }

    /// Sets the clock forward.
    pub fn wait_ms(&self, time_ms: u64) {
        self.passed_ms.fetch_add(time_ms, Ordering::SeqCst);
    }

    /// Makes another project as a copy of this snapshot.
    pub async fn project(&self, initial: &Snapshot) -> Client {
        let client = Client {
            host: self.host.clone(),
            project: self.projects.fetch_add(1, Ordering::SeqCst),
        };
        let project = ProjectId(client.project);
        let put = |(key, value): (&Vec<u8>, &Vec<u8>)| Write::Put(key.clone(), value.clone());
        let commit = Commit {
            checks: Vec::new(),
            writes: initial.records.iter().map(put).collect(),
        };
        self.storage.commit(project, commit).await.expect("a copy");
        for (name, contents) in &initial.blobs {
            let (sender, pieces) = mpsc::channel(1);
            sender.send(Ok(contents.clone())).await.expect("a receiver");
            drop(sender);
            let blobs = self.storage.blobs();
            let staged = blobs.stage(project, pieces, u64::MAX).await.expect("a file");
            blobs.commit(project, staged, name).await.expect("a copy");
        }
        client
    }

    /// All stored data of a client's project.
    pub async fn snapshot(&self, client: &Client) -> Snapshot {
        let project = ProjectId(client.project);
        let mut snapshot = Snapshot::default();
        let mut all = Range {
            start: Vec::new(),
            end: vec![255; 8],
            limit: u32::MAX,
            reverse: false,
        };
        loop {
            let page = self.storage.scan(project, &[all.clone()]).await.expect("a page");
            let mut start = 0;
            for [key_end, value_end] in page.ends.as_chunks::<2>().0 {
                let (key_end, value_end) = (*key_end as usize, *value_end as usize);
                let key = page.bytes[start..key_end].to_vec();
                all.start = [&key, &[0][..]].concat();
                snapshot.records.insert(key, page.bytes[key_end..value_end].to_vec());
                start = value_end;
            }
            if page.cut.is_none() {
                break;
            }
        }
        let mut directories = vec![String::new()];
        while let Some(directory) = directories.pop() {
            for BlobItem { name, size } in self
                .storage
                .blobs()
                .list(project, ListRequest::first(&directory))
                .await
                .expect("a list")
            {
                let name = [&directory, &name]
                    .map(String::as_str)
                    .join("/")
                    .trim_start_matches('/')
                    .to_owned();
                match size {
                    None => directories.push(name),
                    Some(_) => {
                        let bytes = self.read(project, &name).await;
                        snapshot.blobs.insert(name, bytes);
                    }
                }
            }
        }
        snapshot
    }

    async fn read(&self, project: ProjectId, name: &str) -> Bytes {
        let file = self
            .storage
            .blobs()
            .read(project, name, ByteRange::ALL)
            .await
            .expect("an answer");
        let mut pieces = file.expect("a file").contents;
        let mut bytes = Vec::new();
        while let Some(piece) = pieces.recv().await {
            bytes.extend_from_slice(&piece.expect("a piece"));
        }
        bytes.into()
    }
}

impl Client {
    /// Sends a request to a path below the mount. Returns the status, and the body if it is JSON.
    pub async fn ask(&self, method: &str, path: &str, body: impl Into<Bytes>) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v4/projects/{}/ml/mlflow{path}", self.project))
            .header("authorization", "Bearer ada")
            .header("content-type", "application/json")
            .body(Full::new(body.into()))
            .expect("a request");
        self.send(request)
            .await
            .map(|(status, _, body)| (status, body))
            .expect("an answer")
    }

    /// Sends a part of a file, with the address and the headers of its credential.
    pub async fn send_part(&self, credential: &Value, part: &'static str) -> Value {
        let token = credential["headers"]["x-mlforge-upload-token"]
            .as_str()
            .expect("a token");
        let request = Request::builder()
            .method("PUT")
            .uri(credential["url"].as_str().expect("an address"))
            .header("x-mlforge-upload-token", token)
            .body(Full::new(Bytes::from(part)))
            .expect("a request");
        let (status, headers, _) = self.send(request).await.expect("an answer");
        assert_eq!(status, 200);
        headers["etag"].to_str().expect("a tag").into()
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Option<(u16, http::HeaderMap, Value)> {
        let (head, body) = self.host.handle(request).await.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        Some((
            head.status.as_u16(),
            head.headers,
            serde_json::from_slice(&bytes).unwrap_or_default(),
        ))
    }

    /// Sends a request to an endpoint of MLflow, with a body in JSON.
    pub async fn call(&self, method: &str, endpoint: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.ask(method, &format!("/api/2.0/mlflow/{endpoint}"), body).await
    }

    /// Sends a request that must succeed; returns the answer.
    pub async fn must(&self, method: &str, endpoint: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, endpoint, body).await;
        assert_eq!(status, 200, "{endpoint}: {answer}");
        answer
    }

    /// Purges data that has been deleted for this long. Returns the number of purged objects, or the error.
    pub async fn purge(&self, deleted_for_ms: u64) -> Result<u64, String> {
        let purged = self
            .host
            .purge(ProjectId(self.project), Duration::from_millis(deleted_for_ms));
        purged.await.map_err(|error| format!("{error:#}"))
    }

    /// Runs maintenance until nothing is pending.
    pub async fn run_maintenance(&self) {
        self.host.run_maintenance(ProjectId(self.project)).await;
    }
}
