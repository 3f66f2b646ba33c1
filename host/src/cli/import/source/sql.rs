//! MLflow's database schema: experiments, runs and logged models. It is read as MLflow 2.7, 2.22 and 3 write it; a table or column
//! that a version lacks counts as empty.

use std::path::Path;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mlforge::storage::postgres::PostgresAddress;

use super::database::{Database, Row, Value};
use super::{
    DatasetInput, Experiment, LoggedModel, Model, ModelPoint, PAGE_OBJECTS, PAGE_POINTS, Page, Pair, Point, Run,
    Source, Version,
};

/// Number of objects that are completed at the same time, so that round trips to a server overlap.
const COMPLETED_AT_ONCE: usize = 16;

/// MLflow's tables in a database.
pub(in crate::cli::import) struct Sql {
    pub(super) database: Database,
    pub(super) schema: Schema,
}

/// The tables and columns that the schema of this version of MLflow has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schema {
    has_inputs: bool,
    has_input_steps: bool,
    has_logged_models: bool,
    has_deleted_times: bool,
    pub(super) has_aliases: bool,
    pub(super) has_locations: bool,
    has_workspaces: bool,
}

impl Sql {
    /// Opens a file of SQLite.
    pub(in crate::cli::import) async fn open(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let database = Database::open_file(path).with_context(|| format!("cannot open {name}"))?;
        Self::of(database, &name).await
    }

    /// Connects to a PostgreSQL database.
    pub(in crate::cli::import) async fn connect(address: &PostgresAddress) -> anyhow::Result<Self> {
        let name = address.to_string();
        let database = Database::connect(address)
            .await
            .with_context(|| format!("cannot connect to {name}"))?;
        Self::of(database, &name).await
    }

    async fn of(database: Database, name: &str) -> anyhow::Result<Self> {
        let schema = Schema::read(&database).await;
        match schema.with_context(|| format!("cannot read {name}"))? {
            Some(schema) => Ok(Self { database, schema }),
            None => bail!("{name} is no database of MLflow: it has no tables `experiments` and `runs`"),
        }
    }

    /// The condition on the workspace, where there are several. Only the default one is read.
    pub(super) fn within(&self) -> &'static str {
        if self.schema.has_workspaces {
            " AND workspace = 'default'"
        } else {
            ""
        }
    }

    /// The rows of a statement for keys and values.
    pub(super) async fn pairs(&self, sql: &str, values: &[Value]) -> anyhow::Result<Vec<Pair>> {
        let rows = self.database.rows(sql, values).await?;
        Ok(rows.iter().map(|row| (row.text(0), row.text(1))).collect())
    }
}

impl Schema {
    /// Reads the schema. `None`: it is not MLflow's.
    async fn read(database: &Database) -> anyhow::Result<Option<Self>> {
        if !database.has("experiments", "experiment_id").await? || !database.has("runs", "run_uuid").await? {
            return Ok(None);
        }
        Ok(Some(Self {
            has_inputs: database.has("inputs", "input_uuid").await?,
            has_input_steps: database.has("inputs", "step").await?,
            has_logged_models: database.has("logged_models", "model_id").await?,
            has_deleted_times: database.has("runs", "deleted_time").await?,
            has_aliases: database.has("registered_model_aliases", "alias").await?,
            has_locations: database.has("model_versions", "storage_location").await?,
            has_workspaces: database.has("experiments", "workspace").await?,
        }))
    }
}

