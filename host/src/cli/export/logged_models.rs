//! Writes logged models.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Exporter;
use super::runs::line;
use crate::cli::import::json::{at, list, next, number, pairs, text};
use crate::cli::import::report::Kind;

/// Models of one page; each may have thousands of points.
const PAGE: usize = 50;
/// The words of MLflow's numbers for the statuses of logged models.
const STATUSES: [&str; 4] = [
    "",
    "LOGGED_MODEL_PENDING",
    "LOGGED_MODEL_READY",
    "LOGGED_MODEL_UPLOAD_FAILED",
];

impl Exporter {
    /// Writes the logged models of an experiment into its directory. Deleted ones are told by no list.
    pub(super) async fn logged_models(&self, experiment: &str, directory: &str) -> anyhow::Result<()> {
        let mut token = String::new();
        loop {
            let body = json!({"experiment_ids": [experiment], "max_results": PAGE, "page_token": token});
            let page = self.target.search("mlflow/logged-models/search", &body).await?;
            for model in list(&page, "models") {
                let id = text(at(model, &["info", "model_id"]));
                let written = self.logged_model(&id, model, directory).await;
                if self
                    .report
                    .survive(format_args!("logged model {id}"), written)?
                    .is_some()
                {
                    self.report.carried(Kind::LoggedModels, 1);
                }
            }
            match next(&page) {
                Some(following) => token = following,
                None => return Ok(()),
            }
        }
    }

    async fn logged_model(&self, id: &str, model: &Value, experiment: &str) -> anyhow::Result<()> {
        let (info, data) = (&model["info"], &model["data"]);
        let directory = format!("{experiment}/models/{id}");
        let uri = text(&info["artifact_uri"]);
        let location = match uri.starts_with("mlflow-artifacts:/") {
            true => self.folder.uri(&format!("{directory}/artifacts")),
            false => uri.clone(),
        };
        let status = STATUSES.iter().position(|word| info["status"] == *word).unwrap_or(0);
        let meta = json!({
            "artifact_location": location, "creation_timestamp": number(&info["creation_timestamp_ms"]),
            "experiment_id": text(&info["experiment_id"]),
            "last_updated_timestamp": number(&info["last_updated_timestamp_ms"]), "model_id": id,
            "model_type": text(&info["model_type"]), "name": text(&info["name"]),
            "source_run_id": text(&info["source_run_id"]), "status": status, "status_message": null,
        });
        self.folder.write_meta(&directory, &meta)?;
        let object = format!("logged model {id}");
        self.write_pairs(&object, &format!("{directory}/params"), &pairs(data, "params"))?;
        self.write_pairs(&object, &format!("{directory}/tags"), &pairs(info, "tags"))?;
        for metric in list(data, "metrics") {
            let mut line = format!("{} {}", line(metric), text(&metric["run_id"]));
            let (name, digest) = (text(&metric["dataset_name"]), text(&metric["dataset_digest"]));
            if !name.is_empty() {
                // Writing to a text does not fail.
                _ = write!(line, " {name} {digest}");
            }
            let key = text(&metric["key"]);
            let written = self
                .folder
                .append(&format!("{directory}/metrics"), &key, &format!("{line}\n"));
            self.report
                .survive(format_args!("metric `{key}` of {object}"), written)?;
        }
        self.write_files(&object, &uri, &format!("{directory}/artifacts")).await
    }
}
