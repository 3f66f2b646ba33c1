//! MLflow's database schema in SQLite: experiments, runs and logged models. It is read as MLflow 2.7, 2.22 and 3 write it; a
//! table or column that a version lacks counts as empty.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};

use anyhow::{Context as _, anyhow, ensure};
use async_trait::async_trait;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Row, params};
use tokio::task::block_in_place;

use super::sqlite_registry;
use super::{
    DatasetInput, Experiment, LoggedModel, Model, ModelPoint, PAGE_OBJECTS, PAGE_POINTS, Page, Pair, Point, Run,
    Source, Version,
};

/// A database file. It is only read.
pub(in crate::cli::import) struct Sqlite {
    connection: Mutex<Connection>,
    schema: Schema,
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
    pub(super) has_workspaces: bool,
}

impl Sqlite {
    pub(in crate::cli::import) fn open(path: &Path) -> anyhow::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags);
        let connection = connection.with_context(|| format!("cannot open {}", path.display()))?;
        let schema = Schema::read(&connection).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            schema.is_some(),
            "{} is no database of MLflow: it has no tables `experiments` and `runs`",
            path.display()
        );
        Ok(Self {
            connection: Mutex::new(connection),
            schema: schema.context("no schema")?,
        })
    }

    /// Runs a query while others wait: all of them are short.
    fn with<T>(&self, query: impl FnOnce(&Connection, Schema) -> anyhow::Result<T>) -> anyhow::Result<T> {
        block_in_place(|| {
            let connection: MutexGuard<'_, Connection> =
                self.connection.lock().map_err(|_| anyhow!("a former query panicked"))?;
            query(&connection, self.schema)
        })
    }
}

impl Schema {
    /// Reads the schema. `None`: it is not MLflow's.
    fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let has = |table: &str, column: &str| {
            let query = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
            connection.query_row(query, params![table, column], |row| Ok(row.get::<_, i64>(0)? > 0))
        };
        if !has("experiments", "experiment_id")? || !has("runs", "run_uuid")? {
            return Ok(None);
        }
        Ok(Some(Self {
            has_inputs: has("inputs", "input_uuid")?,
            has_input_steps: has("inputs", "step")?,
            has_logged_models: has("logged_models", "model_id")?,
            has_deleted_times: has("runs", "deleted_time")?,
            has_aliases: has("registered_model_aliases", "alias")?,
            has_locations: has("model_versions", "storage_location")?,
            has_workspaces: has("experiments", "workspace")?,
        }))
    }
}

#[async_trait]
impl Source for Sqlite {
    async fn experiments(&self, after: Option<String>) -> anyhow::Result<Page<Experiment>> {
        let after = number(after.as_deref())?.unwrap_or(-1);
        self.with(|connection, schema| {
            let within = if schema.has_workspaces {
                " AND workspace = 'default'"
            } else {
                ""
            };
            let query = format!(
                "SELECT experiment_id, name, artifact_location, creation_time, last_update_time, lifecycle_stage \
                 FROM experiments WHERE experiment_id > ?1{within} ORDER BY experiment_id LIMIT ?2"
            );
            let mut found = all(connection, &query, params![after, limit(PAGE_OBJECTS)], |row| {
                Ok(Experiment {
                    id: text(row, 0)?,
                    name: text(row, 1)?,
                    location: text(row, 2)?,
                    created_ms: integer(row, 3)?,
                    updated_ms: integer(row, 4)?,
                    is_deleted: text(row, 5)? == "deleted",
                    tags: Vec::new(),
                })
            })?;
            for experiment in &mut found {
                let query = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?1 ORDER BY key";
                experiment.tags = pairs(connection, query, params![experiment.id])?;
            }
            let next = found.last().map(|experiment| experiment.id.clone());
            Ok(paged(found, next, PAGE_OBJECTS))
        })
    }