#[async_trait]
impl Source for Sql {
    async fn experiments(&self, after: Option<String>) -> anyhow::Result<Page<Experiment>> {
        let after = number(after.as_deref())?.unwrap_or(-1);
        let sql = format!(
            "SELECT experiment_id, name, artifact_location, creation_time, last_update_time, lifecycle_stage \
             FROM experiments WHERE experiment_id > ?1{} ORDER BY experiment_id LIMIT ?2",
            self.within()
        );
        let rows = self
            .database
            .rows(&sql, &[after.into(), limit(PAGE_OBJECTS).into()])
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let sql = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?1 ORDER BY key";
            found.push(Experiment {
                id: row.text(0),
                name: row.text(1),
                location: row.text(2),
                created_ms: row.integer(3)?,
                updated_ms: row.integer(4)?,
                is_deleted: row.text(5) == "deleted",
                tags: self.pairs(sql, &[row.integer(0)?.into()]).await?,
            });
        }
        let next = found.last().map(|experiment| experiment.id.clone());
        Ok(paged(found, next, PAGE_OBJECTS))
    }

    async fn runs(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<Run>> {
        let deleted = if self.schema.has_deleted_times {
            "deleted_time"
        } else {
            "NULL"
        };
        // The sum keeps SQLite from the index of experiments, after which it would sort.
        let sql = format!(
            "SELECT run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, {deleted}, artifact_uri, \
             experiment_id FROM runs WHERE experiment_id + 0 = ?1 AND run_uuid > ?2 ORDER BY run_uuid LIMIT ?3"
        );
        let experiment = number(Some(&experiment.id))?.unwrap_or(0);
        let values = [
            experiment.into(),
            after.as_deref().unwrap_or_default().into(),
            limit(PAGE_OBJECTS).into(),
        ];
        let rows = self.database.rows(&sql, &values).await?;
        let runs = stream::iter(rows).map(|row| async move { self.with_values(run(&row)?).await });
        let found: Vec<Run> = runs.buffered(COMPLETED_AT_ONCE).try_collect().await?;
        let next = found.last().map(|run| run.id.clone());
        Ok(paged(found, next, PAGE_OBJECTS))
    }

    fn names_metrics(&self) -> bool {
        false
    }

    async fn points(&self, run: &Run, after: Option<String>) -> anyhow::Result<Page<Point>> {
        // The sums keep SQLite from the index that begins with the key, in which the points of all runs lie.
        let sql = "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ?1 \
                   ORDER BY key || '', timestamp + 0, step + 0, value, is_nan LIMIT ?2 OFFSET ?3";
        let offset = number(after.as_deref())?.unwrap_or(0);
        let values = [(&run.id).into(), limit(PAGE_POINTS).into(), offset.into()];
        let rows = self.database.rows(sql, &values).await?;
        let found: Vec<Point> = rows
            .iter()
            .map(|row| point(row, row.integer(4)? != 0))
            .collect::<anyhow::Result<_>>()?;
        Ok(paged(found, Some(after_points(offset)), PAGE_POINTS))
    }

    async fn logged_models(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<LoggedModel>> {
        if !self.schema.has_logged_models {
            return Ok(Page::empty());
        }
        let sql = "SELECT model_id, experiment_id, name, model_type, source_run_id, status, creation_timestamp_ms, \
                   last_updated_timestamp_ms, lifecycle_stage, artifact_location FROM logged_models \
                   WHERE experiment_id = ?1 AND model_id > ?2 ORDER BY model_id LIMIT ?3";
        let experiment = number(Some(&experiment.id))?.unwrap_or(0);
        let values = [
            experiment.into(),
            after.as_deref().unwrap_or_default().into(),
            limit(PAGE_OBJECTS).into(),
        ];
        let rows = self.database.rows(sql, &values).await?;
        let models = stream::iter(rows).map(|row| async move { self.logged_model(&row).await });
        let found: Vec<LoggedModel> = models.buffered(COMPLETED_AT_ONCE).try_collect().await?;
        let next = found.last().map(|model| model.id.clone());
        Ok(paged(found, next, PAGE_OBJECTS))
    }

    async fn model_points(&self, model: &LoggedModel, after: Option<String>) -> anyhow::Result<Page<ModelPoint>> {
        let sql = "SELECT metric_name, metric_value, metric_timestamp_ms, metric_step, run_id, dataset_name, \
                   dataset_digest FROM logged_model_metrics WHERE model_id = ?1 \
                   ORDER BY run_id, metric_name, metric_timestamp_ms, metric_step LIMIT ?2 OFFSET ?3";
        let offset = number(after.as_deref())?.unwrap_or(0);
        let values = [(&model.id).into(), limit(PAGE_POINTS).into(), offset.into()];
        let rows = self.database.rows(sql, &values).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push(ModelPoint {
                point: point(row, false)?,
                run: row.text(4),
                dataset: (row.text(5), row.text(6)),
            });
        }
        Ok(paged(found, Some(after_points(offset)), PAGE_POINTS))
    }

    async fn models(&self, after: Option<String>) -> anyhow::Result<Page<Model>> {
        self.registered_models(&after.unwrap_or_default()).await
    }

    async fn versions(&self, model: &Model, after: Option<String>) -> anyhow::Result<Page<Version>> {
        let after = number(after.as_deref())?.unwrap_or(0);
        self.versions_of(&model.name, after).await
    }
}

