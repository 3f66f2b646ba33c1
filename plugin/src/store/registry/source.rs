//! Whether what the source of a version names exists in this project and belongs to its run.

use super::model_name::Named;
use super::{aliases, latest, models, version_read, versions};
use crate::domain::alias::is_latest;
use crate::domain::artifact::ArtifactPath;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::logged_model::LoggedModelId;
use crate::domain::source::{
    Source, VersionSource, Which, invalid, not_of_model, not_of_run, possible_models, possible_runs,
};
use crate::domain::stage::ModelStage;
use crate::domain::version::VersionName;
use crate::error::{Error, Result};
use crate::host::records::Change;
use crate::store::{experiments, keys, logged_models, runs};

/// A source that was found good, and what it says of its version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The run that the version is; none: a new one.
    pub run: Option<RunId>,
    /// What is stored and shown; none: the place of the run's files.
    pub source: Option<String>,
    /// Where the files are got from; none: the place of the run's files.
    pub location: Option<String>,
    /// The logged model that the version is made from.
    pub model: Option<LoggedModelId>,
}

/// Whose a source is, as the caller says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// The run that it is of.
    pub run: Option<RunId>,
    /// The logged model that it is of.
    pub model: Option<LoggedModelId>,
}

/// Checks a source, and the run and the logged model that the caller says it is of, as a part of a change. The change depends
/// on what the source names; the run must still be checked by who makes it a version.
pub async fn resolve(change: &mut Change, text: &str, source: &Source, owner: Owner) -> Result<Resolved> {
    let Owner { run, model } = owner;
    let kept = |run| Resolved {
        run,
        source: Some(text.to_owned()),
        location: Some(text.to_owned()),
        model: None,
    };
    match source {
        Source::Own | Source::Run(_) if model.is_some() => Err(not_of_model(text)),
        Source::Own => Ok(Resolved {
            run,
            source: (!text.is_empty()).then(|| text.to_owned()),
            location: None,
            model: None,
        }),
        Source::Prompt => Ok(kept(run)),
        Source::Elsewhere => match model {
            None => Ok(kept(run)),
            Some(id) => of_logged(change, text, &logged_model(text, id).await?, run).await,
        },
        Source::Run(place) if run.is_some_and(|run| run != place.run) => Err(not_of_run(text)),
        Source::Run(place) => {
            artifacts_of(place.run).await?.ok_or_else(|| not_of_run(text))?;
            Ok(kept(Some(place.run)))
        }
        Source::Artifacts(path) => match place_of_run(path, owner).await? {
            Some(run) => Ok(kept(Some(run))),
            None => place_of_model(change, text, path, owner).await,
        },
        Source::Logged(id) if model.is_some_and(|model| model != *id) => Err(not_of_model(text)),
        Source::Logged(id) => {
            let stored = logged_model(text, *id).await?;
            let resolved = of_logged(change, text, &stored, run).await?;
            let location = Some(stored.model.artifact_uri);
            Ok(Resolved { location, ..resolved })
        }
        Source::Version(version) => of_version(change, text, version, owner).await,
    }
}

