//! Experiments, runs and logged models: what they refer to exists, and their listings are complete.

use super::{Check, Repair, Source};
use crate::domain::experiment::Experiment;
use crate::domain::id::{ExperimentId, RunId};
use crate::domain::logged_model::LoggedModelId;
use crate::error::Result;
use crate::store::codec;
use crate::store::columnar::dirty::DirtyMarker;
use crate::store::columnar::packed_run::PackedRun;
use crate::store::keys::logged_models::{self, List};
use crate::store::keys::{self, Family, ReadKey};

pub(super) fn check<S: Source>(check: &mut Check<S>, read: &ReadKey, key: &[u8], value: &[u8]) -> Result<()> {
    let number = |name| read.number(name).unwrap_or_default();
    let experiment_id = ExperimentId(number("experiment"));
    let run = read.id("run").unwrap_or(RunId([0; 16]));
    match read.family {
        Family::Experiment => experiment(check, &codec::read_experiment(experiment_id, value)?),
        Family::ExperimentName => {
            let id = ExperimentId(codec::read_number(value)?);
            let stored = check.source.get(&keys::experiment(id))?;
            let named = stored.and_then(|value| codec::read_experiment(id, &value).ok());
            if named.is_none_or(|named| Some(named.name.as_str()) != read.text("name")) {
                let text = format!(
                    "the name {:?} is that of no experiment {id}",
                    read.text("name").unwrap_or_default()
                );
                check.found(text, Some(Repair::Delete(key.to_vec())));
            }
            Ok(())
        }
        Family::ListedExperiment => {
            let stored = check.source.get(&keys::experiment(experiment_id))?;
            let listed = stored.and_then(|value| codec::read_experiment(experiment_id, &value).ok());
            let is_right = listed.is_some_and(|listed| listing(&listed) == key);
            if !is_right {
                let text = format!("a listing shows experiment {experiment_id} where it does not belong");
                check.found(text, Some(Repair::Delete(key.to_vec())));
            }
            Ok(())
        }
        Family::ExperimentTag | Family::Dataset | Family::DatasetUse | Family::Zones
            if !check.has_experiment(experiment_id)? =>
        {
            let text = format!(
                "{:?} belongs to experiment {experiment_id}, which does not exist",
                read.family
            );
            check.found(text, None);
            Ok(())
        }
        Family::Run => of_run(check, run, value),
        Family::DirtyMarker => dirty_marker(check, experiment_id, run, key, value),
        Family::HighWaterMark
        | Family::PackedRun
        | Family::RunInput
        | Family::RunModelInput
        | Family::RunModelOutput
        | Family::RunMetric
        | Family::RunParam
        | Family::RunTag
        | Family::Point
        | Family::Chunk
        | Family::Deletion
            if !check.has_run(run)? =>
        {
            check.found(
                format!("{:?} belongs to run {run}, which does not exist", read.family),
                None,
            );
            Ok(())
        }
        Family::Chunk => chunk(check, read, run, value),
        _ => logged(check, read, key, value),
    }
}

fn listing(experiment: &Experiment) -> Vec<u8> {
    let Experiment {
        lifecycle,
        creation_time_ms,
        id,
        ..
    } = experiment;
    keys::listed_experiment(lifecycle.stage, *creation_time_ms, *id)
}

fn experiment<S: Source>(check: &mut Check<S>, experiment: &Experiment) -> Result<()> {
    let id = experiment.id;
    let named = keys::experiment_name(&experiment.name);
    check.expect(
        &format!("the name of experiment {id}"),
        named,
        codec::write_number(id.0),
    )?;
    check.expect(
        &format!("the listing of experiment {id}"),
        listing(experiment),
        Vec::new(),
    )?;
    let counter = keys::experiment_counter();
    let next = check.number_at(&counter)?;
    if next.is_none_or(|next| next <= id.0) {
        let right = codec::write_number(id.0.saturating_add(1));
        let text = format!("the counter of experiments is not above experiment {id}");
        check.found(text, Some(Repair::Put(counter, right)));
    }
    Ok(())
}

