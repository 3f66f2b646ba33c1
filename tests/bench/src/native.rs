//! Logs a metric without a component: mlforge's own storage, and the component's reads, checks and writes in
//! plain code. It knows no callers, no rights and no limits, so it is faster than any host could be. Its keys
//! and values have forms of their own, and are as long as those of the component.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use mlforge::storage::sqlite::SqliteRecords;
use mlforge::storage::{Check, Commit, ProjectId, Records, Write};
use serde_json::Value;

/// Number of runs that can be logged to.
const RUNS: u128 = 512;
const PROJECT: ProjectId = ProjectId(1);
/// The first byte of the record of something that was not deleted.
const ACTIVE: u8 = 1;
const EXPERIMENT: &[u8] = b"e-bench";
/// Number of bytes of a run's record, as long as the component's for a run that has a name and a user.
const RUN_BYTES: usize = 64;

/// A store with some runs.
pub(crate) struct NativeStore {
    records: SqliteRecords,
}

impl NativeStore {
    /// Creates the store in a directory, on the same disk as the server's.
    pub(crate) async fn make(dir: &Path) -> Result<Self> {
        let path = dir.join("native.db");
        for old in ["native.db", "native.db-wal", "native.db-shm"] {
            _ = std::fs::remove_file(dir.join(old));
        }
        let records = SqliteRecords::open(&path)?;
        let experiment = Write::Put(EXPERIMENT.to_vec(), vec![ACTIVE; RUN_BYTES]);
        let runs = (0..RUNS).map(|run| Write::Put(key(b'r', run, b""), vec![ACTIVE; RUN_BYTES]));
        let commit = Commit {
            checks: Vec::new(),
            writes: std::iter::once(experiment).chain(runs).collect(),
        };
        records.commit(PROJECT, commit).await.map_err(failed)?;
        Ok(Self { records })
    }

    /// The ids of the store's runs, as requests name them.
    pub(crate) fn runs() -> Vec<String> {
        (0..RUNS).map(|run| format!("{run:032x}")).collect()
    }

    /// Logs the metric in the body of a request.
    pub(crate) async fn log_metric(&self, body: &[u8]) -> Result<()> {
        let body: Value = serde_json::from_slice(body)?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).context("a text is missing");
        let number = |name: &str| body.get(name).and_then(Value::as_i64).context("a number is missing");
        let run = u128::from_str_radix(text("run_id")?, 16)?;
        let metric = text("key")?;
        let value = body.get("value").and_then(Value::as_f64).context("no value")?;
        let (time, step) = (number("timestamp")?.to_be_bytes(), number("step")?.to_be_bytes());
        let value = [&value.to_bits().to_be_bytes()[..], &[0]].concat();
        // One after the other: the run's record names its experiment.
        let run_key = key(b'r', run, b"");
        let checks = vec![self.active(run_key).await?, self.active(EXPERIMENT.to_vec()).await?];
        let point = [metric.as_bytes(), &[0], &time, &step, &value].concat();
        let newest = [&step[..], &time, &value].concat();
        let writes = vec![
            Write::Put(key(b'h', run, &point), Vec::new()),
            Write::PutMax(key(b'm', run, metric.as_bytes()), newest),
            Write::Put(key(b'x', run, b""), time.to_vec()),
        ];
        let commit = Commit { checks, writes };
        self.records.commit(PROJECT, commit).await.map_err(failed)
    }

    /// A check that the record stays as it is now. Fails if its object was deleted.
    async fn active(&self, key: Vec<u8>) -> Result<Check> {
        let keys = [key];
        let found = self.records.get(PROJECT, &keys).await.map_err(failed)?;
        ensure!(found.bytes.first() == Some(&ACTIVE), "there is no such run");
        let [key] = keys;
        let version = *found.versions.first().context("no version")?;
        Ok(Check { key, version })
    }
}

fn key(kind: u8, run: u128, rest: &[u8]) -> Vec<u8> {
    [&[kind], &run.to_be_bytes()[..], rest].concat()
}

fn failed(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow!("the storage failed: {error:?}")
}
