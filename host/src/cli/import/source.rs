//! Sources: what a store of MLflow tells of its objects, page by page.
//!
//! Times are milliseconds since the Unix epoch. A page's `next` goes into the next call; `None`: that was the last page.

use std::path::Path;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use mlforge::storage::postgres::PostgresAddress;

use super::files::Files;
use crate::cli::forge::secret;
use crate::cli::place::PASSWORD_VARIABLE;

mod database;
mod directory;
pub(super) mod folder;
mod folder_registry;
mod meta;
pub(super) mod server;
mod server_registry;
pub(super) mod sql;
mod sql_registry;

/// A key and a value.
pub(in crate::cli) type Pair = (String, String);

/// Number of objects of one page.
pub(super) const PAGE_OBJECTS: usize = 500;
/// Number of points of one page.
pub(super) const PAGE_POINTS: usize = 10_000;

/// Some objects of a list.
#[derive(Debug)]
pub(super) struct Page<T> {
    pub(super) items: Vec<T>,
    /// Objects of the page that cannot be read.
    pub(super) unreadable: Vec<Unreadable>,
    pub(super) next: Option<String>,
}

/// An object that cannot be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    /// Its name in the report, for example `run 9f2…`.
    pub(super) object: String,
    pub(super) reason: String,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Experiment {
    pub(super) id: String,
    pub(super) name: String,
    /// The URI below which its runs store their files.
    pub(super) location: String,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) is_deleted: bool,
    pub(super) tags: Vec<Pair>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) experiment: String,
    pub(super) name: String,
    pub(super) user: String,
    /// MLflow's word, for example `FINISHED`.
    pub(super) status: String,
    pub(super) start_ms: i64,
    pub(super) end_ms: Option<i64>,
    pub(super) is_deleted: bool,
    /// Absent for an active run, and if the source does not tell it.
    pub(super) deleted_ms: Option<i64>,
    /// The URI of its files.
    pub(super) location: String,
    pub(super) tags: Vec<Pair>,
    pub(super) params: Vec<Pair>,
    /// The keys of its metrics, if the source names them with the run.
    pub(super) metrics: Vec<String>,
    /// The newest point of each of `metrics`, if the source tells them with the run.
    pub(super) newest: Vec<Point>,
    pub(super) inputs: Vec<DatasetInput>,
    /// Ids of logged models.
    pub(super) model_inputs: Vec<String>,
    /// Ids of logged models, with their steps.
    pub(super) outputs: Vec<(String, i64)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct DatasetInput {
    pub(super) name: String,
    pub(super) digest: String,
    pub(super) source_type: String,
    pub(super) source: String,
    pub(super) schema: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) tags: Vec<Pair>,
}

/// A point of a metric of a run.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) key: String,
    pub(super) value: f64,
    pub(super) timestamp_ms: i64,
    pub(super) step: i64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LoggedModel {
    pub(super) id: String,
    pub(super) experiment: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) source_run: String,
    /// MLflow's number for it: 1 pending, 2 ready, 3 failed.
    pub(super) status: i64,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) is_deleted: bool,
    pub(super) location: String,
    pub(super) params: Vec<Pair>,
    pub(super) tags: Vec<Pair>,
}

/// A point that a run measured for a logged model.
#[derive(Clone, Debug)]
pub(super) struct ModelPoint {
    pub(super) run: String,
    pub(super) point: Point,
    /// Name and digest of the dataset; empty: none.
    pub(super) dataset: Pair,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) tags: Vec<Pair>,
    /// Aliases with the numbers of their versions.
    pub(super) aliases: Vec<(String, u64)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) description: Option<String>,
    pub(super) user: String,
    pub(super) stage: String,
    pub(super) source: String,
    /// The location of its files, if it is another than the source.
    pub(super) location: String,
    /// Empty: none.
    pub(super) run: String,
    pub(super) run_link: String,
    pub(super) created_ms: i64,
    pub(super) updated_ms: i64,
    pub(super) tags: Vec<Pair>,
}

/// A store of MLflow. Deleted objects are listed with the others; versions that were deleted for good are not.
#[async_trait]
pub(super) trait Source: Send + Sync {
    /// All experiments, those with small numbers in their order.
    async fn experiments(&self, after: Option<String>) -> anyhow::Result<Page<Experiment>>;

