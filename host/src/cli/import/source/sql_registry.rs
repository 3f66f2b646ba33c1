//! MLflow's database schema: the model registry.

use super::database::Value;
use super::sql::{Sql, limit, paged};
use super::{Model, PAGE_OBJECTS, Page, Version};

impl Sql {
    pub(super) async fn registered_models(&self, after: &str) -> anyhow::Result<Page<Model>> {
        let within = self.within();
        let sql = format!(
            "SELECT name, description, creation_time, last_updated_time FROM registered_models WHERE name > ?1{within} \
             ORDER BY name LIMIT ?2"
        );
        let tags = format!("SELECT key, value FROM registered_model_tags WHERE name = ?1{within} ORDER BY key");
        let rows = self
            .database
            .rows(&sql, &[after.into(), limit(PAGE_OBJECTS).into()])
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let name = [Value::Text(row.text(0))];
            found.push(Model {
                name: row.text(0),
                description: row.text(1),
                created_ms: row.integer(2)?,
                updated_ms: row.integer(3)?,
                tags: self.pairs(&tags, &name).await?,
                aliases: self.aliases(&name).await?,
            });
        }
        let next = found.last().map(|model| model.name.clone());
        Ok(paged(found, next, PAGE_OBJECTS))
    }

    async fn aliases(&self, model: &[Value]) -> anyhow::Result<Vec<(String, u64)>> {
        if !self.schema.has_aliases {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT alias, version FROM registered_model_aliases WHERE name = ?1{} ORDER BY alias",
            self.within()
        );
        let rows = self.database.rows(&sql, model).await?;
        rows.iter()
            .map(|row| Ok((row.text(0), unsigned(row.integer(1)?))))
            .collect()
    }

    pub(super) async fn versions_of(&self, model: &str, after: i64) -> anyhow::Result<Page<Version>> {
        let within = self.within();
        let location = if self.schema.has_locations {
            "storage_location"
        } else {
            "NULL"
        };
        let sql = format!(
            "SELECT version, description, user_id, current_stage, source, {location}, run_id, run_link, creation_time, \
             last_updated_time FROM model_versions WHERE name = ?1 AND version > ?2{within} \
             AND coalesce(current_stage, '') <> 'Deleted_Internal' ORDER BY version LIMIT ?3"
        );
        let tags =
            format!("SELECT key, value FROM model_version_tags WHERE name = ?1 AND version = ?2{within} ORDER BY key");
        let values = [model.into(), after.into(), limit(PAGE_OBJECTS).into()];
        let rows = self.database.rows(&sql, &values).await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let number = row.integer(0)?;
            found.push(Version {
                number: unsigned(number),
                description: row.text_if_any(1),
                user: row.text(2),
                stage: row.text(3),
                source: row.text(4),
                location: row.text(5),
                run: row.text(6),
                run_link: row.text(7),
                created_ms: row.integer(8)?,
                updated_ms: row.integer(9)?,
                tags: self.pairs(&tags, &[model.into(), number.into()]).await?,
            });
        }
        let next = found.last().map(|version| version.number.to_string());
        Ok(paged(found, next, PAGE_OBJECTS))
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