impl Sql {
    /// A run with what other tables have of it.
    async fn with_values(&self, mut run: Run) -> anyhow::Result<Run> {
        let id = [Value::from(&run.id)];
        let sql = "SELECT key, value FROM tags WHERE run_uuid = ?1 ORDER BY key || ''";
        run.tags = self.pairs(sql, &id).await?;
        let sql = "SELECT key, value FROM params WHERE run_uuid = ?1 ORDER BY key || ''";
        run.params = self.pairs(sql, &id).await?;
        if run.name.is_empty()
            && let Some((_, name)) = run.tags.iter().find(|(key, _)| key == "mlflow.runName")
        {
            run.name.clone_from(name);
        }
        if self.schema.has_inputs {
            run.inputs = self.inputs(&id).await?;
        }
        if self.schema.has_input_steps {
            let sql = "SELECT destination_id FROM inputs WHERE source_id = ?1 AND source_type = 'RUN_INPUT' \
                       AND destination_type = 'MODEL_INPUT' ORDER BY {row}";
            let rows = self.database.rows(sql, &id).await?;
            run.model_inputs = rows.iter().map(|row| row.text(0)).collect();
            let sql = "SELECT destination_id, step FROM inputs WHERE source_id = ?1 AND source_type = 'RUN_OUTPUT' \
                       AND destination_type = 'MODEL_OUTPUT' ORDER BY {row}";
            let rows = self.database.rows(sql, &id).await?;
            let outputs = rows.iter().map(|row| Ok((row.text(0), row.integer(1)?)));
            run.outputs = outputs.collect::<anyhow::Result<_>>()?;
        }
        Ok(run)
    }

    async fn inputs(&self, run: &[Value]) -> anyhow::Result<Vec<DatasetInput>> {
        let sql = "SELECT d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile, \
                   i.input_uuid FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id \
                   WHERE i.destination_id = ?1 AND i.source_type = 'DATASET' AND i.destination_type = 'RUN' ORDER BY i.{row}";
        let mut inputs = Vec::new();
        for row in self.database.rows(sql, run).await? {
            let sql = "SELECT name, value FROM input_tags WHERE input_uuid = ?1 ORDER BY name";
            inputs.push(DatasetInput {
                name: row.text(0),
                digest: row.text(1),
                source_type: row.text(2),
                source: row.text(3),
                schema: row.text_if_any(4),
                profile: row.text_if_any(5),
                tags: self.pairs(sql, &[Value::Text(row.text(6))]).await?,
            });
        }
        Ok(inputs)
    }

    async fn logged_model(&self, row: &Row) -> anyhow::Result<LoggedModel> {
        let id = [Value::Text(row.text(0))];
        let params = "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?1 ORDER BY 1";
        let tags = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?1 ORDER BY 1";
        Ok(LoggedModel {
            id: row.text(0),
            experiment: row.text(1),
            name: row.text(2),
            kind: row.text(3),
            source_run: row.text(4),
            status: row.integer(5)?,
            created_ms: row.integer(6)?,
            updated_ms: row.integer(7)?,
            is_deleted: row.text(8) == "deleted",
            location: row.text(9),
            params: self.pairs(params, &id).await?,
            tags: self.pairs(tags, &id).await?,
        })
    }
}

fn run(row: &Row) -> anyhow::Result<Run> {
    Ok(Run {
        id: row.text(0),
        name: row.text(1),
        user: row.text(2),
        status: row.text(3),
        start_ms: row.integer(4)?,
        end_ms: row.integer_if_any(5)?,
        is_deleted: row.text(6) == "deleted",
        deleted_ms: row.integer_if_any(7)?,
        location: row.text(8),
        experiment: row.text(9),
        ..Run::default()
    })
}

/// A point, of which a row has key, value, time and step.
fn point(row: &Row, is_nan: bool) -> anyhow::Result<Point> {
    Ok(Point {
        key: row.text(0),
        value: if is_nan { f64::NAN } else { row.real(1)? },
        timestamp_ms: row.integer(2)?,
        step: row.integer(3)?,
    })
}

fn after_points(offset: i64) -> String {
    offset.saturating_add(limit(PAGE_POINTS)).to_string()
}

pub(super) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a position that is a number.
fn number(after: Option<&str>) -> anyhow::Result<Option<i64>> {
    Ok(after.map(str::parse).transpose()?)
}

/// A page, after which others come if it is full.
pub(super) fn paged<T>(items: Vec<T>, next: Option<String>, full: usize) -> Page<T> {
    let is_full = items.len() >= full;
    Page::of(items, next.filter(|_| is_full))
}
