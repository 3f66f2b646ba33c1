//! Removes an experiment's tombstone: its runs and logged models get tombstones of their own, then its
//! records are removed.

use super::{CommitBudget, clear_spans, put_logged, put_run, put_unreadable_run};
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::error::{Error, Result};
use crate::host::records::{Change, Span, get_all, scan, transact_background};
use crate::store::columnar::row_keys;
use crate::store::{codec, keys};

/// Number of runs, or logged models, that get tombstones in one commit.
const PARTS_AT_ONCE: usize = 500;

/// Removes an experiment's records as far as the budget of commits allows. True if only the tombstones of its
/// parts are left.
pub(crate) async fn clear(id: ExperimentId, budget: &mut CommitBudget) -> Result<bool> {
    loop {
        if !budget.take() {
            return Ok(false);
        }
        if !(take_on_marked(id).await?
            || take_on_packed(id).await?
            || take_on_models(id).await?
            || super::traces::remove_some(id).await?)
        {
            break;
        }
    }
    let mut spans = keys::of_experiment(id);
    spans.push(keys::registry::versions_of_experiment(id));
    spans.push(keys::traces::of_experiment(id));
    // Without markers, no compaction writes columns again.
    spans.push(keys::trace_columns::markers(id, &[], None));
    spans.push(keys::trace_columns::of_experiment(id));
    for key in [
        keys::registry::versions_guard(id),
        keys::registry::model_of_experiment(id),
    ] {
        spans.push(Span::of_key(key));
    }
    clear_spans(&spans, budget).await
}

/// Writes tombstones of dirty runs. True if there were any.
async fn take_on_marked(id: ExperimentId) -> Result<bool> {
    let mut runs = Vec::new();
    scan(keys::dirty_markers(id), PARTS_AT_ONCE, |key, _| {
        runs.extend(keys::dirty_run_of(key).map(|(_, run)| run));
        Ok(())
    })
    .await?;
    take_on(id, &runs, |change, runs| {
        for run in runs {
            change.delete(keys::dirty_marker(id, *run));
        }
    })
    .await?;
    Ok(!runs.is_empty())
}

/// Writes tombstones of some packed runs. True if there was a record of their row keys.
async fn take_on_packed(id: ExperimentId) -> Result<bool> {
    let (mut runs, mut found) = (Vec::new(), None);
    scan(keys::row_keys_between(id, 0, u32::MAX), 1, |key, record| {
        runs.extend(row_keys::runs_of(record));
        found = Some(key.to_vec());
        Ok(())
    })
    .await?;
    let Some(record) = found else { return Ok(false) };
    take_on(id, &runs, |_, _| {}).await?;
    transact_background(async |change| {
        change.delete(record.clone());
        Ok(())
    })
    .await?;
    Ok(true)
}

/// Writes tombstones of those runs that still exist, one by one if they are too large to be read together.
async fn take_on(id: ExperimentId, runs: &[RunId], also: impl Fn(&mut Change, &[RunId])) -> Result<()> {
    match take_on_together(id, runs, &also).await {
        Err(Error::TooLarge(_)) => {}
        done => return done,
    }
    for run in runs {
        take_on_together(id, std::slice::from_ref(run), &also).await?;
    }
    Ok(())
}

async fn take_on_together(id: ExperimentId, runs: &[RunId], also: impl Fn(&mut Change, &[RunId])) -> Result<()> {
    transact_background(async |change| {
        let records = get_all(runs.iter().map(|run| keys::run(*run)).collect()).await?;
        for (run, record) in runs.iter().zip(&records) {
            let Some(bytes) = record.existing() else { continue };
            match codec::read_run(*run, bytes) {
                Ok(run) => put_run(change, &run),
                // The location of its files is unknown, but that does not keep its records.
                Err(_) => put_unreadable_run(change, *run, id),
            }
            change.delete(keys::run(*run));
            change.delete(keys::deletion(*run));
        }
        also(change, runs);
        Ok(())
    })
    .await
}

/// Writes tombstones of logged models in the experiment's list. True if there were any.
async fn take_on_models(experiment: ExperimentId) -> Result<bool> {
    let list = keys::logged_models::List::Experiment(experiment);
    let mut models: Vec<(Vec<u8>, LoggedModelId)> = Vec::new();
    scan(list.behind(&[]), PARTS_AT_ONCE, |key, _| {
        let place = keys::logged_models::sort_key_in(key).and_then(keys::logged_models::read_sort_key);
        let (_, id) = place.ok_or_else(|| Error::Corrupt("key in a list of logged models".to_owned()))?;
        models.push((key.to_vec(), id));
        Ok(())
    })
    .await?;
    transact_background(async |change| {
        let records = get_all(models.iter().map(|(_, id)| keys::logged_models::model(*id)).collect()).await?;
        for ((place, id), record) in models.iter().zip(&records) {
            if let Some(bytes) = record.existing() {
                put_logged(change, &codec::logged_models::read_logged_model(*id, bytes)?);
                change.delete(keys::logged_models::model(*id));
            }
            change.delete(place.clone());
        }
        Ok(())
    })
    .await?;
    Ok(!models.is_empty())
}
