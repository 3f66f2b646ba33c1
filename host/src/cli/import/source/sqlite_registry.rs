//! MLflow's database schema in SQLite: the model registry.

use rusqlite::{Connection, params};

use super::sqlite::{Schema, all, integer, limit, paged, pairs, text};
use super::{Model, PAGE_OBJECTS, Page, Version};

/// The condition on the workspace, where there are several. Only the default one is read.
fn within(schema: Schema) -> &'static str {
    if schema.has_workspaces {
        " AND workspace = 'default'"
    } else {
        ""
    }
}

pub(super) fn models(connection: &Connection, schema: Schema, after: &str) -> anyhow::Result<Page<Model>> {
    let within = within(schema);
    let query = format!(
        "SELECT name, description, creation_time, last_updated_time FROM registered_models WHERE name > ?1{within} \
         ORDER BY name LIMIT ?2"
    );
    let mut found = all(connection, &query, params![after, limit(PAGE_OBJECTS)], |row| {
        Ok(Model {
            name: text(row, 0)?,
            description: text(row, 1)?,
            created_ms: integer(row, 2)?,
            updated_ms: integer(row, 3)?,
            ..Model::default()
        })
    })?;
    for model in &mut found {
        let query = format!("SELECT key, value FROM registered_model_tags WHERE name = ?1{within} ORDER BY key");
        model.tags = pairs(connection, &query, params![model.name])?;
        if schema.has_aliases {
            let query =
                format!("SELECT alias, version FROM registered_model_aliases WHERE name = ?1{within} ORDER BY alias");
            model.aliases = all(connection, &query, params![model.name], |row| {
                Ok((text(row, 0)?, unsigned(integer(row, 1)?)))
            })?;
        }
    }
    let next = found.last().map(|model| model.name.clone());
    Ok(paged(found, next, PAGE_OBJECTS))
}

pub(super) fn versions(
    connection: &Connection,
    schema: Schema,
    model: &str,
    after: i64,
) -> anyhow::Result<Page<Version>> {
    let within = within(schema);
    let location = if schema.has_locations {
        "storage_location"
    } else {
        "NULL"
    };
    let query = format!(
        "SELECT version, description, user_id, current_stage, source, {location}, run_id, run_link, creation_time, \
         last_updated_time FROM model_versions WHERE name = ?1 AND version > ?2{within} \
         AND coalesce(current_stage, '') <> 'Deleted_Internal' ORDER BY version LIMIT ?3"
    );
    let mut found = all(connection, &query, params![model, after, limit(PAGE_OBJECTS)], |row| {
        Ok(Version {
            number: unsigned(integer(row, 0)?),
            description: row.get(1)?,
            user: text(row, 2)?,
            stage: text(row, 3)?,
            source: text(row, 4)?,
            location: text(row, 5)?,
            run: text(row, 6)?,
            run_link: text(row, 7)?,
            created_ms: integer(row, 8)?,
            updated_ms: integer(row, 9)?,
            tags: Vec::new(),
        })
    })?;
    for version in &mut found {
        let query =
            format!("SELECT key, value FROM model_version_tags WHERE name = ?1 AND version = ?2{within} ORDER BY key");
        version.tags = pairs(connection, &query, params![model, signed(version.number)])?;
    }
    let next = found.last().map(|version| version.number.to_string());
    Ok(paged(found, next, PAGE_OBJECTS))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
