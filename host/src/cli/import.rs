//! `mlforge import`: brings the data of another MLflow store into a project of a data directory that no server uses.
//!
//! Each object is made again through the host's front door, as a request of its own time and user (`mlforge::Replay`). So every
//! rule of the component holds for it, and whatever the component refuses is reported. An import that breaks off is continued
//! by the next one, which leaves what is whole.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use mlforge::forge::ProjectRef;

use self::files::Files;
use self::report::{Report, end_progress};
use self::source::Source;
use self::target::{Owner, SharedTarget, Target};
use super::place::Place;
use super::storage::{DirectArgs, FileStoreArgs, OpenRecords};

mod copy;
mod deletions;
mod experiments;
pub(super) mod files;
pub(super) mod json;
mod logged_models;
mod registry;
pub(super) mod report;
mod runs;
mod source;
pub(super) mod target;

/// The beginning of the name of an experiment that belongs to a registered model. It is created with the model.
const MODEL_PREFIX: &str = "[model]";

pub(super) const EXAMPLES: &str = "\
Ids, times, users, histories, files, versions, aliases and stages are kept. Prints what was brought, and what could not be and
why. The same command again continues an import that broke off, and changes nothing that is whole.

Examples:
  mlforge import --from ./mlruns --project team/model
  mlforge import --from ./mlflow.db --artifacts ./mlartifacts --project team/model --deleted
  PGPASSWORD=… mlforge import --from postgresql://mlflow@db.example.org/mlflow --artifacts ./mlartifacts --project team/model
  MLFLOW_TRACKING_TOKEN=… mlforge import --from https://git.example.org/api/v4/projects/7/ml/mlflow --project team/model";

/// Options of `mlforge import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The store: the tracking URI of a running server or GitLab project, a folder of the file store (mlruns), an SQLite file, or
    /// the address of a PostgreSQL database, whose password is PGPASSWORD
    #[arg(long, value_name = "URI|DIR|FILE")]
    from: String,

    /// The project that gets the data, by number or path
    #[arg(long, value_parser = super::parse_project)]
    project: ProjectRef,

    /// Folder of the store's files, if it is not beside the store: that of the former server's --artifacts-destination
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,

    /// Bring what is deleted too, as deleted
    #[arg(long)]
    deleted: bool,

    #[command(flatten)]
    files: FileStoreArgs,
}

/// An import under way.
struct Importer {
    source: Box<dyn Source>,
    files: Files,
    target: SharedTarget,
    report: Report,
    with_deleted: bool,
}

pub(super) fn import(place: &Place, options: &Import) -> anyhow::Result<()> {
    let _log = super::log::Log::start_at("warn", super::log::LogFormat::Text)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(run(place, options))
}

async fn run(place: &Place, options: &Import) -> anyhow::Result<()> {
    let (source, files) = source::open(&options.from, options.artifacts.as_deref()).await?;
    let target = open_target(place, &options.project, &options.files).await?;
    let report = Report::default();
    let importer = Arc::new(Importer {
        source,
        files,
        target: Arc::new(target),
        report: report.clone(),
        with_deleted: options.deleted,
    });
    let progress = report.show_progress();
    let result = importer.import().await;
    end_progress(&progress);
    report.write(&mut std::io::stdout()).context("cannot write to stdout")?;
    result.context("the import broke off; the same command continues it")
}

/// Opens a project. The records of a data directory are locked until the target is dropped; servers of a database may run.
pub(super) async fn open_target(place: &Place, project: &ProjectRef, files: &FileStoreArgs) -> anyhow::Result<Target> {
    let opened = OpenRecords::open(place).await;
    let records = opened.context("stop the server that uses the data directory first")?;
    let forge = super::forge::open_owned(place, &records).await?;
    let project = super::forge::named(&forge, project)?;
    let host = super::storage::builder(
        place,
        (files, &DirectArgs::default()),
        &records,
        Arc::new(Owner(project)),
    )
    .await?
    .component(mlforge_component::COMPONENT)
    .limits(target::limits())
    .background_maintenance(false)
    .build()?;
    Ok(Target::new(host, project))
}

impl Importer {
    async fn import(self: &Arc<Self>) -> anyhow::Result<()> {
        let (of_models, others): (Vec<_>, Vec<_>) = self
            .source_experiments()
            .await?
            .into_iter()
            .partition(|experiment| experiment.name.starts_with(MODEL_PREFIX));
        let mut experiments = Vec::new();
        for experiment in &others {
            experiments.extend(self.experiment(experiment).await?);
        }
        let mut models = Vec::new();
        for model in self.source_models().await? {
            if self.model(&model).await? {
                models.push(model);
            }
        }
        // The experiments of models came with the models.
        for experiment in &of_models {
            experiments.extend(self.experiment(experiment).await?);
        }
        let experiments: Vec<_> = experiments.into_iter().map(Arc::new).collect();
        for experiment in experiments.iter().filter(|experiment| !experiment.is_closed) {
            self.runs(experiment).await?;
        }
        for experiment in experiments.iter().filter(|experiment| !experiment.is_closed) {
            self.logged_models(experiment).await?;
        }
        for model in &models {
            self.versions(model).await?;
        }
        if self.with_deleted {
            for experiment in &experiments {
                self.deletions(experiment).await?;
            }
        }
        Ok(())
    }
}
