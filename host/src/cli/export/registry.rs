//! Writes registered models and prompts.

use serde_json::{Value, json};

use super::Exporter;
use crate::cli::import::json::{list, next, number, pairs, text};
use crate::cli::import::report::Kind;

/// The filter of a search that finds prompts, which a plain search leaves out.
const PROMPTS: &str = "tags.`mlflow.prompt.is_prompt` = 'true'";

impl Exporter {
    pub(super) async fn models(&self) -> anyhow::Result<()> {
        for filter in ["", PROMPTS] {
            let mut token = String::new();
            loop {
                let query = [("max_results", "100"), ("filter", filter), ("page_token", &token)];
                let page = self
                    .target
                    .find("mlflow/registered-models/search", &query)
                    .await?
                    .unwrap_or_default();
                for model in list(&page, "registered_models") {
                    let name = text(&model["name"]);
                    let written = self.model(&name, model, filter).await;
                    if self
                        .report
                        .survive(format_args!("registered model `{name}`"), written)?
                        .is_some()
                    {
                        self.report.carried(Kind::Models, 1);
                    }
                }
                match next(&page) {
                    Some(following) => token = following,
                    None => break,
                }
            }
        }
        Ok(())
    }

    /// Writes a model or prompt. `filter` finds those of its kind.
    async fn model(&self, name: &str, model: &Value, filter: &str) -> anyhow::Result<()> {
        let directory = format!("models/{name}");
        let aliases: Vec<(String, String)> = list(model, "aliases")
            .iter()
            .map(|alias| (text(&alias["alias"]), text(&alias["version"])))
            .collect();
        let meta = json!({
            "creation_timestamp": number(&model["creation_timestamp"]), "description": text(&model["description"]),
            "last_updated_timestamp": number(&model["last_updated_timestamp"]), "name": name,
        });
        // The name is that of one directory: a registered model has no slash in it.
        self.folder.write_value("models", &format!("{name}/meta.yaml"), "")?;
        self.folder.write_meta(&directory, &meta)?;
        let object = format!("registered model `{name}`");
        self.write_pairs(&object, &format!("{directory}/tags"), &pairs(model, "tags"))?;
        self.write_pairs(&object, &format!("{directory}/aliases"), &aliases)?;
        self.versions(name, &directory, filter).await
    }

    async fn versions(&self, name: &str, directory: &str, of_kind: &str) -> anyhow::Result<()> {
        let mut filter = format!("name = '{}'", name.replace('\'', "''"));
        if !of_kind.is_empty() {
            filter.push_str(" AND ");
            filter.push_str(of_kind);
        }
        let mut token = String::new();
        loop {
            let query = [
                ("max_results", "1000"),
                ("filter", filter.as_str()),
                ("page_token", &token),
            ];
            let page = self
                .target
                .find("mlflow/model-versions/search", &query)
                .await?
                .unwrap_or_default();
            for version in list(&page, "model_versions") {
                self.version(name, version, directory)?;
                self.report.carried(Kind::Versions, 1);
            }
            match next(&page) {
                Some(following) => token = following,
                None => return Ok(()),
            }
        }
    }

    fn version(&self, name: &str, version: &Value, model: &str) -> anyhow::Result<()> {
        let number_of = number(&version["version"]);
        let directory = format!("{model}/version-{number_of}");
        let source = text(&version["source"]);
        let location = match source.strip_prefix("mlflow-artifacts:/") {
            Some(path) => self.folder.uri(path),
            None => source,
        };
        let run = Some(text(&version["run_id"])).filter(|run| !run.is_empty());
        let meta = json!({
            "aliases": [], "creation_timestamp": number(&version["creation_timestamp"]),
            "current_stage": text(&version["current_stage"]), "description": text(&version["description"]),
            "last_updated_timestamp": number(&version["last_updated_timestamp"]), "name": name, "run_id": run,
            "run_link": text(&version["run_link"]), "source": location, "status": "READY", "status_message": null,
            "storage_location": location, "user_id": text(&version["user_id"]), "version": number_of,
        });
        self.folder.write_meta(&directory, &meta)?;
        let object = format!("version {number_of} of `{name}`");
        self.write_pairs(&object, &format!("{directory}/tags"), &pairs(version, "tags"))
    }
}
