//! Checks that a version's source exists in this project and belongs to the version's run.

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

/// A source that passed the checks, and the data that it gives its version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The version's run. `None`: a new one.
    pub run: Option<RunId>,
    /// The source as it is stored and shown. `None`: the location of the run's files.
    pub source: Option<String>,
    /// The location of the files. `None`: that of the run's files.
    pub location: Option<String>,
    /// The logged model from which the version is made.
    pub model: Option<LoggedModelId>,
}

/// The owner of a source, as the caller names it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Owner {
    /// The run that owns it.
    pub run: Option<RunId>,
    /// The logged model that owns it.
    pub model: Option<LoggedModelId>,
}

/// Checks a source, and its owner as the caller names it, as a part of a change. The change depends on
/// everything that the source names, except the run: the caller that makes it a version must still check
/// that.
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

/// Returns the run that owns a path in the artifact store. `None`: no run does.
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

/// True if a path lies under a URI of this server's artifact store.
fn is_within(path: &ArtifactPath, root: &str) -> bool {
    ArtifactPath::of_uri(root).is_some_and(|root| path.is_within(&root))
}

/// Resolves a path in the artifact store to the logged model that owns it.
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

/// Reads a logged model. `None`: it does not exist, or is deleted.
async fn find_logged(id: LoggedModelId) -> Result<Option<logged_models::StoredLoggedModel>> {
    match logged_models::load(id).await {
        Ok(stored) => Ok(Some(stored).filter(|stored| !stored.model.is_deleted)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Resolves a source that belongs to a logged model. The model's run becomes the version's run if it is
/// active, unless the caller names a run.
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

/// Makes a change depend on a logged model, and on its experiment not being purged, since that removes the
/// model too.
async fn rely_on_logged(change: &mut Change, text: &str, stored: &logged_models::StoredLoggedModel) -> Result<()> {
    stored.require_unchanged(change);
    match experiments::load(stored.model.experiment).await {
        Ok(experiment) => change.require_version(keys::experiment(stored.model.experiment), experiment.version),
        Err(Error::NotFound(_)) => return Err(not_of_model(text)),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Returns the location of a run's artifacts. `None`: there is no such run.
async fn artifacts_of(id: RunId) -> Result<Option<String>> {
    match runs::load(id).await {
        Ok(stored) => Ok(Some(stored.run.artifact_uri)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Resolves a source that is another version. The change depends on that version, and on how the source names
/// it. A change of a version's stage also changes the model's record, and so covers which version is the
/// latest.
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

/// Returns the number of the version that a source names, and the error if there is no such version.
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

/// Returns the latest version of a stage, or of all, and the error if there is no such version.
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
