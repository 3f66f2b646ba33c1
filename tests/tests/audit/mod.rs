//! The audit log: who changed what, when, and from where.

mod access;
mod changes;
mod files;
mod listing;
mod logging;
mod pages;
mod retention;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mlforge::storage::memory::MemoryBlobs;
use mlforge::storage::{Commit, CommitError, ProjectId, Records as _, Write};
use mlforge::{Host, HostBuilder, PeerAddress};
use mlforge_plugin::domain::audit::{AuditCaller, AuditRecord};
use mlforge_plugin::store::codec::audit::write_audit_record;
use mlforge_plugin::store::keys;
use mlforge_tests::intercepted_records::InterceptedRecords;
use mlforge_tests::tracker::{NOW_MS, plugin};
use mlforge_tests::{Answer, StaticForge};
use serde_json::{Value, json};

/// The address of the listing.
const AUDIT: &str = "/-/ml/audit";
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Days for which records are kept.
const KEPT_DAYS: u64 = 30;
/// The peer of every request, which is a trusted proxy.
const PROXY: &str = "192.0.2.1";
/// The first 8 hex digits of the SHA-256 of the token `owner`.
const OWNER_TOKEN_ID: &str = "4c102969";

type BeforeCommit = dyn Fn(&Commit) -> Result<(), CommitError> + Send + Sync;

/// A host that keeps an audit log. Its clock moves on by a second with each request.
struct Audited {
    host: Host,
    records: Arc<InterceptedRecords<Box<BeforeCommit>>>,
    runtime: tokio::runtime::Runtime,
    passed_ms: Arc<AtomicU64>,
}

/// A caller of an audited host.
#[derive(Clone, Copy)]
struct As<'a> {
    audited: &'a Audited,
    token: &'a str,
    project: &'a str,
    headers: &'a [(&'static str, &'a str)],
}

impl Audited {
    fn fresh() -> Self {
        Self::with(Some(KEPT_DAYS), |_| Ok(()))
    }

    /// A host that keeps records for these days, and calls `before_commit` before each commit.
    fn with(
        days: Option<u64>,
        before_commit: impl Fn(&Commit) -> Result<(), CommitError> + Send + Sync + 'static,
    ) -> Self {
        Self::configured(days, before_commit, |builder| builder)
    }

    /// A world whose host has other settings.
    fn configured(
        days: Option<u64>,
        before_commit: impl Fn(&Commit) -> Result<(), CommitError> + Send + Sync + 'static,
        configure: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Self {
        let before_commit: Box<BeforeCommit> = Box::new(before_commit);
        let passed_ms: Arc<AtomicU64> = Arc::default();
        let clock = Arc::clone(&passed_ms);
        let records = Arc::new(InterceptedRecords::new(before_commit));
        let builder = Host::builder()
            .plugin(plugin())
            .records(Arc::clone(&records))
            .blobs(Arc::new(MemoryBlobs::new()))
            .forge(Arc::new(StaticForge::new()))
            .clock(move || UNIX_EPOCH + Duration::from_millis(NOW_MS.unsigned_abs() + clock.load(Ordering::SeqCst)))
            .random_seed(1)
            .trusted_proxies([PROXY.parse().unwrap()])
            .external_url("http://ml.test")
            .background_maintenance(false);
        let builder = match days {
            Some(days) => builder.audit_log(Duration::from_millis(days * DAY_MS)),
            None => builder,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            host: configure(builder).build().unwrap(),
            records,
            runtime,
            passed_ms,
        }
    }

    fn wait_ms(&self, time_ms: u64) {
        self.passed_ms.fetch_add(time_ms, Ordering::SeqCst);
    }

    fn now_ms(&self) -> i64 {
        NOW_MS + i64::try_from(self.passed_ms.load(Ordering::SeqCst)).unwrap()
    }

    /// Stores records of changes without the component, one for each time.
    fn put_records(&self, times_ms: impl Iterator<Item = i64>) {
        let record = |time_ms| AuditRecord {
            time_ms,
            period_ms: 0,
            caller: AuditCaller::default(),
            action: "runs/stored".to_owned(),
            object_type: "run".to_owned(),
            object: String::new(),
            detail: String::new(),
            request_id: String::new(),
        };
        let put = |time_ms| Write::Put(keys::audited_change(time_ms, 0), write_audit_record(&record(time_ms)));
        let writes: Vec<Write> = times_ms.map(put).collect();
        for some in writes.chunks(10_000) {
            let commit = Commit {
                checks: Vec::new(),
                writes: some.to_vec(),
            };
            let committed = self.records.commit(ProjectId(1), commit);
            self.runtime.block_on(committed).unwrap();
        }
    }

    fn maintain(&self) {
        self.runtime.block_on(self.host.run_maintenance(ProjectId(1)));
    }

    fn owner(&self) -> As<'_> {
        self.user("owner")
    }

    fn user<'a>(&'a self, token: &'a str) -> As<'a> {
        As {
            audited: self,
            token,
            project: "1",
            headers: &[],
        }
    }

    /// All records of project 1, newest first.
    fn records(&self) -> Vec<Value> {
        self.owner().list("max_results=1000")
    }
}

impl<'a> As<'a> {
    fn in_project(self, project: &'a str) -> Self {
        Self { project, ..self }
    }

    fn with_headers(self, headers: &'a [(&'static str, &'a str)]) -> Self {
        Self { headers, ..self }
    }

    fn ask(self, method: &str, path: &str, body: impl Into<Bytes>) -> Answer {
        self.audited.wait_ms(1_000);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v4/projects/{}/ml/mlflow{path}", self.project))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in self.headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Full::new(body.into())).unwrap();
        let peer = PeerAddress(PROXY.parse().unwrap());
        request.extensions_mut().insert(peer);
        self.audited.runtime.block_on(Answer::of(&self.audited.host, request))
    }

    /// Asks an endpoint of MLflow, which must succeed.
    #[track_caller]
    fn call(self, method: &str, endpoint: &str, body: &Value) -> Value {
        let answer = self.ask(method, &format!("/api/2.0/{endpoint}"), body.to_string());
        assert_eq!(answer.status, 200, "{method} {endpoint}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap_or_default()
    }

    #[track_caller]
    fn post(self, endpoint: &str, body: Value) -> Value {
        self.call("POST", &format!("mlflow/{endpoint}"), &body)
    }

    #[track_caller]
    fn run(self) -> String {
        let run = self.post("runs/create", json!({"experiment_id": "0"}));
        run["run"]["info"]["run_id"].as_str().unwrap().to_owned()
    }

    /// The records in the listing with this query.
    #[track_caller]
    fn list(self, query: &str) -> Vec<Value> {
        let mut page = self.page(query);
        match page["records"].take() {
            Value::Array(records) => records,
            _ => Vec::new(),
        }
    }

    #[track_caller]
    fn page(self, query: &str) -> Value {
        let answer = self.ask("GET", &format!("{AUDIT}?{query}"), "");
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }
}

fn actions(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record["action"].as_str().unwrap())
        .collect()
}
