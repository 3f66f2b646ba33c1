//! Looks up registered models by name.

use crate::domain::id::ModelId;
use crate::domain::limits::MODEL_NAME_BYTES_MAX;
use crate::domain::model::not_found;
use crate::error::Result;
use crate::host::records::{Change, get};
use crate::store::codec;
use crate::store::keys::registry as keys;

/// The model with a name, as it was looked up.
#[derive(Clone, Debug)]
pub struct Named {
    /// The model's number.
    pub id: ModelId,
    name: String,
    version: u64,
}

impl Named {
    /// Makes a change depend on the model having this name: neither renamed nor deleted since.
    pub fn require_unchanged(&self, change: &mut Change) {
        change.require_version(keys::model_name(&self.name), self.version);
    }
}

/// The key of the record with the number of the model that has a name. `None`: no model has so long a name.
pub(super) fn key(name: &str) -> Option<Vec<u8>> {
    (name.len() <= MODEL_NAME_BYTES_MAX).then(|| keys::model_name(name))
}

/// Looks up a model by name. `None`: there is no such model.
pub async fn look_up(name: &str) -> Result<Option<Named>> {
    let Some(key) = key(name) else {
        return Ok(None);
    };
    let [record] = get([key]).await?;
    let number = record.decode(codec::read_number)?;
    Ok(number.map(|number| Named {
        id: ModelId(number),
        name: name.to_owned(),
        version: record.version,
    }))
}

/// Looks up a model that must exist.
pub async fn named(name: &str) -> Result<Named> {
    look_up(name).await?.ok_or_else(|| not_found(name))
}

/// Returns the number of the model with a name. `None`: there is no such model.
pub async fn find(name: &str) -> Result<Option<ModelId>> {
    Ok(look_up(name).await?.map(|named| named.id))
}

/// Returns the number of the model with a name. The model must exist.
pub async fn id(name: &str) -> Result<ModelId> {
    Ok(named(name).await?.id)
}
