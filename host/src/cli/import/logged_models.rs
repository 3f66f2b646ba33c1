//! Brings logged models, after the runs that measured them. A model gets its status last, so one that has it is whole.

use http::Method;
use serde_json::{Value, json};

use super::Importer;
use super::experiments::Mapped;
use super::json::{at, of_float, of_pairs, take, text};
use super::report::Kind;
use super::runs::{BATCH_POINTS, model_id, run_id};
use super::source::{LoggedModel, ModelPoint};
use super::target::past;

/// The words of MLflow's numbers for the statuses of logged models.
const STATUSES: [&str; 4] = [
    "LOGGED_MODEL_STATUS_UNSPECIFIED",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
];

impl Importer {
    /// Brings the logged models of an experiment.
    pub(super) async fn logged_models(&self, experiment: &Mapped) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.source.logged_models(&experiment.source, after).await?;
            self.report.unreadable(&page.unreadable);
            for model in page.items {
                if model.is_deleted && !self.with_deleted {
                    continue;
                }
                let brought = self.logged_model(&model, experiment).await;
                self.report
                    .survive(format_args!("logged model {}", model.id), brought)?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn logged_model(&self, model: &LoggedModel, experiment: &Mapped) -> anyhow::Result<()> {
        let id = model_id(&model.id);
        let path = format!("mlflow/logged-models/{id}");
        let found = self.target.find(&path, &[("allow_deleted", "true")]).await?;
        let status = usize::try_from(model.status)
            .ok()
            .and_then(|status| STATUSES.get(status));
        let status = status.copied().unwrap_or("LOGGED_MODEL_STATUS_UNSPECIFIED");
        let (is_new, created) = match found {
            Some(mut found) => {
                let info = take(&mut found, &["model", "info"]);
                let has_ended = model.status > 1 && text(at(&info, &["status"])) == status;
                if has_ended || at(&info, &["lifecycle_stage"]) == "deleted" {
                    self.report.present(Kind::LoggedModels);
                    return Ok(());
                }
                (false, info)
            }
            None => (true, self.create_logged_model(model, &id, experiment).await?),
        };
        self.log_model_points(model, &id).await?;
        let location = text(at(&created, &["artifact_uri"]));
        self.copy_files(&format!("logged model {id}"), &model.location, &location, is_new)
            .await?;
        if model.status > 0 {
            let body = json!({"status": status});
            let past = past(model.updated_ms, "");
            self.target.replay(Method::PATCH, &path, &body, &past).await?;
        }
        self.report.carried(Kind::LoggedModels, 1);
        Ok(())
    }

    async fn create_logged_model(&self, model: &LoggedModel, id: &str, experiment: &Mapped) -> anyhow::Result<Value> {
        let source_run = Some(&model.source_run)
            .filter(|run| !run.is_empty())
            .map(|run| run_id(run));
        let body = json!({
            "experiment_id": experiment.id, "model_id": id, "name": model.name, "model_type": model.kind,
            "source_run_id": source_run, "params": of_pairs(&model.params), "tags": of_pairs(&model.tags),
        });
        let past = past(model.created_ms, "");
        let mut created = self.target.post("logged-models", &body, &past).await?;
        Ok(take(&mut created, &["model", "info"]))
    }

    /// Logs the points that runs measured for a model. Each belongs to its run too, which has it already.
    async fn log_model_points(&self, model: &LoggedModel, id: &str) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.source.model_points(model, after).await?;
            for of_run in page.items.chunk_by(|a, b| a.run == b.run) {
                for some in of_run.chunks(BATCH_POINTS) {
                    let run = some.first().map_or("", |point| &point.run);
                    let metrics: Value = some.iter().map(|point| metric(point, id)).collect();
                    let body = json!({"run_id": run_id(run), "metrics": metrics});
                    let logged = self
                        .target
                        .post("runs/log-batch", &body, &past(model.updated_ms, ""))
                        .await;
                    let object = format!("metrics of logged model {} by run {run}", model.id);
                    self.report.survive(object, logged)?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn metric(measured: &ModelPoint, model: &str) -> Value {
    let (point, (name, digest)) = (&measured.point, &measured.dataset);
    json!({
        "key": point.key, "value": of_float(point.value), "timestamp": point.timestamp_ms, "step": point.step,
        "model_id": model, "dataset_name": name, "dataset_digest": digest,
    })
}