/// The run that a place in the artifact store is of.
async fn place_of_run(path: &ArtifactPath, owner: Owner) -> Result<Option<RunId>> {
    let possible: Vec<RunId> = match owner.run {
        _ if owner.model.is_some() => Vec::new(),
        Some(run) => vec![run],
        None => possible_runs(path.as_str()),
    };
    for id in possible {
        if artifacts_of(id).await?.is_some_and(|root| is_within(path, &root)) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// True if a path lies where a URI of the own store leads.
fn is_within(path: &ArtifactPath, root: &str) -> bool {
    ArtifactPath::of_uri(root).is_some_and(|root| path.is_within(&root))
}

/// The logged model that a place in the artifact store is of.
async fn place_of_model(change: &mut Change, text: &str, path: &ArtifactPath, owner: Owner) -> Result<Resolved> {
    let possible: Vec<LoggedModelId> = match owner.model {
        Some(model) => vec![model],
        None if owner.run.is_some() => return Err(not_of_run(text)),
        None => possible_models(path.as_str()),
    };
    for id in possible {
        let stored = find_logged(id).await?;
        if let Some(stored) = stored.filter(|stored| is_within(path, &stored.model.artifact_uri)) {
            return of_logged(change, text, &stored, owner.run).await;
        }
    }
    Err(if owner.model.is_some() {
        not_of_model(text)
    } else {
        not_of_run(text)
    })
}

async fn logged_model(text: &str, id: LoggedModelId) -> Result<logged_models::StoredLoggedModel> {
    find_logged(id).await?.ok_or_else(|| not_of_model(text))
}

/// None when there is no such logged model, or no longer.
async fn find_logged(id: LoggedModelId) -> Result<Option<logged_models::StoredLoggedModel>> {
    match logged_models::load(id).await {
        Ok(stored) => Ok(Some(stored).filter(|stored| !stored.model.is_deleted)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A source that is a logged model's. Its run is the version's if it can be, and the caller names no other.
async fn of_logged(
    change: &mut Change,
    text: &str,
    stored: &logged_models::StoredLoggedModel,
    run: Option<RunId>,
) -> Result<Resolved> {
    rely_on_logged(change, text, stored).await?;
    let run = match (run, RunId::parse(&stored.model.source_run)) {
        (None, Ok(source)) => match runs::load(source).await {
            Ok(stored) => {
                stored.expect(change);
                (stored.stage() == Stage::Active).then_some(source)
            }
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
        (run, _) => run,
    };
    Ok(Resolved {
        run,
        source: Some(text.to_owned()),
        location: Some(text.to_owned()),
        model: Some(stored.model.id),
    })
}

/// Makes a change depend on a logged model, and on its experiment not being removed for good: that takes the model with it.
async fn rely_on_logged(change: &mut Change, text: &str, stored: &logged_models::StoredLoggedModel) -> Result<()> {
    stored.require_unchanged(change);
    match experiments::load(stored.model.experiment).await {
        Ok(experiment) => change.require_version(keys::experiment(stored.model.experiment), experiment.version),
        Err(Error::NotFound(_)) => return Err(not_of_model(text)),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Where the artifacts of a run lie; none when there is no such run.
async fn artifacts_of(id: RunId) -> Result<Option<String>> {
    match runs::load(id).await {
        Ok(stored) => Ok(Some(stored.run.artifact_uri)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A source that is another version. The change depends on that version, and on how the source came to name it: every change
/// of stages, and so of which version is the latest, changes the model.
async fn of_version(change: &mut Change, text: &str, source: &VersionSource, owner: Owner) -> Result<Resolved> {
    let model = models::load(&source.model).await?;
    model.require_unchanged(change);
    if models::is_marked_prompt(change, model.named.id).await? {
        return Err(invalid(
            text,
            "Prompt versions cannot be used as model version sources.",
        ));
    }
    let (number, not_found) = named_version(change, &model.named, source).await?;
    let stored = versions::load_some(&model.named, &[number])
        .await?
        .pop()
        .ok_or(not_found)?;
    stored.require_unchanged(change);
    let version = stored.version;
    let is_other_model = match owner.model {
        None => false,
        Some(id) => {
            let stored = logged_model(text, id).await?;
            rely_on_logged(change, text, &stored).await?;
            stored.model.artifact_uri != version.location
        }
    };
    if owner.run.is_some_and(|run| run != version.run) || is_other_model {
        return Err(invalid(
            text,
            "The run_id and model_id request parameters must match the referenced model version.",
        ));
    }
    Ok(Resolved {
        run: Some(version.run),
        source: Some(format!("models:/{}/{}", source.model, version.number)),
        location: Some(version.location),
        model: owner.model,
    })
}

/// The number of the version that a source names, and the answer should there be no such version.
async fn named_version(change: &mut Change, model: &Named, source: &VersionSource) -> Result<(u64, Error)> {
    let name = &source.model;
    match &source.which {
        Which::Alias(alias) if !is_latest(alias) => {
            let number = aliases::find(change, model.id, alias).await?;
            Ok((number, aliases::not_found(alias)))
        }
        Which::Alias(stage) | Which::Suffix(stage) => match VersionName::parse(stage) {
            Ok(version) => {
                let number = version_read::number(model.id, name, &version).await?;
                Ok((number, version.not_found(name)))
            }
            Err(_) => latest_of(name, model, stage).await,
        },
    }
}

/// The latest version of a stage, or of all.
async fn latest_of(name: &str, model: &Named, stage: &str) -> Result<(u64, Error)> {
    let latest = latest::of_model(model.id).await?;
    let (number, not_found) = if is_latest(stage) {
        let text = format!("Latest version not found for model {name}.");
        (latest.number(), Error::NotFound(text))
    } else {
        let text = format!("No versions of model with name '{name}' and stage '{stage}' found");
        (latest.of_stage(ModelStage::parse(stage)?), Error::NotFound(text))
    };
    number.map(|number| (number, not_found.clone())).ok_or(not_found)
}