    /// The runs of an experiment.
    async fn runs(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<Run>>;

    /// True if each run names its metrics.
    fn names_metrics(&self) -> bool {
        true
    }

    /// The points of a run. Those of one metric are neighbours.
    async fn points(&self, run: &Run, after: Option<String>) -> anyhow::Result<Page<Point>>;

    /// The logged models of an experiment.
    async fn logged_models(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<LoggedModel>>;

    /// The points that were measured for a logged model.
    async fn model_points(&self, model: &LoggedModel, after: Option<String>) -> anyhow::Result<Page<ModelPoint>>;

    /// The registered models, prompts among them.
    async fn models(&self, after: Option<String>) -> anyhow::Result<Page<Model>>;

    /// The versions of a registered model, by number.
    async fn versions(&self, model: &Model, after: Option<String>) -> anyhow::Result<Page<Version>>;
}

impl<T> Page<T> {
    /// A page without objects, the last one.
    pub(super) fn empty() -> Self {
        Self::of(Vec::new(), None)
    }

    pub(super) fn of(items: Vec<T>, next: Option<String>) -> Self {
        Self {
            items,
            unreadable: Vec::new(),
            next,
        }
    }

    /// Adds an object, or the reason why it cannot be read.
    pub(super) fn add(&mut self, object: impl FnOnce() -> String, read: anyhow::Result<T>) {
        match read {
            Ok(item) => self.items.push(item),
            Err(error) => self.unreadable.push(Unreadable {
                object: object(),
                reason: format!("{error:#}"),
            }),
        }
    }
}

/// Opens a source: the address of a server or of a database, a folder of the file store, or an SQLite file. Returns it with the
/// means to read the files that it names. `artifacts` is the folder of the server's files.
pub(super) async fn open(from: &str, artifacts: Option<&Path>) -> anyhow::Result<(Box<dyn Source>, Files)> {
    if from.starts_with("http://") || from.starts_with("https://") {
        let server = server::Server::open(from)?;
        let files = Files::new(artifacts, &[], Some(server.clone()))?;
        return Ok((Box::new(server), files));
    }
    if let Some(address) = postgres_address(from) {
        let address: PostgresAddress = address.parse().context("--from")?;
        let source = sql::Sql::connect(&with_password(address)?).await?;
        let files = Files::new(artifacts, &[], None)?;
        return Ok((Box::new(source), files));
    }
    if from.starts_with("mysql") || from.starts_with("mssql") {
        bail!("{from}: start `mlflow server` on this database, and import from its address");
    }
    let path = from.strip_prefix("sqlite:///").or_else(|| from.strip_prefix("file://"));
    let path = Path::new(path.unwrap_or(from));
    if path.is_dir() {
        let source = folder::Folder::open(path)?;
        let files = Files::new(artifacts, &[path], None)?;
        return Ok((Box::new(source), files));
    }
    let source = sql::Sql::open(path).await?;
    let beside = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let files = Files::new(artifacts, &[beside], None)?;
    Ok((Box::new(source), files))
}

/// The address of a PostgreSQL database, without the driver that MLflow's tracking URI may name.
fn postgres_address(from: &str) -> Option<String> {
    let (scheme, rest) = from.split_once("://")?;
    let dialect = scheme.split('+').next().unwrap_or(scheme);
    matches!(dialect, "postgres" | "postgresql").then(|| format!("postgresql://{rest}"))
}

/// The address with the password that all clients of PostgreSQL take from the environment.
fn with_password(address: PostgresAddress) -> anyhow::Result<PostgresAddress> {
    Ok(match secret(None, PASSWORD_VARIABLE)? {
        Some(password) => address.with_password(password),
        None => address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tracking_uri_of_postgresql_may_name_a_driver() {
        let plain = Some("postgresql://me@db/mlflow".to_owned());
        for from in [
            "postgresql://me@db/mlflow",
            "postgresql+psycopg2://me@db/mlflow",
            "postgres://me@db/mlflow",
        ] {
            assert_eq!(postgres_address(from), plain, "{from}");
        }
        for other in ["mysql://me@db/mlflow", "./postgresql", "postgresqlx://db"] {
            assert_eq!(postgres_address(other), None, "{other}");
        }
    }
}