    async fn runs(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<Run>> {
        self.with(|connection, schema| {
            let deleted = if schema.has_deleted_times { "deleted_time" } else { "NULL" };
            let query = format!(
                "SELECT run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, {deleted}, artifact_uri, \
                 experiment_id FROM runs WHERE +experiment_id = CAST(?1 AS INTEGER) AND run_uuid > ?2 ORDER BY run_uuid LIMIT ?3"
            );
            let after = after.unwrap_or_default();
            let mut found = all(connection, &query, params![experiment.id, after, limit(PAGE_OBJECTS)], run)?;
            for run in &mut found {
                add_values(connection, schema, run)?;
            }
            let next = found.last().map(|run| run.id.clone());
            Ok(paged(found, next, PAGE_OBJECTS))
        })
    }

    fn names_metrics(&self) -> bool {
        false
    }

    async fn points(&self, run: &Run, after: Option<String>) -> anyhow::Result<Page<Point>> {
        // The signs keep SQLite from the index that begins with the key, in which the points of all runs lie.
        let query = "SELECT key, value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ?1 \
                     ORDER BY +key, +timestamp, +step LIMIT ?2 OFFSET ?3";
        self.with(|connection, _| {
            let offset = number(after.as_deref())?.unwrap_or(0);
            let found = all(connection, query, params![run.id, limit(PAGE_POINTS), offset], |row| {
                Ok(Point {
                    key: text(row, 0)?,
                    value: value(row, 1, integer(row, 4)? != 0)?,
                    timestamp_ms: integer(row, 2)?,
                    step: integer(row, 3)?,
                })
            })?;
            Ok(paged(
                found,
                Some((offset + limit(PAGE_POINTS)).to_string()),
                PAGE_POINTS,
            ))
        })
    }

    async fn logged_models(&self, experiment: &Experiment, after: Option<String>) -> anyhow::Result<Page<LoggedModel>> {
        let query = "SELECT model_id, experiment_id, name, model_type, source_run_id, status, creation_timestamp_ms, \
                     last_updated_timestamp_ms, lifecycle_stage, artifact_location FROM logged_models \
                     WHERE experiment_id = ?1 AND model_id > ?2 ORDER BY model_id LIMIT ?3";
        self.with(|connection, schema| {
            if !schema.has_logged_models {
                return Ok(Page::empty());
            }
            let after = after.unwrap_or_default();
            let mut found = all(
                connection,
                query,
                params![experiment.id, after, limit(PAGE_OBJECTS)],
                logged_model,
            )?;
            for model in &mut found {
                let query = "SELECT param_key, param_value FROM logged_model_params WHERE model_id = ?1 ORDER BY 1";
                model.params = pairs(connection, query, params![model.id])?;
                let query = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?1 ORDER BY 1";
                model.tags = pairs(connection, query, params![model.id])?;
            }
            let next = found.last().map(|model| model.id.clone());
            Ok(paged(found, next, PAGE_OBJECTS))
        })
    }

    async fn model_points(&self, model: &LoggedModel, after: Option<String>) -> anyhow::Result<Page<ModelPoint>> {
        let query = "SELECT metric_name, metric_value, metric_timestamp_ms, metric_step, run_id, dataset_name, \
                     dataset_digest FROM logged_model_metrics WHERE model_id = ?1 \
                     ORDER BY run_id, metric_name, metric_timestamp_ms, metric_step LIMIT ?2 OFFSET ?3";
        self.with(|connection, _| {
            let offset = number(after.as_deref())?.unwrap_or(0);
            let found = all(
                connection,
                query,
                params![model.id, limit(PAGE_POINTS), offset],
                |row| {
                    Ok(ModelPoint {
                        point: Point {
                            key: text(row, 0)?,
                            value: value(row, 1, false)?,
                            timestamp_ms: integer(row, 2)?,
                            step: integer(row, 3)?,
                        },
                        run: text(row, 4)?,
                        dataset: (text(row, 5)?, text(row, 6)?),
                    })
                },
            )?;
            Ok(paged(
                found,
                Some((offset + limit(PAGE_POINTS)).to_string()),
                PAGE_POINTS,
            ))
        })
    }

    async fn models(&self, after: Option<String>) -> anyhow::Result<Page<Model>> {
        self.with(|connection, schema| sqlite_registry::models(connection, schema, &after.unwrap_or_default()))
    }

    async fn versions(&self, model: &Model, after: Option<String>) -> anyhow::Result<Page<Version>> {
        let after = number(after.as_deref())?.unwrap_or(0);
        self.with(|connection, schema| sqlite_registry::versions(connection, schema, &model.name, after))
    }
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: text(row, 0)?,
        name: text(row, 1)?,
        user: text(row, 2)?,
        status: text(row, 3)?,
        start_ms: integer(row, 4)?,
        end_ms: row.get(5)?,
        is_deleted: text(row, 6)? == "deleted",
        deleted_ms: row.get(7)?,
        location: text(row, 8)?,
        experiment: text(row, 9)?,
        ..Run::default()
    })
}

