//! Writes runs.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Exporter, PAGE};
use crate::cli::import::json::{at, float, list, next, number, optional_number, pairs, text};
use crate::cli::import::report::Kind;

/// MLflow's words for the statuses of runs, by the numbers that its file store writes.
const STATUSES: [&str; 6] = ["", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// The directories of a run. MLflow 3 finds no run that lacks one, also if there is nothing in it.
const RUN_PARTS: [&str; 4] = ["metrics", "params", "tags", "artifacts"];

impl Exporter {
    /// Writes the runs of an experiment into its directory.
    pub(super) async fn runs(&self, experiment: &str, directory: &str) -> anyhow::Result<()> {
        let mut token = String::new();
        loop {
            let body = json!({
                "experiment_ids": [experiment], "max_results": PAGE, "run_view_type": "ALL", "page_token": token,
            });
            let page = self.target.search("mlflow/runs/search", &body).await?;
            for run in list(&page, "runs") {
                let id = text(at(run, &["info", "run_id"]));
                let written = self.run(&id, run, directory).await;
                if self.report.survive(format_args!("run {id}"), written)?.is_some() {
                    self.report.carried(Kind::Runs, 1);
                }
            }
            match next(&page) {
                Some(following) => token = following,
                None => return Ok(()),
            }
        }
    }

    async fn run(&self, id: &str, run: &Value, experiment: &str) -> anyhow::Result<()> {
        let (info, data) = (&run["info"], &run["data"]);
        let directory = format!("{experiment}/{id}");
        let status = STATUSES.iter().position(|word| info["status"] == *word);
        let uri = text(&info["artifact_uri"]);
        // Files elsewhere stay there.
        let location = match uri.starts_with("mlflow-artifacts:/") {
            true => self.folder.uri(&format!("{directory}/artifacts")),
            false => uri.clone(),
        };
        let meta = json!({
            "artifact_uri": location, "end_time": optional_number(&info["end_time"]), "entry_point_name": "",
            "experiment_id": text(&info["experiment_id"]), "lifecycle_stage": text(&info["lifecycle_stage"]),
            "run_id": id, "run_name": text(&info["run_name"]), "run_uuid": id, "source_name": "", "source_type": 4,
            "source_version": "", "start_time": number(&info["start_time"]), "status": status, "tags": [],
            "user_id": text(&info["user_id"]),
        });
        self.folder.write_meta(&directory, &meta)?;
        for part in RUN_PARTS {
            self.folder.make(&format!("{directory}/{part}"))?;
        }
        let object = format!("run {id}");
        self.write_pairs(&object, &format!("{directory}/params"), &pairs(data, "params"))?;
        self.write_pairs(&object, &format!("{directory}/tags"), &pairs(data, "tags"))?;
        for metric in list(data, "metrics") {
            let key = text(&metric["key"]);
            let written = self.metric(id, &key, &format!("{directory}/metrics")).await;
            self.report
                .survive(format_args!("metric `{key}` of {object}"), written)?;
        }
        self.links(run, &directory, experiment)?;
        self.write_files(&object, &uri, &format!("{directory}/artifacts")).await
    }

    /// Writes the history of a metric: time, value and step of a point in each line.
    async fn metric(&self, run: &str, key: &str, directory: &str) -> anyhow::Result<()> {
        let mut token = String::new();
        loop {
            let query = [("run_id", run), ("metric_key", key), ("page_token", &token)];
            let page = self
                .target
                .find("mlflow/metrics/get-history", &query)
                .await?
                .unwrap_or_default();
            let (points, mut lines) = (list(&page, "metrics"), String::new());
            for point in points {
                // Writing to a text does not fail.
                _ = writeln!(lines, "{}", line(point));
            }
            self.folder.append(directory, key, &lines)?;
            self.report.carried(Kind::Points, points.len());
            match next(&page) {
                Some(following) => token = following,
                None => return Ok(()),
            }
        }
    }

    /// Writes dataset inputs, model inputs and model outputs.
    fn links(&self, run: &Value, directory: &str, experiment: &str) -> anyhow::Result<()> {
        for input in list(&run["inputs"], "dataset_inputs") {
            let dataset = &input["dataset"];
            let id = id_of(&[&text(&dataset["name"]), &text(&dataset["digest"])]);
            let meta = json!({
                "digest": text(&dataset["digest"]), "name": text(&dataset["name"]), "profile": dataset["profile"],
                "schema": dataset["schema"], "source": text(&dataset["source"]),
                "source_type": text(&dataset["source_type"]),
            });
            self.folder.write_meta(&format!("{experiment}/datasets/{id}"), &meta)?;
            let tags: serde_json::Map<String, Value> = pairs(input, "tags")
                .into_iter()
                .map(|(key, value)| (key, value.into()))
                .collect();
            let meta = json!({
                "destination_id": id, "destination_type": "RUN", "source_id": id, "source_type": "DATASET", "tags": tags,
            });
            self.folder.write_meta(&format!("{directory}/inputs/{id}"), &meta)?;
        }
        for input in list(&run["inputs"], "model_inputs") {
            let model = text(&input["model_id"]);
            let meta = json!({
                "destination_id": model, "destination_type": "RUN", "source_id": model, "source_type": "MODEL", "tags": {},
            });
            self.folder
                .write_meta(&format!("{directory}/inputs/{}", id_of(&[&model])), &meta)?;
        }
        for output in list(&run["outputs"], "model_outputs") {
            let model = text(&output["model_id"]);
            let meta = json!({
                "destination_id": model, "destination_type": "MODEL_OUTPUT", "source_id": model,
                "source_type": "RUN_OUTPUT", "step": number(&output["step"]), "tags": {},
            });
            // The file store finds an output by the name of its directory, which others may have chosen.
            let written = self
                .folder
                .write_value(&format!("{directory}/outputs"), &format!("{model}/meta.yaml"), "");
            if self
                .report
                .survive(format_args!("output `{model}` of {directory}"), written)?
                .is_some()
            {
                self.folder.write_meta(&format!("{directory}/outputs/{model}"), &meta)?;
            }
        }
        Ok(())
    }
}

/// A line of a metric's file: time, value and step.
pub(super) fn line(point: &Value) -> String {
    let (time_ms, step) = (number(&point["timestamp"]), number(&point["step"]));
    format!("{time_ms} {} {step}", float(&point["value"]))
}

/// The name of a directory for something with these names.
fn id_of(names: &[&str]) -> String {
    let digest = Sha256::digest(names.join("\0").as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
