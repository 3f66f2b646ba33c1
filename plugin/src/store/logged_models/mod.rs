//! Logged models and their stored records.

pub mod read;
pub mod search;
use super::keys::Tombstone;
use super::keys::logged_models as keys;
use super::{audit, codec, experiments, tombstone};
use crate::domain::audit::AuditObject;
use crate::domain::experiment::Pair;
use crate::domain::id::ExperimentId;
use crate::domain::logged_model::{
    FullLoggedModel, LoggedModel, LoggedModelId, LoggedPoint, LoggedStatus, NewLoggedModel,
};
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, Record, get, get_all, transact};

/// A logged model as it was read.
pub struct StoredLoggedModel {
    /// The model.
    pub model: LoggedModel,
    version: u64,
}

impl StoredLoggedModel {
    fn read(id: LoggedModelId, record: &Record) -> Result<Self> {
        let model = record.decode(|bytes| codec::logged_models::read_logged_model(id, bytes))?;
        Ok(StoredLoggedModel {
            model: model.ok_or_else(|| id.not_found())?,
            version: record.version,
        })
    }

    /// Makes a change depend on the model being as it was read. Such changes do not conflict with each other.
    pub fn require_unchanged(&self, change: &mut Change) {
        change.require_version(keys::model(self.model.id), self.version);
    }
}

/// Reads a logged model, even a deleted one.
pub async fn load(id: LoggedModelId) -> Result<StoredLoggedModel> {
    let [record] = get([keys::model(id)]).await?;
    StoredLoggedModel::read(id, &record)
}

/// Creates a logged model in an active experiment, with this id unless another one is chosen.
pub async fn create(
    experiment: ExperimentId,
    new: &NewLoggedModel,
    id: LoggedModelId,
    nickname: &str,
    now_ms: i64,
) -> Result<FullLoggedModel> {
    let id = new.chosen_id.unwrap_or(id);
    transact(async |change| {
        if new.chosen_id.is_some() {
            tombstone::must_be_free(change, keys::model(id), &Tombstone::Logged(id), &id).await?;
        }
        let stored = experiments::load(experiment).await?;
        let model = LoggedModel::new(id, &stored.experiment, new, || nickname.to_owned(), now_ms)?;
        stored.require_unchanged(change, now_ms);
        change.require_version(keys::model(id), ABSENT);
        change.put(keys::model(id), codec::logged_models::write_logged_model(&model));
        let sort_key = keys::logged_model_sort_key(now_ms, id);
        for list in lists(&model) {
            change.put(list.at(&sort_key), Vec::new());
        }
        for (key, value) in &new.params {
            change.put(keys::param(id, key), value.clone().into_bytes());
        }
        put_tags(change, id, &new.tags);
        audit::note(change, AuditObject::LoggedModel(id), &model.name);
        Ok(())
    })
    .await?;
    read::read(id).await
}

/// Returns the lists that hold a logged model until it is deleted.
fn lists(model: &LoggedModel) -> [keys::List<'_>; 2] {
    let experiment = model.experiment;
    [
        keys::List::Experiment(experiment),
        keys::List::Name(experiment, &model.name),
    ]
}

/// Sets the status of a logged model, even of a deleted one.
pub async fn finalize(id: LoggedModelId, status: LoggedStatus, now_ms: i64) -> Result<FullLoggedModel> {
    transact(async |change| {
        let mut stored = load(id).await?;
        stored.require_unchanged(change);
        stored.model.status = status;
        stored.model.last_update_time_ms = now_ms;
        change.put(keys::model(id), codec::logged_models::write_logged_model(&stored.model));
        audit::note(change, AuditObject::LoggedModel(id), "");
        Ok(())
    })
    .await?;
    read::read(id).await
}

/// Soft-deletes a logged model. One that is deleted already gets a new update time.
pub async fn delete(id: LoggedModelId, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let mut stored = load(id).await?;
        stored.require_unchanged(change);
        let sort_key = keys::logged_model_sort_key(stored.model.creation_time_ms, id);
        for list in lists(&stored.model) {
            change.delete(list.at(&sort_key));
        }
        stored.model.is_deleted = true;
        stored.model.last_update_time_ms = now_ms;
        change.put(keys::model(id), codec::logged_models::write_logged_model(&stored.model));
        audit::note(change, AuditObject::LoggedModel(id), "");
        Ok(())
    })
    .await
}

