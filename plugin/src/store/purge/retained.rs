//! Runs, logged models and experiments that a purge keeps. Model versions are made from them, or the files of
//! an experiment lie among theirs.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::artifact::ArtifactPath;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::domain::source::{possible_models, possible_runs};
use crate::error::{Error, Result};
use crate::host::records::{Change, Span, get_all, scan, scan_page};
use crate::store::{codec, keys, references};

/// Number of records that are read together.
const READ_AT_ONCE: usize = 1_000;
/// Largest number of such reads: enough for a hundred million records.
const PAGES_MAX: usize = 100_000;
/// Largest number of an experiment's logged models that are looked at.
const MODELS_MAX: usize = 1_000_000;

/// The kept items as of the time of the read.
#[derive(Default)]
pub(super) struct Retained {
    /// Versions of the experiments' guard records (`versions_guard`), read before everything else.
    guards: BTreeMap<ExperimentId, u64>,
    runs: BTreeSet<RunId>,
    models: BTreeSet<LoggedModelId>,
    experiments: BTreeSet<ExperimentId>,
}

impl Retained {
    /// Reads the guard records of some experiments, and then the items that stay. A commit that makes a
    /// version writes the guard of its experiment. So an unchanged guard means that no such version was made
    /// since.
    pub(super) async fn read(experiments: &[ExperimentId]) -> Result<Self> {
        let guards = experiments.iter().map(|id| keys::registry::versions_guard(*id));
        let guards = get_all(guards.collect()).await?;
        let guards = guards.iter().map(|guard| guard.version);
        let mut retained = Retained {
            guards: experiments.iter().copied().zip(guards).collect(),
            ..Retained::default()
        };
        read_whole(keys::registry::all_versions(), |key, value| {
            retained.add_version(key, value)
        })
        .await?;
        let (mut runs, mut models) = (BTreeSet::new(), BTreeSet::new());
        read_whole(keys::all_experiments(), |key, value| {
            let id = keys::experiment_of(key).ok_or_else(|| Error::Corrupt("key of an experiment".to_owned()))?;
            if let Ok(experiment) = codec::read_experiment(id, value)
                && let Some(path) = ArtifactPath::of_uri(&experiment.artifact_location)
            {
                runs.extend(possible_runs(path.as_str()));
                models.extend(possible_models(path.as_str()));
            }
            Ok(())
        })
        .await?;
        retained.add_surroundings(runs, models).await?;
        Ok(retained)
    }

    /// Adds the runs and logged models that a registry record refers to. A version that cannot be read stops
    /// the purge, since it may be made from anything.
    fn add_version(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let Some((model, number)) = keys::registry::version_itself(key) else {
            return Ok(());
        };
        let version = codec::registry::read_version(model, number, value)?;
        self.runs.insert(version.run);
        for place in [&version.source, &version.location] {
            self.runs.extend(possible_runs(place));
            self.models.extend(possible_models(place));
        }
        Ok(())
    }

    /// Adds runs and logged models whose files hold an experiment's files. Earlier versions made such
    /// experiments, this one makes none.
    async fn add_surroundings(&mut self, runs: BTreeSet<RunId>, models: BTreeSet<LoggedModelId>) -> Result<()> {
        for run in runs {
            let record = get_all(vec![keys::run(run)]).await?.pop();
            let bytes = record.as_ref().and_then(|record| record.existing());
            let run_read = bytes.map(|bytes| codec::read_run(run, bytes)).transpose()?;
            self.experiments.extend(run_read.map(|run| run.experiment));
            self.runs.insert(run);
        }
        for model in models {
            let record = get_all(vec![keys::logged_models::model(model)]).await?.pop();
            let bytes = record.as_ref().and_then(|record| record.existing());
            let model_read = bytes
                .map(|bytes| codec::logged_models::read_logged_model(model, bytes))
                .transpose()?;
            self.experiments.extend(model_read.map(|model| model.experiment));
            self.models.insert(model);
        }
        Ok(())
    }

    /// True if the run stays.
    pub(super) fn keeps_run(&self, run: RunId) -> bool {
        self.runs.contains(&run)
    }

    /// True if an experiment stays: it belongs to a model, or a version is one of its runs or was made from
    /// it.
    pub(super) async fn keeps_experiment(&self, id: ExperimentId) -> Result<bool> {
        if self.experiments.contains(&id) || references::is_of_the_registry(id).await? {
            return Ok(true);
        }
        let mut is_kept = false;
        let models = keys::logged_models::List::Experiment(id).behind(&[]);
        scan(models, MODELS_MAX, |key, _| {
            let sort_key = keys::logged_models::sort_key_in(key).and_then(keys::logged_models::read_sort_key);
            is_kept |= sort_key.is_some_and(|(_, model)| self.models.contains(&model));
            Ok(())
        })
        .await?;
        Ok(is_kept)
    }

    /// True if no version was made from an experiment since this was read. The change then depends on that.
    pub(super) async fn is_current(&self, change: &mut Change, id: ExperimentId) -> Result<bool> {
        let key = keys::registry::versions_guard(id);
        let guard = get_all(vec![key.clone()]).await?.pop();
        let version = guard.map(|guard| guard.version);
        change.require_version(key, version.unwrap_or_default());
        Ok(version == self.guards.get(&id).copied())
    }
}

/// Reads a whole span in pages, with no limit on the size of its records.
async fn read_whole(span: Span, mut each: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let mut rest = span;
    for _ in 0..PAGES_MAX {
        match scan_page(&rest, READ_AT_ONCE, &mut each).await? {
            Some(left) => rest = left,
            None => return Ok(()),
        }
    }
    Err(Error::TooLarge(
        "a project with more versions than one purge looks at".to_owned(),
    ))
}
