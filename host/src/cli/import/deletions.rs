//! Deletes what is deleted in the source, once everything is there: nothing can be added to a deleted run.

use http::Method;
use serde_json::{Value, json};

use super::Importer;
use super::experiments::Mapped;
use super::json::at;
use super::runs::{model_id, run_id};
use super::target::past;

impl Importer {
    pub(super) async fn deletions(&self, experiment: &Mapped) -> anyhow::Result<()> {
        if experiment.is_closed {
            return Ok(());
        }
        if experiment.source.is_deleted {
            // Its runs are deleted with it.
            let body = json!({"experiment_id": experiment.id});
            let past = past(experiment.source.updated_ms, "");
            let deleted = self.target.post("experiments/delete", &body, &past).await;
            let object = format!("deletion of experiment `{}`", experiment.source.name);
            return self.report.survive(object, deleted).map(drop);
        }
        self.delete_runs(experiment).await?;
        self.delete_logged_models(experiment).await
    }

    async fn delete_runs(&self, experiment: &Mapped) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.source.runs(&experiment.source, after).await?;
            for run in page.items.iter().filter(|run| run.is_deleted) {
                let id = run_id(&run.id);
                let found = self.target.find("mlflow/runs/get", &[("run_id", &id)]).await?;
                if found.is_some_and(|found| at(&found, &["run", "info", "lifecycle_stage"]) != "deleted") {
                    let deleted_ms = run.deleted_ms.or(run.end_ms).unwrap_or(run.start_ms);
                    let past = past(deleted_ms, &run.user);
                    let deleted = self.target.post("runs/delete", &json!({"run_id": id}), &past).await;
                    self.report
                        .survive(format_args!("deletion of run {}", run.id), deleted)?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete_logged_models(&self, experiment: &Mapped) -> anyhow::Result<()> {
        let mut after = None;
        loop {
            let page = self.source.logged_models(&experiment.source, after).await?;
            for model in page.items.iter().filter(|model| model.is_deleted) {
                let path = format!("mlflow/logged-models/{}", model_id(&model.id));
                // One that is deleted already is not found.
                if self.target.find(&path, &[]).await?.is_some() {
                    let past = past(model.updated_ms, "");
                    let deleted = self.target.replay(Method::DELETE, &path, &Value::Null, &past).await;
                    self.report.survive(format_args!("deletion of {path}"), deleted)?;
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
