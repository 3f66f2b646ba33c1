//! Looking up the registered model that has a name.

use crate::domain::id::ModelId;
use crate::domain::limits::MODEL_NAME_BYTES_MAX;
use crate::domain::model::not_found;
use crate::error::Result;
use crate::host::records::{Change, get};
use crate::store::codec;
use crate::store::keys::registry as keys;

/// The model that has a name, as it was looked up.
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

/// Looks a model up by its name; none when there is no such model.
pub async fn look_up(name: &str) -> Result<Option<Named>> {
    if name.len() > MODEL_NAME_BYTES_MAX {
        return Ok(None);
    }
    let [record] = get([keys::model_name(name)]).await?;
    let number = record.existing().map(codec::read_number).transpose()?;
    Ok(number.map(|number| Named {
        id: ModelId(number),
        name: name.to_owned(),
        version: record.version,
    }))
}

/// The same of a model that must exist.
pub async fn named(name: &str) -> Result<Named> {
    look_up(name).await?.ok_or_else(|| not_found(name))
}

/// Finds a model's number by its name.
pub async fn find(name: &str) -> Result<Option<ModelId>> {
    Ok(look_up(name).await?.map(|named| named.id))
}

/// The number of the model of this name, which must exist.
pub async fn id(name: &str) -> Result<ModelId> {
    Ok(named(name).await?.id)
}
