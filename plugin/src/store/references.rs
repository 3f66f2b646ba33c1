//! References from the registry: a run or experiment that a model or version refers to is not deleted on its
//! own.
//!
//! A commit checks records, not ranges. So each experiment has a guard record, `versions_guard`. A commit
//! that makes a version writes the guard of the version's experiment (`put_guards`). A deletion depends on
//! the range of those versions: it reads the guard, then looks for versions, and checks the guard in its
//! commit.

use std::collections::{BTreeMap, BTreeSet};

use super::codec;
use super::keys::logged_models::model as logged_key;
use super::keys::registry as keys;
use super::keys::run as run_key;
use crate::domain::id::{ExperimentId, ModelId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::domain::model::Model;
use crate::domain::run::Run;
use crate::domain::semver::SemVer;
use crate::domain::source::{possible_models, possible_runs};
use crate::domain::version::Version;
use crate::error::{Error, Result};
use crate::host::records::{ABSENT, Change, Span, get, get_all, scan, scan_all, scan_page};

/// Largest number of versions of one run that are shown.
const LINKS_MAX: usize = 100_000;
/// Number of versions of an experiment's runs that one step looks at.
const LINKS_AT_ONCE: usize = 10_000;
/// Largest number of such steps: enough for ten million versions.
const LOOKS_MAX: usize = 1_000;
/// Number of models that are read together: each may have a long description.
const MODELS_AT_ONCE: usize = 100;
/// Largest number of versions of one run that are considered as the original of a copy.
const ORIGINALS_MAX: usize = 1_000;

/// A version by its model and number.
pub type Link = (ModelId, u64);

/// Rejects an action (`deed`) on an experiment that belongs to a model. The change then depends on the
/// answer.
pub async fn must_not_belong_to_a_model(change: &mut Change, id: ExperimentId, deed: &str) -> Result<()> {
    let key = keys::model_of_experiment(id);
    let [owner] = get([key.clone()]).await?;
    change.require_version(key, owner.version);
    if owner.version == ABSENT {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Cannot {deed} an experiment associated to a model: experiment {id} is made, renamed and deleted with its model."
    )))
}

/// Rejects the deletion of an experiment with a run that is a version of a model other than `of_model`. The
/// change then depends on the answer.
pub async fn ensure_no_versions(change: &mut Change, id: ExperimentId, of_model: Option<ModelId>) -> Result<()> {
    check_guard(change, id).await?;
    match first_version(keys::versions_of_experiment(id), of_model).await? {
        None => Ok(()),
        Some((model, number)) => Err(Error::Invalid(format!(
            "Cannot delete experiment {id}: one of its runs is version {number} of the model '{}'. Delete that first.",
            model.name
        ))),
    }
}

/// Rejects the deletion of a run that is a version of a model. The change then depends on the answer.
pub async fn must_be_no_version(change: &mut Change, run: &Run) -> Result<()> {
    check_guard(change, run.experiment).await?;
    match first_version(keys::versions_of_run(run.experiment, run.id), None).await? {
        None => Ok(()),
        Some((model, number)) => Err(Error::Invalid(format!(
            "Cannot delete a run associated to a model version: run {} is version {number} of the model '{}'.",
            run.id, model.name
        ))),
    }
}

/// Makes a change depend on the experiment's guard record: it fails if a version is made from the experiment
/// after this read. The caller looks for versions after this.
async fn check_guard(change: &mut Change, id: ExperimentId) -> Result<()> {
    let key = keys::versions_guard(id);
    let [guard] = get([key.clone()]).await?;
    change.require_version(key, guard.version);
    Ok(())
}

/// Writes the guard records of all experiments that a new version refers to: its run's, and those that its
/// source or location names.
pub async fn put_guards(change: &mut Change, version: &Version) -> Result<()> {
    let mut experiments = BTreeSet::from([version.experiment]);
    let places = [&version.source, &version.location];
    let runs: BTreeSet<RunId> = places.iter().flat_map(|place| possible_runs(place)).collect();
    let models: BTreeSet<LoggedModelId> = places.iter().flat_map(|place| possible_models(place)).collect();
    let other_runs: Vec<RunId> = runs.into_iter().filter(|run| *run != version.run).collect();
    let asked = other_runs.iter().map(|run| run_key(*run));
    let records = get_all(asked.chain(models.iter().map(|model| logged_key(*model))).collect()).await?;
    let (of_runs, of_models) = records.split_at_checked(other_runs.len()).unwrap_or_default();
    for (run, record) in other_runs.iter().zip(of_runs) {
        let run = record.existing().map(|bytes| codec::read_run(*run, bytes));
        experiments.extend(run.transpose()?.map(|run| run.experiment));
    }
    for (model, record) in models.iter().zip(of_models) {
        let model = record
            .existing()
            .map(|bytes| codec::logged_models::read_logged_model(*model, bytes));
        experiments.extend(model.transpose()?.map(|model| model.experiment));
    }
    for experiment in experiments {
        change.put(keys::versions_guard(experiment), Vec::new());
    }
    Ok(())
}

