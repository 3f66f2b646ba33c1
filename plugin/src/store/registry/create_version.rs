//! Creates model versions and their runs.

use std::collections::BTreeMap;

use super::models;
use super::models::StoredModel;
use super::source;
use super::source::Owner;
use super::{latest, versions};
use crate::domain::actor::Actor;
use crate::domain::audit::AuditObject;
use crate::domain::commit_status::CommitHash;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::job::{Job, names_job};
use crate::domain::logged_model::VERSIONS_TAG;
use crate::domain::prompt;
use crate::domain::run::{NewRun, Run, Status};
use crate::domain::semver::SemVer;
use crate::domain::source::Source;
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, Version};
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, get, transact};
use crate::store::keys::JobTarget;
use crate::store::keys::registry as keys;
use crate::store::runs::commit::put_pending_status;
use crate::store::{audit, codec, experiments, job_tags, logged_models, references, runs};

/// A caller's request for a new version.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    /// The semantic version in its tag. `None`: the next one.
    pub semver: Option<SemVer>,
    /// The source as sent.
    pub source: &'a str,
    /// The parsed source.
    pub parsed: &'a Source,
    /// The run and the logged model that own the source.
    pub owner: Owner,
    /// The description as sent; may be empty.
    pub description: String,
    /// The run link as sent.
    pub run_link: String,
    /// The tags without the one that gives the semantic version.
    pub tags: BTreeMap<String, String>,
    /// The login of the user who creates the version.
    pub user: String,
    /// The user as the forge knows them.
    pub author: Option<Actor>,
    /// The CI job that creates the version. `None`: none does, or the forge does not tell.
    pub job: Option<Job>,
    /// True if the commit of a new run is to get a status.
    pub sets_commit_status: bool,
    /// The id of a new run.
    pub run_id: RunId,
    /// The number that it had on another server. `None`: the next one.
    pub number: Option<u64>,
}

/// Creates the next version of a model from a source that is checked in the same commit. The commit also
/// creates a run unless the version has one. `noted` returns the new value of the logged model's tag that
/// lists its versions, given the present value and the new number.
pub async fn create(
    model_name: &str,
    new: &NewVersion<'_>,
    now_ms: i64,
    noted: impl Fn(Option<&str>, u64) -> Result<String>,
) -> Result<FullVersion> {
    transact(async |change| {
        let resolved = source::resolve(change, new.source, new.parsed, new.owner).await?;
        let mut stored = models::load(model_name).await?;
        let given = match resolved.run {
            Some(id) => Some(active_run(change, id, now_ms).await?),
            None => None,
        };
        let origin = Origin {
            run: given.as_ref().map(|run| (run.experiment, run.id)),
            location: resolved.location.as_deref(),
        };
        let (semver, is_semver_chosen) = semver_of(change, &stored, new, &origin).await?;
        let run = match given {
            Some(run) => run,
            None => put_run(change, &stored, new, &semver, now_ms).await?,
        };
        stored.model.last_version = number_of(&stored, new.number)?;
        stored.model.last_update_time_ms = now_ms;
        stored.model.prompt_versions += u64::from(new.tags.iter().any(|(key, value)| prompt::hides(key, value)));
        stored.put(change);
        let version = Version {
            model: stored.model.id,
            number: stored.model.last_version,
            semver,
            is_semver_chosen,
            run: run.id,
            experiment: run.experiment,
            stage: ModelStage::None,
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
            description: Some(new.description.clone()),
            source: resolved.source.unwrap_or_else(|| run.artifact_uri.clone()),
            location: resolved.location.unwrap_or(run.artifact_uri),
            run_link: new.run_link.clone(),
            author: new.author.clone(),
        };
        if let Some(id) = resolved.model {
            logged_models::edit_tag(change, id, VERSIONS_TAG, |tag| noted(tag, version.number)).await?;
        }
        let mut tags = new.tags.clone();
        let target = JobTarget::Version(version.model, version.number);
        job_tags::begin(change, &target, &mut tags, new.job.as_ref(), now_ms);
        put_new(change, &version, &tags);
        references::put_guards(change, &version).await?;
        let object = AuditObject::Version(model_name, version.number);
        audit::note(change, object, &version.semver.to_string());
        Ok(FullVersion {
            version,
            model_name: model_name.into(),
            tags: tags.into_iter().collect(),
            aliases: Vec::new(),
        })
    })
    .await
}

