//! The tags of versions that name and show CI jobs.

use super::versions::StoredVersion;
use crate::domain::id::ModelId;
use crate::domain::job::Job;
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, get_all};
use crate::store::codec;
use crate::store::job_tags::{JobTags, TagChange, job_tags};
use crate::store::keys::registry as keys;
use crate::store::keys::{JobTarget, job_lookup};

/// Makes the look-up and the shown job follow the change of a tag that names a job.
pub(super) async fn follow(
    change: &mut Change,
    stored: &StoredVersion,
    key: &str,
    value: Option<&str>,
    now_ms: i64,
) -> Result<()> {
    let (model, number) = (stored.version.model, stored.version.number);
    let old = read(change, model, number).await?;
    let mut new = old.clone();
    new.set(key, value);
    let changes = old.rename(change, &JobTarget::Version(model, number), &new, now_ms);
    put(change, model, number, changes);
    Ok(())
}

/// Adds the tags that show a job to a change. False: the version does not exist.
pub async fn show(change: &mut Change, model: ModelId, number: u64, job: &Job) -> Result<bool> {
    let version = get_all(vec![keys::version(model, number)]).await?.pop();
    let Some(record) = version.filter(|record| record.version != ABSENT) else {
        return Ok(false);
    };
    let changes = read(change, model, number).await?.show(job);
    if !changes.is_empty() {
        // The record is written again, so a deletion, which lists the tags, conflicts with this change.
        change.require_version(keys::version(model, number), record.version);
        change.put(keys::version(model, number), record.value);
        put(change, model, number, changes);
    }
    Ok(true)
}

/// Reads the tags. The change then depends on them and on the look-up.
async fn read(change: &mut Change, model: ModelId, number: u64) -> Result<JobTags> {
    let of_tags = job_tags().map(|tag| keys::version_tag(model, number, tag));
    let asked: Vec<_> = [job_lookup(&JobTarget::Version(model, number))]
        .into_iter()
        .chain(of_tags)
        .collect();
    let records = get_all(asked.clone()).await?;
    for (key, record) in asked.into_iter().zip(&records) {
        change.require_version(key, record.version);
    }
    let [_, values @ ..] = &records[..] else {
        return Err(Error::Corrupt("no answer for a CI job".to_owned()));
    };
    let mut tags = JobTags::default();
    for (key, record) in job_tags().zip(values) {
        tags.set(key, record.decode(codec::read_text)?.as_deref());
    }
    Ok(tags)
}

fn put(change: &mut Change, model: ModelId, number: u64, changes: Vec<TagChange>) {
    for (key, value) in changes {
        let key = keys::version_tag(model, number, key);
        match value {
            Some(value) => change.put(key, value.into_bytes()),
            None => change.delete(key),
        }
    }
}
