//! The inputs of runs: datasets and models.

use crate::domain::audit::AuditObject;
use crate::domain::dataset::DatasetInput;
use crate::domain::id::{ExperimentId, RunId};
use crate::error::Result;
use crate::host::records::{ABSENT, Change, exist, transact};
use crate::store::codec::link::{LoggedAt, NS_PER_MS, write_input, write_model_input};
use crate::store::experiments::datasets;
use crate::store::{audit, codec, keys, runs};

/// Links datasets and models to an active run, in order. An experiment has one dataset for each name and
/// digest: its first source, schema and profile stay. An input that the run already has stays as it is, also
/// in the order of inputs.
pub async fn log(run: RunId, inputs: &[DatasetInput], models: &[String], now_ns: i64) -> Result<()> {
    transact(async |change| {
        let stored = runs::load(run).await?;
        stored.ensure_active()?;
        stored.require_unchanged(change, now_ns / NS_PER_MS);
        let input_keys = inputs.iter().map(|input| key(run, input));
        let model_keys = models.iter().map(|model| keys::run_model_input(run, model));
        let links = exist(&input_keys.chain(model_keys).collect::<Vec<_>>()).await?;
        let (of_inputs, of_models) = links.split_at_checked(inputs.len()).unwrap_or_default();
        let new = inputs.iter().zip(LoggedAt::each(now_ns)).zip(of_inputs);
        let new = new.filter(|(_, is_linked)| !**is_linked).map(|(input, _)| input);
        link_datasets(change, run, stored.run.experiment, &new.collect::<Vec<_>>()).await?;
        for ((model, is_linked), at) in models.iter().zip(of_models).zip(LoggedAt::each(now_ns)) {
            if !is_linked {
                change.require_version(keys::run_model_input(run, model), ABSENT);
                change.put(keys::run_model_input(run, model), write_model_input(Some(at)));
            }
        }
        audit::note(change, AuditObject::Run(run), "");
        Ok(())
    })
    .await
}

fn key(run: RunId, input: &DatasetInput) -> Vec<u8> {
    keys::run_input(run, &input.dataset.name, &input.dataset.digest)
}

/// Links datasets that the run does not have, and stores those that are new to its experiment.
async fn link_datasets(
    change: &mut Change,
    run: RunId,
    experiment: ExperimentId,
    inputs: &[(&DatasetInput, LoggedAt)],
) -> Result<()> {
    let key_of = |input: &DatasetInput| keys::dataset(experiment, &input.dataset.name, &input.dataset.digest);
    let are_known = exist(&inputs.iter().map(|(input, _)| key_of(input)).collect::<Vec<_>>()).await?;
    for ((input, at), is_known) in inputs.iter().zip(are_known) {
        if !is_known {
            change.require_version(key_of(input), ABSENT);
            change.put(key_of(input), codec::write_dataset(&input.dataset));
        }
        change.require_version(key(run, input), ABSENT);
        change.put(key(run, input), write_input(&input.tags, Some(*at)));
        datasets::note_use(change, experiment, input);
    }
    Ok(())
}
