//! Registered models and their stored records.

use std::collections::BTreeMap;

use super::latest;
use super::latest::NamedModel;
use super::model_name::{Named, id, named};
use crate::domain::actor::Actor;
use crate::domain::audit::AuditObject;
use crate::domain::experiment::Pair;
use crate::domain::id::ModelId;
use crate::domain::model::{FullModel, Model, already_exists, experiment_name, not_found};
use crate::domain::prompt::{PROMPT_TAG, is_prompt};
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, get, transact};
use crate::store::keys::Tombstone;
use crate::store::keys::registry as keys;
use crate::store::keys::registry::ModelPart;
use crate::store::portion::{ByteBudget, as_shown, portion};
use crate::store::{audit, codec, experiments, references, tombstone};

/// Largest number of look-ups of a model that is renamed at the same time.
const LOOKS_MAX: usize = 10;

/// Largest number of bytes that are read of one model. Its latest versions are shown with it.
const MODEL_BYTES_MAX: usize = 16 << 20;

/// A model as it was read.
#[derive(Clone, Debug)]
pub struct StoredModel {
    /// The model.
    pub model: Model,
    /// The name by which it was found.
    pub named: Named,
    version: u64,
}

impl StoredModel {
    /// Makes a change depend on the model being as it was read, and having the name by which it was found.
    pub fn require_unchanged(&self, change: &mut Change) {
        self.named.require_unchanged(change);
        change.require_version(keys::model(self.model.id), self.version);
    }

    /// Stores the model as it is now. The change fails if another change stored it meanwhile.
    pub fn put(&self, change: &mut Change) {
        self.require_unchanged(change);
        change.put(keys::model(self.model.id), codec::registry::write_model(&self.model));
    }
}

/// Reads a model by its name.
pub async fn load(name: &str) -> Result<StoredModel> {
    let named = named(name).await?;
    let [record] = get([keys::model(named.id)]).await?;
    let model = record.decode(|bytes| codec::registry::read_model(named.id, bytes))?;
    Ok(StoredModel {
        model: model.ok_or_else(|| not_found(name))?,
        named,
        version: record.version,
    })
}

/// Creates a model and its experiment.
pub async fn create(
    name: &str,
    description: &str,
    tags: &[Pair],
    author: Option<&Actor>,
    now_ms: i64,
) -> Result<FullModel> {
    transact(async |change| {
        let [counter, named] = get([keys::model_counter(), keys::model_name(name)]).await?;
        if let Some(id) = named.decode(codec::read_number)? {
            // The model may be deleted by now, but the name was taken when it was looked up.
            let taken = read_parts(&[ModelId(id)]).await?.pop().flatten();
            let is_prompt_taken = taken.is_some_and(|taken| is_prompt(&taken.tags));
            return Err(already_exists(name, is_prompt_taken, is_prompt(tags)));
        }
        let id = counter.decode(codec::read_number)?.unwrap_or(1);
        change.require_version(keys::model_counter(), counter.version);
        change.put(keys::model_counter(), codec::write_number(id + 1));
        let experiment = experiments::create_in(change, &experiment_name(name), None, None, now_ms).await?;
        let model = Model {
            id: ModelId(id),
            experiment: experiment.id,
            name: name.to_owned(),
            description: description.to_owned(),
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
            last_version: 0,
            prompt_versions: 0,
            author: author.cloned(),
        };
        let tags: BTreeMap<String, String> = tags.iter().cloned().collect();
        put_new(change, &model, &tags);
        audit::note(change, AuditObject::Model(name), "");
        Ok(FullModel {
            model,
            tags: tags.into_iter().collect(),
            aliases: Vec::new(),
            latest: Vec::new(),
        })
    })
    .await
}

fn put_new(change: &mut Change, model: &Model, tags: &BTreeMap<String, String>) {
    change.require_version(keys::model_name(&model.name), ABSENT);
    change.put(keys::model_name(&model.name), codec::write_number(model.id.0));
    change.put(keys::model(model.id), codec::registry::write_model(model));
    change.put(
        keys::model_of_experiment(model.experiment),
        codec::write_number(model.id.0),
    );
    for (key, value) in tags {
        change.put(keys::model_tag(model.id, key), value.clone().into_bytes());
    }
}

/// Reads a model with everything that is shown of it.
pub async fn read_named(name: &str) -> Result<FullModel> {
    for _ in 0..LOOKS_MAX {
        let id = id(name).await?;
        // Otherwise it was renamed or deleted meanwhile, and another one may have this name now.
        if let Some(found) = read_some(&[id]).await?.pop().flatten()
            && found.model.name == name
        {
            return Ok(found);
        }
    }
    Err(Error::Contended)
}

/// Reads a model that was just stored. If it was deleted since, the answer is the model as stored, without
/// tags, aliases and versions.
async fn read_stored(model: Model) -> Result<FullModel> {
    let found = read_some(&[model.id]).await?.pop().flatten();
    Ok(found.unwrap_or(FullModel {
        model,
        tags: Vec::new(),
        aliases: Vec::new(),
        latest: Vec::new(),
    }))
}

/// Reads the first of some models with everything that is shown of them, at least one if there are any.
/// `None`: the model does not exist.
pub async fn read_some(ids: &[ModelId]) -> Result<Vec<Option<FullModel>>> {
    let mut models = read_parts(ids).await?;
    let existing = models.iter().flatten();
    let named: Vec<NamedModel> = existing
        .map(|full| (full.model.name.as_str().into(), full.model.id))
        .collect();
    let mut latest = latest::read_some(&named).await?.into_iter();
    let mut whole = 0;
    for full in &mut models {
        if let Some(full) = full {
            let Some(versions) = latest.next() else { break };
            full.latest = versions;
        }
        whole += 1;
    }
    models.truncate(whole);
    Ok(models)
}

