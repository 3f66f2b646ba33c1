//! Changes of single tags of runs.

use super::{jobs, load_with, log_tags, packed, tag_value};
use crate::domain::audit::AuditObject;
use crate::domain::experiment::Pair;
use crate::domain::id::RunId;
use crate::error::{Error, Result};
use crate::host::records::transact;
use crate::store::columnar::packed_run::REMOVED_TAG;
use crate::store::{audit, keys};

/// Sets a tag of an active run to the result of `edit` on its present value.
pub async fn edit_tag(id: RunId, key: &str, now_ms: i64, edit: impl Fn(Option<&str>) -> Result<String>) -> Result<()> {
    transact(async |change| {
        let (stored, values) = load_with(id, vec![keys::run_tag(id, key), keys::packed_run(id)]).await?;
        stored.ensure_active()?;
        stored.require_unchanged(change, now_ms);
        let [loose, packed_record] = &values[..] else {
            return Err(Error::Corrupt("no answer for a tag".to_owned()));
        };
        let old = tag_value(loose, &packed(packed_record)?, key)?;
        change.require_version(keys::run_tag(id, key), loose.version);
        change.require_version(keys::packed_run(id), packed_record.version);
        change.put(keys::run_tag(id, key), edit(old.as_deref())?.into_bytes());
        audit::note(change, AuditObject::Run(id), key);
        Ok(())
    })
    .await
}

/// Removes a tag of an active run.
pub async fn delete_tag(id: RunId, key: &str, now_ms: i64) -> Result<()> {
    transact(async |change| {
        let of_tag = [keys::run_tag(id, key), keys::packed_run(id)];
        let of_jobs = jobs::keys_of_change(id, std::iter::once(key));
        let asked = of_tag.iter().cloned().chain(of_jobs).collect();
        let (stored, values) = load_with(id, asked).await?;
        stored.ensure_active()?;
        let [loose, packed_record, of_jobs @ ..] = &values[..] else {
            return Err(Error::Corrupt("no answer for a tag".to_owned()));
        };
        let exists = match loose.existing() {
            Some(value) => value != REMOVED_TAG,
            None => packed(packed_record)?.tag(key).is_some(),
        };
        if !exists {
            return Err(Error::NotFound(format!("No tag with name: {key} in run with id {id}")));
        }
        stored.require_unchanged(change, now_ms);
        for (key, record) in of_tag.into_iter().zip([loose, packed_record]) {
            change.require_version(key, record.version);
        }
        change.put(keys::run_tag(id, key), REMOVED_TAG.to_vec());
        audit::note(change, AuditObject::Run(id), key);
        jobs::follow(change, id, of_jobs, std::iter::once((key, None)), now_ms)
    })
    .await
}

/// Sets a tag of several active runs, of all or of none. Each id may come once.
pub async fn set_tag_of_all(ids: &[RunId], tag: &Pair, now_ms: i64) -> Result<()> {
    let (key, value) = (tag.0.as_str(), tag.1.as_str());
    transact(async |change| {
        for id in ids {
            let of_jobs = jobs::keys_of_change(*id, std::iter::once(key));
            let (mut stored, of_jobs) = load_with(*id, of_jobs).await?;
            stored.ensure_active()?;
            stored.require_unchanged(change, now_ms);
            log_tags(change, &mut stored.run, std::slice::from_ref(tag));
            jobs::follow(change, *id, &of_jobs, std::iter::once((key, Some(value))), now_ms)?;
        }
        audit::note_runs(change, ids, key);
        Ok(())
    })
    .await
}