/// Sets tags. Of equal keys the last one counts.
pub async fn set_tags(id: LoggedModelId, tags: &[Pair]) -> Result<()> {
    transact(async |change| {
        load(id).await?.require_unchanged(change);
        put_tags(change, id, tags);
        if !tags.is_empty() {
            audit::note_keys(change, AuditObject::LoggedModel(id), tags);
        }
        Ok(())
    })
    .await
}

fn put_tags(change: &mut Change, id: LoggedModelId, tags: &[Pair]) {
    for (key, value) in tags {
        change.put(keys::tag(id, key), value.clone().into_bytes());
    }
}

/// Sets a tag to the result of `edit` on its present value. The change already depends on the model.
pub async fn edit_tag(
    change: &mut Change,
    id: LoggedModelId,
    key: &str,
    edit: impl Fn(Option<&str>) -> Result<String>,
) -> Result<()> {
    let [tag] = get([keys::tag(id, key)]).await?;
    let value = tag.decode(codec::read_text)?;
    change.require_version(keys::tag(id, key), tag.version);
    change.put(keys::tag(id, key), edit(value.as_deref())?.into_bytes());
    Ok(())
}

/// Removes a tag.
pub async fn delete_tag(id: LoggedModelId, key: &str) -> Result<()> {
    transact(async |change| {
        let [model, tag] = get([keys::model(id), keys::tag(id, key)]).await?;
        StoredLoggedModel::read(id, &model)?.require_unchanged(change);
        if tag.version == ABSENT {
            return Err(Error::NotFound(format!(
                "No tag with key '{key}' found for model with ID '{id}'."
            )));
        }
        change.require_version(keys::tag(id, key), tag.version);
        change.delete(keys::tag(id, key));
        audit::note(change, AuditObject::LoggedModel(id), key);
        Ok(())
    })
    .await
}

/// Logs params. A param that has the same value already stays as it is; a different value is refused.
pub async fn log_params(id: LoggedModelId, params: &[Pair]) -> Result<()> {
    transact(async |change| {
        let keys = params.iter().map(|(key, _)| keys::param(id, key));
        let records = get_all(std::iter::once(keys::model(id)).chain(keys).collect()).await?;
        let Some((model, values)) = records.split_first() else {
            return Err(id.not_found());
        };
        StoredLoggedModel::read(id, model)?.require_unchanged(change);
        let mut is_changed = false;
        for ((key, new), old) in params.iter().zip(values) {
            match old.existing() {
                None => {
                    is_changed = true;
                    change.require_version(keys::param(id, key), ABSENT);
                    change.put(keys::param(id, key), new.clone().into_bytes());
                }
                Some(old) if old == new.as_bytes() => {}
                Some(old) => {
                    return Err(Error::Invalid(format!(
                        "Changing param values is not allowed. Param with key='{key}' was already logged with value='{}' for \
                         model ID='{id}'. Attempted logging new value '{new}'.",
                        codec::read_text(old)?
                    )));
                }
            }
        }
        if is_changed {
            audit::note_keys(change, AuditObject::LoggedModel(id), params);
        }
        Ok(())
    })
    .await
}

/// Makes a change depend on the logged models of some points, which must exist. `records` are those of
/// `keys_of_models`. The models' records change only when they are finalized or deleted, so writers of points
/// do not conflict with each other.
pub fn rely_on_models(change: &mut Change, points: &[(LoggedModelId, LoggedPoint)], records: &[Record]) -> Result<()> {
    let mut last = None;
    for ((id, _), record) in points.iter().zip(records) {
        record.existing().ok_or_else(|| id.not_found())?;
        if last.replace(*id) != Some(*id) {
            change.require_version(keys::model(*id), record.version);
        }
    }
    Ok(())
}

/// Returns the keys of the points' models, one for each point.
pub fn keys_of_models(points: &[(LoggedModelId, LoggedPoint)]) -> impl Iterator<Item = Vec<u8>> {
    points.iter().map(|(id, _)| keys::model(*id))
}

/// Stores points. Writers of points to one model at once change no common record, so they do not conflict.
pub fn put_points(change: &mut Change, points: &[(LoggedModelId, LoggedPoint)]) {
    let mut newest = std::collections::BTreeMap::new();
    for (id, point) in points {
        change.put(keys::point(*id, point), Vec::new());
        let greatest: &mut Vec<u8> = newest.entry(keys::newest(*id, point)).or_default();
        *greatest = keys::newest_value(point).max(std::mem::take(greatest));
    }
    for (key, value) in newest {
        change.put_max(key, value);
    }
}
