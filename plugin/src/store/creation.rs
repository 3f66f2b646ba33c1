//! Making model versions, and the runs that they are.

use std::collections::BTreeMap;

use super::keys::registry as keys;
use super::models::{self, Stored as StoredModel};
use super::records::{ABSENT, Change, get, transact};
use super::{codec, experiments, latest, lineage, runs, versions};
use crate::domain::id::RunId;
use crate::domain::prompt;
use crate::domain::run::{NewRun, Run, Status};
use crate::domain::semver::SemVer;
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, Version};
use crate::error::{Error, Result};

/// What a caller says of a version to be made.
#[derive(Clone, Debug)]
pub struct NewVersion {
    /// As its tag says it; none: the next one.
    pub semver: Option<SemVer>,
    /// The run that it is; none: a new one.
    pub run: Option<RunId>,
    /// As sent; none: the place of the run's files.
    pub source: Option<String>,
    /// Where its files are got from; none: the place of the run's files.
    pub location: Option<String>,
    /// As sent; may be empty.
    pub description: String,
    /// As sent.
    pub run_link: String,
    /// Without the one that gives the semantic version.
    pub tags: BTreeMap<String, String>,
    /// Who makes it.
    pub user: String,
    /// The id of a new run.
    pub run_id: RunId,
}

/// Makes the next version of a model, and its run unless it has one.
pub async fn create(model_name: &str, new: &NewVersion, now_ms: i64) -> Result<FullVersion> {
    let model = models::id(model_name).await?;
    transact(async |change| {
        let mut stored = models::load_numbered(model_name, model).await?;
        let (semver, is_semver_chosen) = semver_of(&stored, new).await?;
        let run = put_run(change, &stored, new, &semver, now_ms).await?;
        stored.model.last_version += 1;
        stored.model.last_update_time_ms = now_ms;
        stored.model.prompt_versions += u64::from(new.tags.iter().any(|(key, value)| prompt::hides(key, value)));
        stored.put(change);
        let version = Version {
            model,
            number: stored.model.last_version,
            semver,
            is_semver_chosen,
            run: run.id,
            experiment: run.experiment,
            stage: ModelStage::None,
            creation_time_ms: now_ms,
            last_update_time_ms: now_ms,
            description: Some(new.description.clone()),
            source: new.source.clone().unwrap_or_else(|| run.artifact_uri.clone()),
            location: new.location.clone().unwrap_or(run.artifact_uri),
            run_link: new.run_link.clone(),
        };
        put_new(change, &version, &new.tags);
        Ok(FullVersion {
            version,
            model_name: model_name.into(),
            tags: new.tags.clone().into_iter().collect(),
            aliases: Vec::new(),
        })
    })
    .await
}

/// The semantic version that a new version gets, and whether its caller chose it. The one of a version that it is a copy of comes
/// along with that one's tags, and is no choice: it is kept if it is free.
async fn semver_of(stored: &StoredModel, new: &NewVersion) -> Result<(SemVer, bool)> {
    let model = stored.model.id;
    let next = async || SemVer::after(latest::highest_numbers(model).await?);
    let Some(asked) = &new.semver else {
        return Ok((next().await?, false));
    };
    let is_copied = lineage::is_of_original(asked, model, new.run, new.location.as_deref()).await?;
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

/// The run that a version is: the one given, which must be active, or a new one in the model's experiment.
async fn put_run(
    change: &mut Change,
    stored: &StoredModel,
    new: &NewVersion,
    semver: &SemVer,
    now_ms: i64,
) -> Result<Run> {
    if let Some(id) = new.run {
        let run = runs::load(id).await?;
        run.must_be_active()?;
        run.rely_on(change, now_ms);
        return Ok(run.run);
    }
    let experiment = experiments::load(stored.model.experiment).await?;
    experiment.rely_on(change, now_ms);
    let asked = NewRun {
        user_id: new.user.clone(),
        name: semver.to_string(),
        start_time_ms: now_ms,
        tags: vec![("mlflow.user".to_owned(), new.user.clone())],
    };
    let (mut run, tags) = Run::new(new.run_id, &experiment.experiment, asked, String::new)?;
    run.status = Status::Finished;
    run.end_time_ms = Some(now_ms);
    runs::put_new(change, &run, &tags.into_iter().collect(), now_ms);
    Ok(run)
}

fn put_new(change: &mut Change, version: &Version, tags: &BTreeMap<String, String>) {
    let Version { model, number, .. } = *version;
    change.expect(keys::version(model, number), ABSENT);
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
