//! Look-ups of CI jobs: the forge is asked for the job that a run or version names, and its answer is stored as tags.
//!
//! The first attempt follows the commit that names the job, within the same request. The others are made by
//! maintenance, with growing pauses, for a week at most. A job that is not finished is looked up again in the same way.
//! One that the forge does not know is given up sooner.

use super::codec::job::{read_lookup, write_lookup};
use super::forge_calls::{ForgePass, begin_pass};
use super::keys::JobTarget;
use super::registry::versions;
use super::{forge_calls, keys, registry, runs};
use crate::domain::attempts::Attempts;
use crate::domain::job::{Job, JobLookup, JobRef, names_job};
use crate::domain::version::VersionName;
use crate::error::{Error, Result};
use crate::host::records::{get, get_all, transact_background};
use crate::host::{forge, report};

/// Makes the first attempt for what was named in this request. A failure is left to maintenance, since what the
/// client asked for has happened already.
pub async fn first_try(targets: &[JobTarget], now_ms: i64) {
    if let Err(error) = try_new(targets, now_ms).await
        && error != Error::Contended
    {
        report::fault(&format!("a CI job is not shown yet: {error}"));
    }
}

/// Sets or removes a tag of a version, and looks up the job that the tag names. Removing a missing tag is no error.
pub async fn change_version_tag(
    model: &str,
    name: &VersionName,
    key: &str,
    value: Option<&str>,
    now_ms: i64,
) -> Result<()> {
    let (model, number) = versions::change_tag(model, name, key, value, now_ms).await?;
    if names_job(key) && value.is_some() {
        first_try(&[JobTarget::Version(model, number)], now_ms).await;
    }
    Ok(())
}

async fn try_new(targets: &[JobTarget], now_ms: i64) -> Result<()> {
    let records = get_all(targets.iter().map(keys::job_lookup).collect()).await?;
    let mut known: Option<(JobRef, Answer)> = None;
    for (target, record) in targets.iter().zip(&records) {
        let Some(lookup) = record.decode(read_lookup)?.filter(|lookup| lookup.attempts.tries == 0) else {
            continue;
        };
        let answer = match known {
            Some((job, answer)) if job == lookup.job => answer,
            _ => Answer::of_forge(&lookup.job).await,
        };
        store(target, &lookup.job, &answer, now_ms).await?;
        known = Some((lookup.job, answer));
    }
    Ok(())
}

/// The forge's answer about a job.
enum Answer {
    Job(Box<Job>),
    /// The forge tells of no such job.
    Unknown,
    /// The forge does not answer now.
    None,
}

impl Answer {
    async fn of_forge(job: &JobRef) -> Self {
        match forge::job(job).await {
            Ok(Some(job)) => Answer::Job(Box::new(job)),
            Ok(None) => Answer::Unknown,
            Err(_) => Answer::None,
        }
    }

    /// True if the job is not looked up again after this answer.
    fn is_last_of(&self, lookup: &JobLookup) -> bool {
        match self {
            Answer::Job(job) => job.is_finished,
            Answer::Unknown => lookup.attempts.end_if_unknown(),
            Answer::None => false,
        }
    }
}

/// Stores an answer and the next look-up. Nothing happens if another job was named meanwhile.
async fn store(target: &JobTarget, asked: &JobRef, answer: &Answer, now_ms: i64) -> Result<()> {
    transact_background(async |change| {
        let key = keys::job_lookup(target);
        let [record] = get([key.clone()]).await?;
        let Some(lookup) = record.decode(read_lookup)?.filter(|lookup| lookup.job == *asked) else {
            return Ok(());
        };
        change.require_version(key.clone(), record.version);
        let exists = match (answer, *target) {
            (Answer::Job(job), JobTarget::Run(id)) => runs::jobs::show(change, id, job, now_ms).await?,
            (Answer::Job(job), JobTarget::Version(model, number)) => {
                registry::jobs::show(change, model, number, job).await?
            }
            (Answer::Unknown | Answer::None, _) => true,
        };
        if answer.is_last_of(&lookup) || !exists {
            change.delete(key);
        } else {
            change.put(key, write_lookup(&lookup.tried(now_ms)));
        }
        Ok(())
    })
    .await
}

/// True if these bytes are a cursor of a pass.
pub fn is_cursor(bytes: &[u8]) -> bool {
    forge_calls::is_cursor(&keys::all_job_lookups(), bytes)
}

/// Makes the look-ups that are due, after a cursor. It removes those that are over.
pub async fn pass(after: Option<&[u8]>, now_ms: i64) -> Result<ForgePass> {
    let (due, mut pass) = begin_pass(keys::all_job_lookups(), after, now_ms, read).await?;
    let mut due = due.into_iter();
    for (target, lookup) in due.by_ref() {
        let answer = Answer::of_forge(&lookup.job).await;
        if let Err(error) = store(&target, &lookup.job, &answer, now_ms).await {
            // A run that cannot be read holds up no other. If the storage does not answer, this fails too.
            report::fault(&format!("a CI job cannot be shown: {error}"));
            store(&target, &lookup.job, &Answer::None, now_ms).await?;
        }
        pass.done += usize::from(matches!(answer, Answer::Job(_)));
        if !answer.is_last_of(&lookup) {
            pass.note_pending(&lookup.attempts.tried(now_ms), now_ms);
        }
        if matches!(answer, Answer::None) {
            // It would not answer the others either.
            pass.next = None;
            break;
        }
    }
    due.for_each(|(_, lookup)| pass.note_pending(&lookup.attempts, now_ms));
    Ok(pass)
}

fn read(key: &[u8], value: &[u8]) -> Result<(Attempts, (JobTarget, JobLookup))> {
    let target = keys::job_target_of(key).ok_or_else(|| Error::corrupt("look-up of a CI job", key))?;
    let lookup = read_lookup(value)?;
    Ok((lookup.attempts, (target, lookup)))
}