fn logged_model(row: &Row<'_>) -> rusqlite::Result<LoggedModel> {
    Ok(LoggedModel {
        id: text(row, 0)?,
        experiment: text(row, 1)?,
        name: text(row, 2)?,
        kind: text(row, 3)?,
        source_run: text(row, 4)?,
        status: integer(row, 5)?,
        created_ms: integer(row, 6)?,
        updated_ms: integer(row, 7)?,
        is_deleted: text(row, 8)? == "deleted",
        location: text(row, 9)?,
        params: Vec::new(),
        tags: Vec::new(),
    })
}

/// Reads what tables besides its own have of a run.
fn add_values(connection: &Connection, schema: Schema, run: &mut Run) -> anyhow::Result<()> {
    let id = params![run.id];
    run.tags = pairs(
        connection,
        "SELECT key, value FROM tags WHERE run_uuid = ?1 ORDER BY +key",
        id,
    )?;
    run.params = pairs(
        connection,
        "SELECT key, value FROM params WHERE run_uuid = ?1 ORDER BY +key",
        id,
    )?;
    if run.name.is_empty()
        && let Some((_, name)) = run.tags.iter().find(|(key, _)| key == "mlflow.runName")
    {
        run.name.clone_from(name);
    }
    if !schema.has_inputs {
        return Ok(());
    }
    let query = "SELECT d.name, d.digest, d.dataset_source_type, d.dataset_source, d.dataset_schema, d.dataset_profile, \
                 i.input_uuid FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id \
                 WHERE i.destination_id = ?1 AND i.source_type = 'DATASET' AND i.destination_type = 'RUN' ORDER BY i.rowid";
    let found = all(connection, query, id, |row| {
        let input = DatasetInput {
            name: text(row, 0)?,
            digest: text(row, 1)?,
            source_type: text(row, 2)?,
            source: text(row, 3)?,
            schema: row.get(4)?,
            profile: row.get(5)?,
            tags: Vec::new(),
        };
        Ok((input, text(row, 6)?))
    })?;
    for (mut input, link) in found {
        let query = "SELECT name, value FROM input_tags WHERE input_uuid = ?1 ORDER BY name";
        input.tags = pairs(connection, query, params![link])?;
        run.inputs.push(input);
    }
    if schema.has_input_steps {
        let query = "SELECT destination_id FROM inputs WHERE source_id = ?1 AND source_type = 'RUN_INPUT' \
                     AND destination_type = 'MODEL_INPUT' ORDER BY rowid";
        run.model_inputs = all(connection, query, id, |row| text(row, 0))?;
        let query = "SELECT destination_id, step FROM inputs WHERE source_id = ?1 AND source_type = 'RUN_OUTPUT' \
                     AND destination_type = 'MODEL_OUTPUT' ORDER BY rowid";
        run.outputs = all(connection, query, id, |row| Ok((text(row, 0)?, integer(row, 1)?)))?;
    }
    Ok(())
}

/// The rows of a query.
pub(super) fn all<T>(
    connection: &Connection,
    query: &str,
    values: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> anyhow::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(query)?;
    let rows = statement.query_map(values, read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The rows of a query for keys and values.
pub(super) fn pairs(connection: &Connection, query: &str, values: impl rusqlite::Params) -> anyhow::Result<Vec<Pair>> {
    all(connection, query, values, |row| Ok((text(row, 0)?, text(row, 1)?)))
}

/// A text, whatever type the column has; empty when it is null.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    })
}

/// A number; 0 when it is null.
pub(super) fn integer(row: &Row<'_>, column: usize) -> rusqlite::Result<i64> {
    Ok(row.get::<_, Option<i64>>(column)?.unwrap_or(0))
}

/// A point's value. SQLite may hold a whole number as an integer.
fn value(row: &Row<'_>, column: usize, is_nan: bool) -> rusqlite::Result<f64> {
    Ok(if is_nan {
        f64::NAN
    } else {
        row.get::<_, Option<f64>>(column)?.unwrap_or(f64::NAN)
    })
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
