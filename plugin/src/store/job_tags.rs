//! The tags that name and show CI jobs. Clients name the job of a run or version in some tags, and others show what the
//! forge says of it. A look-up is a record that says that the forge is still to be asked, or to be asked again.
//!
//! A change of a naming tag writes or removes the look-up in the same commit, so none is forgotten. The commit checks
//! all that it read of these tags and of the look-up. So two changes at once leave the look-up of the job that both
//! name together.

use std::collections::BTreeMap;

use crate::domain::job::{Job, JobLookup, JobRef, NAMING_TAGS, SHOWING_TAGS, SHOWN_ID_TAG};
use crate::host::records::Change;
use crate::store::codec::job::write_lookup;
use crate::store::keys;
use crate::store::keys::JobTarget;

/// All tags that name or show a job.
pub fn job_tags() -> impl Iterator<Item = &'static str> {
    NAMING_TAGS.into_iter().chain(SHOWING_TAGS)
}

/// A tag and its new value. `None`: the tag is removed.
pub type TagChange = (&'static str, Option<String>);

/// The tags of a run or version that name or show its job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobTags(BTreeMap<String, String>);

impl JobTags {
    /// Sets or removes a tag.
    pub fn set(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => _ = self.0.insert(key.to_owned(), value.to_owned()),
            None => _ = self.0.remove(key),
        }
    }

    /// The job that the tags name. `None`: they name none.
    fn named(&self) -> Option<JobRef> {
        JobRef::of_tags(|key| self.0.get(key).map(String::as_str))
    }

    /// Changes the look-up to what other naming tags ask for. Returns the changes of the tags that show the job:
    /// those of another job are removed.
    pub fn rename(&self, change: &mut Change, target: &JobTarget, new: &JobTags, now_ms: i64) -> Vec<TagChange> {
        let key = keys::job_lookup(target);
        let is_same = match (self.named(), new.named()) {
            // The job that is shown is the one that created the run.
            (None, None) => true,
            (Some(_), None) => {
                change.delete(key);
                false
            }
            (old, Some(job)) => {
                let is_same = old.as_ref() == Some(&job) || self.shows(&job);
                change.put(key, write_lookup(&JobLookup::new(job, now_ms)));
                is_same
            }
        };
        if is_same { Vec::new() } else { self.removals() }
    }

    /// The changes of tags after which they show this job.
    pub fn show(&self, job: &Job) -> Vec<TagChange> {
        job.tags()
            .filter(|(key, value)| self.0.get(*key) != value.as_ref())
            .collect()
    }

    fn shows(&self, name: &JobRef) -> bool {
        matches!(name, JobRef::Id(id) if self.0.get(SHOWN_ID_TAG) == Some(id))
    }

    fn removals(&self) -> Vec<TagChange> {
        let shown = SHOWING_TAGS.into_iter().filter(|key| self.0.contains_key(*key));
        shown.map(|key| (key, None)).collect()
    }
}

/// Adds the look-up of a new run's or version's job to its creation. `own` is the job that creates it: if the tags
/// name no other, it is shown at once.
pub fn begin(
    change: &mut Change,
    target: &JobTarget,
    tags: &mut BTreeMap<String, String>,
    own: Option<&Job>,
    now_ms: i64,
) {
    let named = JobRef::of_tags(|key| tags.get(key).map(String::as_str));
    let own = own.filter(|own| named.as_ref().is_none_or(|named| own.is_named_by(named)));
    let lookup = match (own, named) {
        (Some(own), named) => {
            tags.extend(own.tags().filter_map(|(key, value)| Some((key.to_owned(), value?))));
            let named = named.or_else(|| own.id().map(|id| JobRef::Id(id.to_owned())));
            let named = named.filter(|_| !own.is_finished);
            // The credential has told what it knows, so the first look-up can wait.
            named.map(|named| JobLookup::new(named, now_ms).tried(now_ms))
        }
        (None, named) => named.map(|named| JobLookup::new(named, now_ms)),
    };
    if let Some(lookup) = lookup {
        change.put(keys::job_lookup(target), write_lookup(&lookup));
    }
}
