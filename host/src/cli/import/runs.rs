//! Brings runs. Whatever breaks off is continued by the next import: a run gets its status last, so one that has it is whole.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinSet;

use super::Importer;
use super::experiments::Mapped;
use super::json::{at, of_float, of_pairs, optional_number, set, take, text};
use super::report::Kind;
use super::source::{DatasetInput, Pair, Point, Run};
use super::target::{Refused, past};

/// Number of runs that are brought at the same time, so that one sync of the disk serves many.
const RUNS_AT_ONCE: usize = 32;
/// Points of one request; MLflow's limit.
pub(super) const BATCH_POINTS: usize = 1_000;
/// Params or tags of one request; MLflow's limit.
const BATCH_PAIRS: usize = 100;
/// Inputs or outputs of one request.
const BATCH_LINKS: usize = 100;
/// The tag that holds the name of a run.
const NAME_TAG: &str = "mlflow.runName";

/// The id of a run in the project: its own 32 hex digits, without the dashes of GitLab's ids. Any other text has an id that
/// follows from it, so that a second import finds the run.
pub(super) fn run_id(id: &str) -> String {
    let plain = id.replace('-', "").to_lowercase();
    if plain.len() == 32 && plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return plain;
    }
    let digest = Sha256::digest(id.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl Importer {
    /// Brings the runs of an experiment.
    pub(super) async fn runs(self: &Arc<Self>, experiment: &Arc<Mapped>) -> anyhow::Result<()> {
        let (mut tasks, mut after) = (JoinSet::new(), None);
        loop {
            let page = self.source.runs(&experiment.source, after).await?;
            self.report.unreadable(&page.unreadable);
            for run in page.items {
                if run.is_deleted && !self.with_deleted {
                    continue;
                }
                if tasks.len() >= RUNS_AT_ONCE
                    && let Some(ended) = tasks.join_next().await
                {
                    ended??;
                }
                let (importer, experiment) = (Arc::clone(self), Arc::clone(experiment));
                tasks.spawn(async move {
                    let brought = importer.run(&run, &experiment).await;
                    importer.report.survive(format_args!("run {}", run.id), brought)
                });
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    async fn run(&self, run: &Run, experiment: &Mapped) -> anyhow::Result<()> {
        let id = run_id(&run.id);
        let found = self.target.find("mlflow/runs/get", &[("run_id", &id)]).await?;
        if let Some(found) = &found
            && is_whole(at(found, &["run", "info"]), run)
        {
            self.report.present(Kind::Runs);
            return Ok(());
        }
        let (is_new, created) = match found {
            Some(mut found) => (false, take(&mut found, &["run"])),
            None => (true, self.create_run(run, &id, experiment).await?),
        };
        self.log_pairs(run, &id, "params", &run.params).await?;
        self.log_points(run, &id).await?;
        self.link(run, &id).await?;
        let location = text(at(&created, &["info", "artifact_uri"]));
        self.copy_files(&format!("run {}", run.id), &run.location, &location, is_new)
            .await?;
        if run.status != "RUNNING" || run.end_ms.is_some() {
            let body = json!({"run_id": id, "status": run.status, "end_time": run.end_ms});
            let ended_ms = run.end_ms.unwrap_or(run.start_ms);
            self.target
                .post("runs/update", &body, &past(ended_ms, &run.user))
                .await?;
        }
        self.report.carried(Kind::Runs, 1);
        Ok(())
    }

    /// Creates a run with its tags. If one of them is refused, the run is created without tags, and gets them one by one.
    async fn create_run(&self, run: &Run, id: &str, experiment: &Mapped) -> anyhow::Result<Value> {
        let named = run
            .tags
            .iter()
            .find(|(key, _)| key == NAME_TAG)
            .map(|(_, value)| value.clone());
        let name = Some(run.name.clone()).filter(|name| !name.is_empty()).or(named);
        let tags: Vec<Pair> = run.tags.iter().filter(|(key, _)| key != NAME_TAG).cloned().collect();
        let mut body = json!({
            "experiment_id": experiment.id, "run_id": id, "run_name": name, "user_id": run.user,
            "start_time": run.start_ms, "tags": of_pairs(&tags),
        });
        let past = past(run.start_ms, &run.user);
        let created = self.target.post("runs/create", &body, &past).await;
        let mut created = match created {
            Err(error) if error.is::<Refused>() && !tags.is_empty() => {
                set(&mut body, "tags", json!([]));
                let created = self.target.post("runs/create", &body, &past).await?;
                self.log_pairs(run, id, "tags", &tags).await?;
                created
            }
            created => created?,
        };
        Ok(take(&mut created, &["run"]))
    }

    /// Logs params or tags. Those that are refused are reported one by one.
    async fn log_pairs(&self, run: &Run, id: &str, kind: &str, pairs: &[Pair]) -> anyhow::Result<()> {
        let past = past(run.start_ms, &run.user);
        for some in pairs.chunks(BATCH_PAIRS) {
            let mut body = json!({"run_id": id});
            set(&mut body, kind, of_pairs(some));
            match self.target.post("runs/log-batch", &body, &past).await {
                Err(error) if error.is::<Refused>() => {
                    for pair in some {
                        set(&mut body, kind, of_pairs(std::slice::from_ref(pair)));
                        let logged = self.target.post("runs/log-batch", &body, &past).await;
                        self.report.survive(format_args!("{kind} of run {}", run.id), logged)?;
                    }
                }
                logged => drop(logged?),
            }
        }
        Ok(())
    }

    async fn log_points(&self, run: &Run, id: &str) -> anyhow::Result<()> {
        if run.metrics.is_empty() && self.source.names_metrics() {
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = self.source.points(run, after).await?;
            for some in page.items.chunks(BATCH_POINTS) {
                self.log_some_points(run, id, some).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Logs points. If one is refused, each metric is logged alone, and those that are refused are reported.
    async fn log_some_points(&self, run: &Run, id: &str, points: &[Point]) -> anyhow::Result<()> {
        let past = past(run.start_ms, &run.user);
        let body = |points: &[Point]| json!({"run_id": id, "metrics": points.iter().map(metric).collect::<Value>()});
        match self.target.post("runs/log-batch", &body(points), &past).await {
            Err(error) if error.is::<Refused>() => {
                for some in points.chunk_by(|a, b| a.key == b.key) {
                    let logged = self.target.post("runs/log-batch", &body(some), &past).await;
                    let key = some.first().map_or("", |point| &point.key);
                    let object = format!("metric `{key}` of run {}", run.id);
                    if self.report.survive(object, logged)?.is_some() {
                        self.report.carried(Kind::Points, some.len());
                    }
                }
            }
            logged => {
                logged?;
                self.report.carried(Kind::Points, points.len());
            }
        }
        Ok(())
    }

    /// Links datasets and logged models.
    async fn link(&self, run: &Run, id: &str) -> anyhow::Result<()> {
        let past = past(run.start_ms, &run.user);
        let object = || format!("inputs and outputs of run {}", run.id);
        for some in run.inputs.chunks(BATCH_LINKS) {
            let datasets: Value = some.iter().map(dataset_input).collect();
            let body = json!({"run_id": id, "datasets": datasets});
            self.report
                .survive(object(), self.target.post("runs/log-inputs", &body, &past).await)?;
        }
        for some in run.model_inputs.chunks(BATCH_LINKS) {
            let models: Value = some.iter().map(|model| json!({"model_id": model_id(model)})).collect();
            let body = json!({"run_id": id, "models": models});
            self.report
                .survive(object(), self.target.post("runs/log-inputs", &body, &past).await)?;
        }
        for some in run.outputs.chunks(BATCH_LINKS) {
            let output = |(model, step): &(String, i64)| json!({"model_id": model_id(model), "step": step});
            let body = json!({"run_id": id, "models": some.iter().map(output).collect::<Value>()});
            self.report
                .survive(object(), self.target.post("runs/outputs", &body, &past).await)?;
        }
        Ok(())
    }
}

/// The id of a logged model in the project, as `run_id` makes that of a run.
pub(super) fn model_id(id: &str) -> String {
    format!("m-{}", run_id(id.strip_prefix("m-").unwrap_or(id)))
}

/// True if a former import brought the whole run. One that still runs may have new values.
fn is_whole(found: &Value, run: &Run) -> bool {
    let is_deleted = found["lifecycle_stage"] == "deleted";
    let has_ended = !matches!(run.status.as_str(), "RUNNING" | "SCHEDULED");
    let is_same = text(&found["status"]) == run.status && optional_number(&found["end_time"]) == run.end_ms;
    is_deleted || (has_ended && is_same)
}

fn metric(point: &Point) -> Value {
    json!({"key": point.key, "value": of_float(point.value), "timestamp": point.timestamp_ms, "step": point.step})
}

fn dataset_input(input: &DatasetInput) -> Value {
    json!({
        "tags": of_pairs(&input.tags),
        "dataset": {
            "name": input.name, "digest": input.digest, "source_type": input.source_type, "source": input.source,
            "schema": input.schema, "profile": input.profile,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_or_always_becomes_the_same() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(run_id(id), id);
        assert_eq!(run_id("01234567-89AB-cdef-0123-456789abcdef"), id);
        assert_eq!(run_id("mine"), run_id("mine"));
        assert_ne!(run_id("mine"), run_id("yours"));
        assert_eq!(run_id("mine").len(), 32);
        assert_eq!(model_id(&format!("m-{id}")), format!("m-{id}"));
    }
}