fn of_run<S: Source>(check: &mut Check<S>, id: RunId, value: &[u8]) -> Result<()> {
    let run = codec::read_run(id, value)?;
    if !check.has_experiment(run.experiment)? {
        let text = format!(
            "run {id} belongs to experiment {}, which does not exist",
            run.experiment
        );
        check.found(text, None);
        return Ok(());
    }
    let is_dirty = check.exists(&keys::dirty_marker(run.experiment, id))?;
    let Some(packed) = check.source.get(&keys::packed_run(id))? else {
        return Ok(());
    };
    // The record of the packed run is checked by itself.
    let Ok(packed) = PackedRun::read(&packed) else {
        return Ok(());
    };
    match packed.row {
        Some(row) if !is_dirty => check
            .columns
            .run(&check.source, &mut check.problems, &run, &packed, row),
        _ => Ok(()),
    }
}

fn dirty_marker<S: Source>(
    check: &mut Check<S>,
    experiment: ExperimentId,
    id: RunId,
    key: &[u8],
    value: &[u8],
) -> Result<()> {
    let stored = check.source.get(&keys::run(id))?;
    let Some(run) = stored.and_then(|value| codec::read_run(id, &value).ok()) else {
        if !check.has_run(id)? {
            let text = format!("a dirty marker names run {id}, which does not exist");
            check.found(text, Some(Repair::Delete(key.to_vec())));
        }
        return Ok(());
    };
    let marker = DirtyMarker::read(value)?;
    let right = DirtyMarker {
        start_time_ms: run.start_time_ms,
        lifecycle: run.lifecycle,
        ..marker
    };
    if run.experiment != experiment {
        let text = format!("a dirty marker of run {id} is in experiment {experiment}, which is not its own");
        check.found(text, Some(Repair::Delete(key.to_vec())));
    } else if marker != right {
        let text = format!("the dirty marker of run {id} has another start time or stage than the run");
        check.found(text, Some(Repair::Put(key.to_vec(), right.write())));
    }
    Ok(())
}

/// The key of a chunk holds its last point.
fn chunk<S: Source>(check: &mut Check<S>, read: &ReadKey, run: RunId, value: &[u8]) -> Result<()> {
    let points = codec::read_chunk(value)?;
    let sort_keys: Vec<_> = points.iter().map(|point| keys::point_sort_key(*point)).collect();
    let is_sorted = sort_keys.is_sorted_by(|one, other| one < other);
    let last = read.point().map(keys::point_sort_key);
    if !is_sorted || sort_keys.last().copied() != last {
        let metric = read.text("metric").unwrap_or_default();
        check.found(
            format!("a chunk of metric {metric:?} of run {run} does not end as its key says"),
            None,
        );
    }
    Ok(())
}

fn logged<S: Source>(check: &mut Check<S>, read: &ReadKey, key: &[u8], value: &[u8]) -> Result<()> {
    let Some(id) = read.id("logged_model").map(|id| LoggedModelId(id.0)) else {
        return Ok(());
    };
    match read.family {
        Family::LoggedModel => {
            let model = codec::logged_models::read_logged_model(id, value)?;
            let sort_key = logged_models::logged_model_sort_key(model.creation_time_ms, id);
            for list in [
                List::Experiment(model.experiment),
                List::Name(model.experiment, &model.name),
            ] {
                check.expect(
                    &format!("a listing of logged model {id}"),
                    list.at(&sort_key),
                    Vec::new(),
                )?;
            }
        }
        Family::LoggedNewest | Family::LoggedParam | Family::LoggedTag | Family::LoggedPoint
            if !check.has_logged_model(id)? =>
        {
            let text = format!("{:?} belongs to logged model {id}, which does not exist", read.family);
            check.found(text, None);
        }
        Family::ListedLogged | Family::ListedLoggedByName if !check.has_logged_model(id)? => {
            let text = format!("a listing names logged model {id}, which does not exist");
            check.found(text, Some(Repair::Delete(key.to_vec())));
        }
        _ => {}
    }
    Ok(())
}
