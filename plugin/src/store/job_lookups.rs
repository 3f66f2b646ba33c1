//! Look-ups of CI jobs: the forge is asked for the job that a run or version names, and its answer is stored as tags.
//!
//! The first attempt follows the commit that names the job, within the same request. The others are made by
//! maintenance, with growing pauses, for a week at most. A job that is not finished is looked up again in the same way.
//! One that the forge does not know is given up sooner.

use super::codec::job::{read_lookup, write_lookup};
use super::keys::JobTarget;
use super::registry::versions;
use super::{keys, registry, runs};
use crate::domain::job::{Job, JobLookup, JobRef, names_job};
use crate::domain::version::VersionName;
use crate::error::{Error, Result};
use crate::host::records::{get, get_all, scan, transact_background};
use crate::host::{forge, report};

/// Largest number of look-ups that one pass reads.
const LOOKED_AT_MAX: usize = 1_000;
/// Largest number of jobs for which one pass asks the forge. Each takes 2 seconds at most.
const ASKED_MAX: usize = 8;
/// Number of attempts after which a job that the forge does not know is not looked up any more. They take two hours.
const UNKNOWN_TRIES_MAX: u64 = 9;

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
        let Some(lookup) = record.decode(read_lookup)?.filter(|lookup| lookup.tries == 0) else {
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
            Answer::Unknown => lookup.tries + 1 >= UNKNOWN_TRIES_MAX,
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

/// The result of a pass.
#[derive(Debug, Default)]
pub struct JobPass {
    /// Number of jobs that the forge told.
    pub linked: usize,
    /// Number of look-ups that are still to be made.
    pub pending: usize,
    /// The time until the first of these, in milliseconds. `None`: there is none.
    pub wait_ms: Option<i64>,
    /// The cursor of the next pass. `None`: this pass reached the end, or the forge does not answer.
    pub next: Option<Vec<u8>>,
}

/// True if these bytes are a cursor of a pass.
pub fn is_cursor(bytes: &[u8]) -> bool {
    let all = keys::all_job_lookups();
    all.start.as_slice() <= bytes && bytes < all.end.as_slice()
}

/// Makes the look-ups that are due, after a cursor. It removes those that are over.
pub async fn pass(after: Option<&[u8]>, now_ms: i64) -> Result<JobPass> {
    let mut span = keys::all_job_lookups();
    if let Some(after) = after {
        span = span.after(after);
    }
    let (mut pass, mut due, mut over, mut last) = (JobPass::default(), Vec::new(), Vec::new(), None);
    let seen = scan(span, LOOKED_AT_MAX, |key, value| {
        // Look-ups beyond the limit of this pass are left to the next, with all after them.
        if due.len() == ASKED_MAX {
            return Ok(());
        }
        last = Some(key.to_vec());
        match (keys::job_target_of(key), read_lookup(value)) {
            (Some(_), Ok(lookup)) if lookup.is_over(now_ms) => over.push(key.to_vec()),
            (Some(target), Ok(lookup)) if lookup.wait_ms(now_ms) == 0 => due.push((target, lookup)),
            (Some(_), Ok(lookup)) => pass.note_pending(&lookup, now_ms),
            (_, lookup) => report::fault(&format!("a look-up of a CI job cannot be read: {:?}", lookup.err())),
        }
        Ok(())
    })
    .await?;
    forget(&over, now_ms).await?;
    let is_last = seen < LOOKED_AT_MAX && due.len() < ASKED_MAX;
    pass.next = last.filter(|_| !is_last);
    let mut due = due.into_iter();
    for (target, lookup) in due.by_ref() {
        let answer = Answer::of_forge(&lookup.job).await;
        if let Err(error) = store(&target, &lookup.job, &answer, now_ms).await {
            // A run that cannot be read holds up no other. If the storage does not answer, this fails too.
            report::fault(&format!("a CI job cannot be shown: {error}"));
            store(&target, &lookup.job, &Answer::None, now_ms).await?;
        }
        pass.note(&answer, lookup, now_ms);
        if matches!(answer, Answer::None) {
            // It would not answer the others either.
            pass.next = None;
            break;
        }
    }
    due.for_each(|(_, lookup)| pass.note_pending(&lookup, now_ms));
    Ok(pass)
}

impl JobPass {
    fn note(&mut self, answer: &Answer, lookup: JobLookup, now_ms: i64) {
        self.linked += usize::from(matches!(answer, Answer::Job(_)));
        if !answer.is_last_of(&lookup) {
            self.note_pending(&lookup.tried(now_ms), now_ms);
        }
    }

    fn note_pending(&mut self, lookup: &JobLookup, now_ms: i64) {
        let wait_ms = lookup.wait_ms(now_ms);
        self.pending += 1;
        self.wait_ms = Some(self.wait_ms.map_or(wait_ms, |other| other.min(wait_ms)));
    }
}

/// Removes look-ups that are over, unless they were written again meanwhile.
async fn forget(keys: &[Vec<u8>], now_ms: i64) -> Result<()> {
    transact_background(async |change| {
        let records = get_all(keys.to_vec()).await?;
        for (key, record) in keys.iter().zip(&records) {
            if record.decode(read_lookup)?.is_some_and(|lookup| lookup.is_over(now_ms)) {
                change.require_version(key.clone(), record.version);
                change.delete(key.clone());
            }
        }
        Ok(())
    })
    .await
}
