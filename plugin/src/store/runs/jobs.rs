//! The tags of runs that name and show CI jobs.

use super::{load_with, packed, tag_value};
use crate::domain::id::RunId;
use crate::domain::job::{Job, names_job};
use crate::error::{Error, Result};
use crate::host::records::{Change, Record};
use crate::store::columnar::packed_run::REMOVED_TAG;
use crate::store::job_tags::{JobTags, TagChange, job_tags};
use crate::store::keys;
use crate::store::keys::JobTarget;

/// Returns the keys that a change of these tags reads: the look-up, the packed run, then each tag that names or shows
/// a job. Empty if no tag names a job.
pub(super) fn keys_of_change<'a>(id: RunId, mut tags: impl Iterator<Item = &'a str>) -> Vec<Vec<u8>> {
    if tags.any(names_job) { all_keys(id) } else { Vec::new() }
}

fn all_keys(id: RunId) -> Vec<Vec<u8>> {
    [keys::job_lookup(&JobTarget::Run(id)), keys::packed_run(id)]
        .into_iter()
        .chain(job_tags().map(|tag| keys::run_tag(id, tag)))
        .collect()
}

/// Makes the look-up and the shown job follow a change of tags. `records` are those of `keys_of_change`.
pub(super) fn follow<'a>(
    change: &mut Change,
    id: RunId,
    records: &[Record],
    tags: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    now_ms: i64,
) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let old = read(change, id, records)?;
    let mut new = old.clone();
    for (key, value) in tags.filter(|(key, _)| names_job(key)) {
        new.set(key, value);
    }
    let changes = old.rename(change, &JobTarget::Run(id), &new, now_ms);
    put(change, id, changes);
    Ok(())
}

/// Adds the tags that show a job to a change. False: the run does not exist.
pub async fn show(change: &mut Change, id: RunId, job: &Job, now_ms: i64) -> Result<bool> {
    let (stored, records) = match load_with(id, all_keys(id)).await {
        Err(Error::NotFound(_)) => return Ok(false),
        found => found?,
    };
    let changes = read(change, id, &records)?.show(job);
    if !changes.is_empty() {
        // A run that does not change is not to be compacted again.
        stored.require_unchanged(change, now_ms);
        put(change, id, changes);
    }
    Ok(true)
}

/// Reads the tags from the records of `all_keys`. The change then depends on them.
fn read(change: &mut Change, id: RunId, records: &[Record]) -> Result<JobTags> {
    for (key, record) in all_keys(id).into_iter().zip(records) {
        change.require_version(key, record.version);
    }
    let [_, packed_record, loose @ ..] = records else {
        return Err(Error::Corrupt("no answer for a CI job".to_owned()));
    };
    let packed = packed(packed_record)?;
    let mut tags = JobTags::default();
    for (key, record) in job_tags().zip(loose) {
        tags.set(key, tag_value(record, &packed, key)?.as_deref());
    }
    Ok(tags)
}

fn put(change: &mut Change, id: RunId, changes: Vec<TagChange>) {
    for (key, value) in changes {
        let value = value.map_or_else(|| REMOVED_TAG.to_vec(), String::into_bytes);
        change.put(keys::run_tag(id, key), value);
    }
}
