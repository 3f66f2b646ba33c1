//! The run of each experiment that was created last.

use crate::domain::experiment::Experiment;
use crate::domain::id::RunId;
use crate::domain::lifecycle::Stage;
use crate::domain::run::Run;
use crate::error::{Error, Result};
use crate::host::records::{get_all, last_keys};
use crate::store::columnar::row_keys;
use crate::store::{codec, keys};

/// Number of compacted runs of an experiment that are read. The newest may be deleted.
const RUNS_EACH: usize = 3;

/// Returns for each experiment, in the order given, the active run that was created last. `None`: it has none, or its
/// newest runs are deleted. Costs three calls for all of them: the last dirty marker and the last row keys of each
/// experiment, the records of these row keys, and four runs each.
pub async fn newest_of_each(experiments: &[&Experiment]) -> Result<Vec<Option<Run>>> {
    let candidates = candidates(experiments).await?;
    let asked = candidates.iter().flatten().map(|id| keys::run(*id)).collect();
    let mut records = get_all(asked).await?.into_iter();
    let mut newest = Vec::with_capacity(experiments.len());
    for (experiment, ids) in experiments.iter().zip(&candidates) {
        let mut found: Option<Run> = None;
        for (id, record) in ids.iter().zip(records.by_ref()) {
            let run = record.decode(|bytes| codec::read_run(*id, bytes))?;
            let is_shown = |run: &Run| run.lifecycle.of_run(experiment.lifecycle) == Stage::Active;
            // The ids come from the newest to the oldest.
            found = found.or(run.filter(is_shown));
        }
        newest.push(found);
    }
    Ok(newest)
}

/// The ids of the newest runs of each experiment, the newest first. A run's id begins with the time of its creation.
async fn candidates(experiments: &[&Experiment]) -> Result<Vec<Vec<RunId>>> {
    let spans = experiments.iter().flat_map(|experiment| {
        let id = experiment.id;
        [keys::dirty_markers(id), keys::all_row_keys(id)]
    });
    let last = last_keys(&spans.collect::<Vec<_>>()).await?;
    let (of_each, _) = last.as_chunks::<2>();
    let row_keys = of_each.iter().filter_map(|[_, row_keys]| row_keys.clone());
    let mut records = get_all(row_keys.collect()).await?.into_iter();
    let mut candidates = Vec::with_capacity(experiments.len());
    for [dirty, row_keys] in of_each {
        let mut ids = Vec::new();
        if row_keys.is_some()
            && let Some(record) = records.next()
        {
            ids.extend(row_keys::runs_in(&record.value));
            ids.sort_unstable_by(|id, other| other.cmp(id));
            ids.truncate(RUNS_EACH);
        }
        if let Some(dirty) = dirty {
            let run = keys::dirty_run_of(dirty).ok_or_else(|| Error::Corrupt("a dirty marker".to_owned()))?;
            ids.push(run.1);
        }
        ids.sort_unstable_by(|id, other| other.cmp(id));
        ids.dedup();
        candidates.push(ids);
    }
    Ok(candidates)
}
