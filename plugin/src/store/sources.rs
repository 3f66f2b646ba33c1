//! Whether what the source of a version names exists in this project and belongs to its run.

use super::{aliases, latest, models, runs, versions};
use crate::domain::alias::is_latest;
use crate::domain::artifact::is_within;
use crate::domain::id::RunId;
use crate::domain::model::ModelId;
use crate::domain::source::{Source, VersionSource, Which, invalid, not_of_run, possible_runs};
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
}

/// Checks a source, and the run that the caller says it is of.
pub async fn resolve(text: &str, source: &Source, run: Option<RunId>) -> Result<Resolved> {
    let kept = |run| Resolved {
        run,
        source: Some(text.to_owned()),
        location: Some(text.to_owned()),
    };
    match source {
        Source::Own => Ok(Resolved {
            run,
            source: (!text.is_empty()).then(|| text.to_owned()),
            location: None,
        }),
        Source::Prompt | Source::Elsewhere => Ok(kept(run)),
        Source::Run(id) if run.is_some_and(|run| run != *id) => Err(not_of_run(text)),
        Source::Run(id) => {
            artifacts_of(*id).await?.ok_or_else(|| not_of_run(text))?;
            Ok(kept(Some(*id)))
        }
        Source::Artifacts => {
            let possible: Vec<RunId> = match run {
                Some(run) => vec![run],
                None => possible_runs(text).collect(),
            };
            for id in possible {
                if artifacts_of(id).await?.is_some_and(|root| is_within(text, &root)) {
                    return Ok(kept(Some(id)));
                }
            }
            Err(not_of_run(text))
        }
        Source::Version(version) => of_version(text, version, run).await,
    }
}

/// Where the artifacts of a run lie; none when there is no such run.
async fn artifacts_of(id: RunId) -> Result<Option<String>> {
    match runs::load(id).await {
        Ok(stored) => Ok(Some(stored.run.artifact_uri)),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn of_version(text: &str, source: &VersionSource, run: Option<RunId>) -> Result<Resolved> {
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
    if run.is_some_and(|run| run != version.run) {
        return Err(invalid(
            text,
            "The run_id and model_id request parameters must match the referenced model version.",
        ));
    }
    Ok(Resolved {
        run: Some(version.run),
        source: Some(format!("models:/{}/{}", source.model, version.number)),
        location: Some(version.location),
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
