//! Whether what the source of a version names exists in this project and belongs to its run.

use super::{aliases, latest, logged, models, runs, versions};
use crate::domain::alias::is_latest;
use crate::domain::artifact::ArtifactPath;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::logged::{LoggedModel, LoggedModelId};
use crate::domain::model::ModelId;
use crate::domain::source::{
    Source, VersionSource, Which, invalid, not_of_model, not_of_run, possible_models, possible_runs,
};
use crate::domain::stage::ModelStage;
use crate::domain::version::{FullVersion, VersionName};
use crate::error::{Error, Result};

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

/// Checks a source, and the run and the logged model that the caller says it is of.
pub async fn resolve(text: &str, source: &Source, owner: Owner) -> Result<Resolved> {
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
            Some(id) => of_logged(text, &logged_model(text, id).await?, run).await,
        },
        Source::Run(place) if run.is_some_and(|run| run != place.run) => Err(not_of_run(text)),
        Source::Run(place) => {
            artifacts_of(place.run).await?.ok_or_else(|| not_of_run(text))?;
            Ok(kept(Some(place.run)))
        }
        Source::Artifacts(path) => match place_of_run(path, owner).await? {
            Some(run) => Ok(kept(Some(run))),
            None => place_of_model(text, path, owner).await,
        },
        Source::Logged(id) if model.is_some_and(|model| model != *id) => Err(not_of_model(text)),
        Source::Logged(id) => {
            let model = logged_model(text, *id).await?;
            let location = Some(model.artifact_uri.clone());
            let resolved = of_logged(text, &model, run).await?;
            Ok(Resolved { location, ..resolved })
        }
        Source::Version(version) => of_version(text, version, owner).await,
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

/// Whether a path lies where a URI of the own store leads.
fn is_within(path: &ArtifactPath, root: &str) -> bool {
    ArtifactPath::of_uri(root).is_some_and(|root| path.is_within(&root))
}

/// The logged model that a place in the artifact store is of.
async fn place_of_model(text: &str, path: &ArtifactPath, owner: Owner) -> Result<Resolved> {
    let possible: Vec<LoggedModelId> = match owner.model {
        Some(model) => vec![model],
        None if owner.run.is_some() => return Err(not_of_run(text)),
        None => possible_models(path.as_str()),
    };
    for id in possible {
        let model = find_logged(id).await?;
        if let Some(model) = model.filter(|model| is_within(path, &model.artifact_uri)) {
            return of_logged(text, &model, owner.run).await;
        }
    }
    Err(if owner.model.is_some() {
        not_of_model(text)
    } else {
        not_of_run(text)
    })
}

async fn logged_model(text: &str, id: LoggedModelId) -> Result<LoggedModel> {
    find_logged(id).await?.ok_or_else(|| not_of_model(text))
}

/// None when there is no such logged model, or no longer.
async fn find_logged(id: LoggedModelId) -> Result<Option<LoggedModel>> {
    match logged::load(id).await {
        Ok(stored) => Ok(Some(stored.model).filter(|model| !model.is_deleted)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A source that is a logged model's. Its run is the version's if it can be, and the caller names no other.
async fn of_logged(text: &str, model: &LoggedModel, run: Option<RunId>) -> Result<Resolved> {
    let run = match (run, RunId::parse(&model.source_run)) {
        (None, Ok(source)) => match runs::load(source).await {
            Ok(stored) => (stored.stage() == Stage::Active).then_some(source),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
        (run, _) => run,
    };
    Ok(Resolved {
        run,
        source: Some(text.to_owned()),
        location: Some(text.to_owned()),
        model: Some(model.id),
    })
}

/// Where the artifacts of a run lie; none when there is no such run.
async fn artifacts_of(id: RunId) -> Result<Option<String>> {
    match runs::load(id).await {
        Ok(stored) => Ok(Some(stored.run.artifact_uri)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn of_version(text: &str, source: &VersionSource, owner: Owner) -> Result<Resolved> {
    let model = models::id(&source.model).await?;
    if models::is_marked_prompt(model).await? {
        return Err(invalid(
            text,
            "Prompt versions cannot be used as model version sources.",
        ));
    }
    let FullVersion { version, .. } = match &source.which {
        Which::Alias(alias) => aliases::resolve(&source.model, alias).await?,
        Which::Suffix(suffix) => match VersionName::parse(suffix) {
            Ok(name) => versions::read(&source.model, &name).await?,
            Err(_) => of_stage(&source.model, model, suffix).await?,
        },
    };
    let is_other_model = match owner.model {
        None => false,
        Some(id) => logged_model(text, id).await?.artifact_uri != version.location,
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

/// The latest version of a stage, or of all.
async fn of_stage(name: &str, model: ModelId, stage: &str) -> Result<FullVersion> {
    let latest = latest::of_model(model).await?;
    let number = if is_latest(stage) {
        latest.number()
    } else {
        latest.of_stage(ModelStage::parse(stage)?)
    };
    let found = match number {
        Some(number) => versions::read_number(name, model, number).await?,
        None => None,
    };
    found.ok_or_else(|| match stage {
        _ if is_latest(stage) => Error::NotFound(format!("Latest version not found for model {name}.")),
        _ => Error::NotFound(format!(
            "No versions of model with name '{name}' and stage '{stage}' found"
        )),
    })
}
