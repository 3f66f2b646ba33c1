//! `mlforge export`: writes a project as a folder of MLflow's file store, which a stock MLflow server or client opens.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use mlforge::forge::ProjectRef;
use serde_json::{Value, json};

use self::folder::Folder;
use super::import::json::{list, next, number, pairs, text};
use super::import::report::{Kind, Report, end_progress};
use super::import::target::Target;
use super::place::Place;
use super::storage::FileStoreArgs;

mod folder;
mod logged_models;
mod registry;
mod runs;

/// Objects of one page.
const PAGE: usize = 500;

pub(super) const EXAMPLES: &str = "\
The folder is one of MLflow's file store: mlflow server --backend-store-uri ./mlruns opens it.

Example:
  mlforge export --project team/model ./mlruns";

/// Options of `mlforge export`.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The project, by number or path
    #[arg(long, value_parser = super::parse_project)]
    project: ProjectRef,

    /// The folder to write, which is made, or empty
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    #[command(flatten)]
    files: FileStoreArgs,
}

/// An export under way.
struct Exporter {
    target: Target,
    folder: Folder,
    report: Report,
}

pub(super) fn export(place: &Place, options: &Export) -> anyhow::Result<()> {
    let _log = super::log::Log::start_at("warn", super::log::LogFormat::Text)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(place, options))
}

async fn run(place: &Place, options: &Export) -> anyhow::Result<()> {
    let report = Report::default();
    let exporter = Exporter {
        target: super::import::open_target(place, &options.project, &options.files).await?,
        folder: Folder::create(&options.folder)?,
        report: report.clone(),
    };
    let progress = report.show_progress();
    let result = exporter.export().await;
    end_progress(&progress);
    report.write(&mut std::io::stdout()).context("cannot write to stdout")?;
    result
}

impl Exporter {
    async fn export(&self) -> anyhow::Result<()> {
        let mut token = String::new();
        loop {
            let body = json!({"max_results": PAGE, "view_type": "ALL", "page_token": token});
            let page = self.target.search("mlflow/experiments/search", &body).await?;
            for experiment in list(&page, "experiments") {
                self.experiment(experiment).await?;
            }
            match next(&page) {
                Some(following) => token = following,
                None => break,
            }
        }
        self.models().await
    }

    async fn experiment(&self, experiment: &Value) -> anyhow::Result<()> {
        let id = text(&experiment["experiment_id"]);
        ensure!(
            id.bytes().all(|byte| byte.is_ascii_digit()),
            "`{id}` is no number of an experiment"
        );
        let is_deleted = experiment["lifecycle_stage"] == "deleted";
        let directory = if is_deleted { format!(".trash/{id}") } else { id.clone() };
        let meta = json!({
            "artifact_location": self.folder.uri(&directory), "creation_time": number(&experiment["creation_time"]),
            "experiment_id": id, "last_update_time": number(&experiment["last_update_time"]),
            "lifecycle_stage": text(&experiment["lifecycle_stage"]), "name": text(&experiment["name"]),
        });
        self.folder.write_meta(&directory, &meta)?;
        let object = format!("experiment {id}");
        self.write_pairs(&object, &format!("{directory}/tags"), &pairs(experiment, "tags"))?;
        self.report.carried(Kind::Experiments, 1);
        self.runs(&id, &directory).await?;
        self.logged_models(&id, &directory).await
    }

    /// Writes a file for each pair. A key that cannot be a path, or that is the beginning of another one, is reported.
    fn write_pairs(&self, object: &str, directory: &str, pairs: &[(String, String)]) -> anyhow::Result<()> {
        for (key, value) in pairs {
            let written = self.folder.write_value(directory, key, value);
            self.report.survive(format_args!("`{key}` of {object}"), written)?;
        }
        Ok(())
    }

    /// Downloads the files below a URI of the project to a directory.
    async fn write_files(&self, object: &str, uri: &str, directory: &str) -> anyhow::Result<()> {
        let Some(root) = uri.strip_prefix("mlflow-artifacts:/") else {
            return Ok(());
        };
        let mut left = vec![String::new()];
        while let Some(below) = left.pop() {
            let path = super::import::files::joined(root, &below);
            let found = self
                .target
                .find("mlflow-artifacts/artifacts", &[("path", &path)])
                .await?;
            for entry in super::import::files::listed(&found.unwrap_or_default()) {
                let below = super::import::files::joined(&below, &entry.name);
                if entry.is_directory {
                    left.push(below);
                    continue;
                }
                let written = self.write_file(root, &below, directory).await;
                if self
                    .report
                    .survive(format_args!("file {below} of {object}"), written)?
                    .is_some()
                {
                    self.report.carried(Kind::Files, 1);
                }
            }
        }
        Ok(())
    }

    async fn write_file(&self, root: &str, below: &str, directory: &str) -> anyhow::Result<()> {
        let contents = self.target.download(&super::import::files::joined(root, below)).await?;
        self.folder.write_stream(directory, below, contents).await
    }
}