/// Reads the first of some models with tags and aliases, without versions, at least one if there are any.
/// `None`: the model does not exist.
pub async fn read_parts(ids: &[ModelId]) -> Result<Vec<Option<FullModel>>> {
    let spans: Vec<_> = ids.iter().map(|id| [keys::model_parts(*id)]).collect();
    let room = ByteBudget::new(MODEL_BYTES_MAX);
    let parts = portion(&spans, room, as_shown, |index, parts: &mut ModelParts, key, value| {
        let id = ids
            .get(index)
            .ok_or_else(|| Error::Corrupt("no such model".to_owned()))?;
        parts.add(*id, key, value)
    });
    Ok(parts.await?.into_iter().map(ModelParts::assemble).collect())
}

/// Collects the records of a model.
#[derive(Default)]
struct ModelParts {
    model: Option<Model>,
    tags: Vec<Pair>,
    aliases: Vec<(String, u64)>,
}

impl ModelParts {
    fn add(&mut self, id: ModelId, key: &[u8], value: &[u8]) -> Result<()> {
        match keys::model_part(key).ok_or_else(|| Error::Corrupt(format!("a record of model {id}")))? {
            ModelPart::Model => self.model = Some(codec::registry::read_model(id, value)?),
            ModelPart::Alias(alias) => self.aliases.push((alias.to_owned(), codec::read_number(value)?)),
            ModelPart::Tag(key) => self.tags.push((key.to_owned(), codec::read_text(value)?)),
        }
        Ok(())
    }

    fn assemble(self) -> Option<FullModel> {
        Some(FullModel {
            model: self.model?,
            tags: self.tags,
            aliases: self.aliases,
            latest: Vec::new(),
        })
    }
}

/// Changes a model's description.
pub async fn describe(name: &str, description: &str, now_ms: i64) -> Result<FullModel> {
    let model = transact(async |change| {
        let mut stored = load(name).await?;
        description.clone_into(&mut stored.model.description);
        stored.model.last_update_time_ms = now_ms;
        stored.put(change);
        audit::note(change, AuditObject::Model(name), "");
        Ok(stored.model)
    })
    .await?;
    read_stored(model).await
}

/// Renames a model and its experiment. Its versions refer to it by number and stay as they are.
pub async fn rename(name: &str, new_name: &str, now_ms: i64) -> Result<FullModel> {
    let model = transact(async |change| {
        let mut stored = load(name).await?;
        if name != new_name {
            let [taken] = get([keys::model_name(new_name)]).await?;
            if taken.version != ABSENT {
                return Err(already_exists(new_name, false, false));
            }
            change.require_version(keys::model_name(new_name), ABSENT);
            change.delete(keys::model_name(name));
            change.put(keys::model_name(new_name), codec::write_number(stored.model.id.0));
            experiments::rename_in(change, stored.model.experiment, &experiment_name(new_name), now_ms).await?;
            new_name.clone_into(&mut stored.model.name);
        }
        stored.model.last_update_time_ms = now_ms;
        stored.put(change);
        audit::note(change, AuditObject::Model(name), new_name);
        Ok(stored.model)
    })
    .await?;
    read_stored(model).await
}

/// Deletes a model for good, and soft-deletes its experiment. The one commit makes its versions unreachable
/// and writes a tombstone. Their remaining records are then removed.
pub async fn delete(name: &str, now_ms: i64) -> Result<()> {
    let id = transact(async |change| {
        let stored = load(name).await?;
        let Model { id, experiment, .. } = stored.model;
        references::ensure_no_versions(change, experiment, Some(id)).await?;
        stored.require_unchanged(change);
        experiments::retire_in(change, experiment, now_ms).await?;
        change.delete(keys::model_of_experiment(experiment));
        change.delete(keys::model_name(name));
        change.delete(keys::model(id));
        tombstone::put_model(change, id);
        audit::note(change, AuditObject::Model(name), "");
        Ok(id)
    })
    .await?;
    tombstone::clear_soon(&Tombstone::Model(id)).await;
    Ok(())
}

/// Sets a tag.
pub async fn set_tag(name: &str, key: &str, value: &str) -> Result<()> {
    transact(async |change| {
        let stored = load(name).await?;
        stored.require_unchanged(change);
        change.put(keys::model_tag(stored.model.id, key), value.as_bytes().to_vec());
        audit::note(change, AuditObject::Model(name), key);
        Ok(())
    })
    .await
}

/// Removes a tag. A missing tag is no error.
pub async fn delete_tag(name: &str, key: &str) -> Result<()> {
    transact(async |change| {
        let stored = load(name).await?;
        stored.require_unchanged(change);
        change.delete(keys::model_tag(stored.model.id, key));
        audit::note(change, AuditObject::Model(name), key);
        Ok(())
    })
    .await
}

/// True if a model is marked as a prompt. The change then depends on that.
pub async fn is_marked_prompt(change: &mut Change, id: ModelId) -> Result<bool> {
    let key = keys::model_tag(id, PROMPT_TAG);
    let [tag] = get([key.clone()]).await?;
    change.require_version(key, tag.version);
    Ok(tag.existing().is_some_and(|value| value.eq_ignore_ascii_case(b"true")))
}