/// Returns those of an experiment's runs that are versions. The change then depends on the answer.
pub async fn versions_among(change: &mut Change, id: ExperimentId, runs: &[RunId]) -> Result<BTreeSet<RunId>> {
    check_guard(change, id).await?;
    let mut found = BTreeSet::new();
    for run in runs {
        if first_version(keys::versions_of_run(id, *run), None).await?.is_some() {
            found.insert(*run);
        }
    }
    Ok(found)
}

/// True if an experiment belongs to a model, or one of its runs is a version.
pub async fn is_of_the_registry(id: ExperimentId) -> Result<bool> {
    let [owner] = get([keys::model_of_experiment(id)]).await?;
    Ok(owner.version != ABSENT || first_version(keys::versions_of_experiment(id), None).await?.is_some())
}

/// Returns the versions of some runs. A run that does not exist has none.
pub async fn versions_of_runs(ids: &[RunId]) -> Result<Vec<Link>> {
    let mut spans = Vec::with_capacity(ids.len());
    let runs = ids.iter().map(|id| Span::of_key(run_key(*id))).collect();
    scan_all(runs, 1, |index, _, value| {
        let id = ids.get(index).ok_or_else(|| Error::Corrupt("no such run".to_owned()))?;
        let experiment = codec::read_run(*id, value)?.experiment;
        spans.push(keys::versions_of_run(experiment, *id));
        Ok(())
    })
    .await?;
    let mut found = Vec::new();
    for span in spans {
        found.extend(links(span, LINKS_MAX).await?);
    }
    Ok(found)
}

/// True if a semantic version belongs to the original of a copy: a version of this run, or one of this model
/// with these files. Copied tags and aliases name the original's semantic version, which is no request for
/// that version. The change depends on the answer: on the guard record of the run's experiment, and on the
/// records of the semantic version.
pub async fn is_of_original(
    change: &mut Change,
    semver: &SemVer,
    model: ModelId,
    run: Option<(ExperimentId, RunId)>,
    location: Option<&str>,
) -> Result<bool> {
    let links = match run {
        Some((experiment, run)) => {
            check_guard(change, experiment).await?;
            links(keys::versions_of_run(experiment, run), ORIGINALS_MAX).await?
        }
        None => Vec::new(),
    };
    let mut models: Vec<ModelId> = links.iter().map(|(model, _)| *model).chain([model]).collect();
    models.sort_unstable();
    models.dedup();
    let text = semver.to_string();
    let holders = get_all(models.iter().map(|model| keys::semver(*model, &text)).collect()).await?;
    let mut of_model = None;
    for (id, record) in models.iter().zip(&holders) {
        // A version never changes its semantic version, run or files.
        change.require_version(keys::semver(*id, &text), record.version);
        let Some(number) = record.decode(codec::read_number)? else {
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

/// Returns the first `count` versions of a span.
async fn links(span: Span, count: usize) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    scan(span, count, |key, _| {
        let (_, model, number) = keys::link_of(key).ok_or_else(misplaced)?;
        links.push((model, number));
        Ok(())
    })
    .await?;
    Ok(links)
}

/// Returns the first version whose model exists and is not `of_model`. Links that a deleted model left do not
/// count.
async fn first_version(span: Span, of_model: Option<ModelId>) -> Result<Option<(Model, u64)>> {
    let mut rest = span;
    for _ in 0..LOOKS_MAX {
        let mut numbers: BTreeMap<ModelId, u64> = BTreeMap::new();
        let left = scan_page(&rest, LINKS_AT_ONCE, |key, _| {
            let (_, model, number) = keys::link_of(key).ok_or_else(misplaced)?;
            if Some(model) != of_model {
                numbers.insert(model, number);
            }
            Ok(())
        })
        .await?;
        let ids: Vec<ModelId> = numbers.keys().copied().collect();
        for some in ids.chunks(MODELS_AT_ONCE) {
            if let Some(model) = load_models(some).await?.into_iter().flatten().next() {
                let number = numbers.get(&model.id).copied().unwrap_or_default();
                return Ok(Some((model, number)));
            }
        }
        let Some(left) = left else { return Ok(None) };
        rest = left;
    }
    Err(Error::TooLarge(
        "an experiment of more than ten million versions".to_owned(),
    ))
}

/// Reads models by number, without their descriptions, which are most of a model's record. `None`: the model
/// does not exist.
pub async fn load_models(ids: &[ModelId]) -> Result<Vec<Option<Model>>> {
    let mut models = vec![None; ids.len()];
    let spans = ids.iter().map(|id| Span::of_key(keys::model(*id))).collect();
    scan_all(spans, 1, |index, _, value| {
        if let (Some(id), Some(found)) = (ids.get(index), models.get_mut(index)) {
            *found = Some(Model {
                description: String::new(),
                ..codec::registry::read_model(*id, value)?
            });
        }
        Ok(())
    })
    .await?;
    Ok(models)
}

fn misplaced() -> Error {
    Error::Corrupt("key of a run's version".to_owned())
}
