//! What ties runs and experiments to the registry: an experiment may belong to a model, a run may be a model version.
//! Such a one is not deleted on its own.

use std::collections::BTreeMap;

use super::keys::registry as keys;
use super::keys::{Span, run as run_key};
use super::records::{ABSENT, get, get_all, scan};
use super::{codec, models};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::model::{Model, ModelId};
use crate::domain::run::Run;
use crate::domain::semver::SemVer;
use crate::error::{Error, Result};

/// How many versions of one run, or of the runs of one experiment, are looked at.
const LINKS_MAX: usize = 100_000;

/// How many versions of one run are looked at as what another may be a copy of.
const ORIGINALS_MAX: usize = 1_000;

/// A version by its model and number.
pub type Link = (ModelId, u64);

/// Refuses to do something to an experiment that belongs to a model.
pub async fn must_not_belong_to_a_model(id: ExperimentId, deed: &str) -> Result<()> {
    let [owner] = get([keys::model_of_experiment(id)]).await?;
    if owner.version == ABSENT {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Cannot {deed} an experiment associated to a model: experiment {id} is made, renamed and deleted with its model."
    )))
}

/// Refuses to delete an experiment of whose runs one is a version of a model, other than this one.
pub async fn must_hold_no_version(id: ExperimentId, of_model: Option<ModelId>) -> Result<()> {
    let links = links(keys::versions_of_experiment(id)).await?;
    let others: Vec<Link> = links
        .into_iter()
        .filter(|(model, _)| Some(*model) != of_model)
        .collect();
    match existing(&others).await?.first() {
        None => Ok(()),
        Some((model, number)) => Err(Error::Invalid(format!(
            "Cannot delete experiment {id}: one of its runs is version {number} of the model '{}'. Delete that first.",
            model.name
        ))),
    }
}

/// Refuses to delete a run that is a version of a model.
pub async fn must_be_no_version(run: &Run) -> Result<()> {
    let links = links(keys::versions_of_run(run.experiment, run.id)).await?;
    match existing(&links).await?.first() {
        None => Ok(()),
        Some((model, number)) => Err(Error::Invalid(format!(
            "Cannot delete a run associated to a model version: run {} is version {number} of the model '{}'.",
            run.id, model.name
        ))),
    }
}

/// The versions that some runs are; runs that do not exist are none.
pub async fn versions_of_runs(ids: &[RunId]) -> Result<Vec<Link>> {
    let records = get_all(ids.iter().map(|id| run_key(*id)).collect()).await?;
    let mut found = Vec::new();
    for (id, record) in ids.iter().zip(&records) {
        let Some(bytes) = record.existing() else { continue };
        let experiment = codec::read_run(*id, bytes)?.experiment;
        found.extend(links(keys::versions_of_run(experiment, *id)).await?);
    }
    Ok(found)
}

/// Whether a semantic version is that of a version which one with this run and these files is a copy of: of another version that is
/// the same run, or, in the same model, has its files there. Copies of tags and aliases name it, and mean nothing by it.
pub async fn is_of_original(
    semver: &SemVer,
    model: ModelId,
    run: Option<RunId>,
    location: Option<&str>,
) -> Result<bool> {
    let mut links = versions_of_runs(run.as_slice()).await?;
    links.truncate(ORIGINALS_MAX);
    let mut models: Vec<ModelId> = links.iter().map(|(model, _)| *model).chain([model]).collect();
    models.sort_unstable();
    models.dedup();
    let text = semver.to_string();
    let holders = get_all(models.iter().map(|model| keys::semver(*model, &text)).collect()).await?;
    let mut of_model = None;
    for (id, record) in models.iter().zip(&holders) {
        let Some(number) = record.existing().map(codec::read_number).transpose()? else {
            continue;
        };
        if links.contains(&(*id, number)) {
            return Ok(true);
        }
        of_model = of_model.or((*id == model).then_some(number));
    }
    let Some(number) = of_model.filter(|_| location.is_some()) else {
        return Ok(false);
    };
    let [holder] = get([keys::version(model, number)]).await?;
    let holder = holder.existing();
    let holder = holder.map(|bytes| codec::registry::read_version(model, number, bytes));
    Ok(holder
        .transpose()?
        .is_some_and(|holder| Some(holder.location.as_str()) == location))
}

async fn links(span: Span) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    scan(span, LINKS_MAX, |key, _| {
        let (_, model, number) =
            keys::link_of(key).ok_or_else(|| Error::Corrupt("key of a run's version".to_owned()))?;
        links.push((model, number));
        Ok(())
    })
    .await?;
    Ok(links)
}

/// Those whose model exists: what a deleted model leaves behind is swept later.
async fn existing(links: &[Link]) -> Result<Vec<(Model, u64)>> {
    let numbers: BTreeMap<ModelId, u64> = links.iter().copied().collect();
    let ids: Vec<ModelId> = numbers.keys().copied().collect();
    let models = models::load_all(&ids).await?;
    let with_number = |model: Model| numbers.get(&model.id).map(|number| (model, *number));
    Ok(models.into_iter().flatten().filter_map(with_number).collect())
}