/// The number of a new version. A chosen number is above all that were used, since a number is never used twice.
fn number_of(stored: &StoredModel, chosen: Option<u64>) -> Result<u64> {
    let last = stored.model.last_version;
    match chosen {
        None => Ok(last + 1),
        Some(number) if number > last => Ok(number),
        Some(number) => Err(Error::AlreadyExists(format!(
            "Model Version (name={}, version={number}) cannot be created: version {last} exists, or existed.",
            stored.model.name
        ))),
    }
}

/// The run and the files from which a new version is made.
struct Origin<'a> {
    /// The version's run with its experiment. `None`: a new one.
    run: Option<(ExperimentId, RunId)>,
    /// The location of its files. `None`: that of the run's files.
    location: Option<&'a str>,
}

/// Returns the semantic version of a new version. The second is true if its caller chose it. A copy's tags
/// bring along the semantic version of the original, which is no choice: it is used if it is free.
async fn semver_of(
    change: &mut Change,
    stored: &StoredModel,
    new: &NewVersion<'_>,
    origin: &Origin<'_>,
) -> Result<(SemVer, bool)> {
    let model = stored.model.id;
    let next = async || SemVer::after(latest::highest_numbers(model).await?);
    let Some(asked) = &new.semver else {
        return Ok((next().await?, false));
    };
    let is_copied = references::is_of_original(change, asked, model, origin.run, origin.location).await?;
    let [taken] = get([keys::semver(model, &asked.to_string())]).await?;
    if taken.version == ABSENT {
        Ok((asked.clone(), !is_copied))
    } else if is_copied {
        Ok((next().await?, false))
    } else {
        Err(Error::AlreadyExists(format!(
            "Model Version (name={}, version={asked}) already exists. Give another semantic version, or none for the next.",
            stored.model.name
        )))
    }
}

/// Returns a run that becomes a version. The run must be active.
async fn active_run(change: &mut Change, id: RunId, now_ms: i64) -> Result<Run> {
    let run = runs::load(id).await?;
    run.ensure_active()?;
    run.require_unchanged(change, now_ms);
    Ok(run.run)
}

/// Creates the run of a version in the model's experiment.
async fn put_run(
    change: &mut Change,
    stored: &StoredModel,
    new: &NewVersion<'_>,
    semver: &SemVer,
    now_ms: i64,
) -> Result<Run> {
    let experiment = experiments::load(stored.model.experiment).await?;
    experiment.require_unchanged(change, now_ms);
    // As in GitLab, the job that a version names when it is created is also that of its run.
    let naming = new.tags.iter().filter(|(key, _)| names_job(key));
    let naming = naming.map(|(key, value)| (key.clone(), value.clone()));
    let user = ("mlflow.user".to_owned(), new.user.clone());
    let asked = NewRun {
        user_id: new.user.clone(),
        name: semver.to_string(),
        start_time_ms: now_ms,
        tags: naming.chain([user]).collect(),
        author: new.author.clone(),
        job: None,
        chosen_id: None,
    };
    let (mut run, tags) = Run::new(new.run_id, &experiment.experiment, asked, String::new)?;
    run.status = Status::Finished;
    run.end_time_ms = Some(now_ms);
    let mut tags: BTreeMap<String, String> = tags.into_iter().collect();
    job_tags::begin(change, &JobTarget::Run(run.id), &mut tags, new.job.as_ref(), now_ms);
    runs::put_new(change, &run, &tags, now_ms);
    let commit = CommitHash::of_tags(|key| tags.get(key).map(String::as_str));
    if let Some(commit) = commit.filter(|_| new.sets_commit_status) {
        put_pending_status(change, &run, &commit, now_ms);
    }
    Ok(run)
}

fn put_new(change: &mut Change, version: &Version, tags: &BTreeMap<String, String>) {
    let Version { model, number, .. } = *version;
    change.require_version(keys::version(model, number), ABSENT);
    change.put(
        keys::semver(model, &version.semver.to_string()),
        codec::write_number(number),
    );
    change.put(
        keys::version_of_run(version.experiment, version.run, model, number),
        Vec::new(),
    );
    versions::put(change, version);
    for (key, value) in tags {
        change.put(keys::version_tag(model, number, key), value.clone().into_bytes());
    }
}
