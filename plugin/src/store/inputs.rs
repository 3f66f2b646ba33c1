//! What runs read: datasets and models.

use super::records::{ABSENT, get_all, transact};
use super::{codec, datasets, keys, runs};
use crate::domain::dataset::DatasetInput;
use crate::domain::id::RunId;
use crate::error::Result;

/// Links datasets and models to an active run. A dataset is one thing in its experiment, known by name and digest: its first
/// source, schema and profile stay. An input that the run already has is left as it is.
pub async fn log(run: RunId, inputs: &[DatasetInput], models: &[String], now_ms: i64) -> Result<()> {
    transact(async |change| {
        let stored = runs::load(run).await?;
        stored.must_be_active()?;
        stored.rely_on(change, now_ms);
        let experiment = stored.run.experiment;
        let input_keys = inputs.iter().flat_map(|input| {
            let (name, digest) = (&input.dataset.name, &input.dataset.digest);
            [
                keys::run_input(run, name, digest),
                keys::dataset(experiment, name, digest),
            ]
        });
        let records = get_all(input_keys.collect()).await?;
        let (pairs, _) = records.as_chunks::<2>();
        for (input, [linked, known]) in inputs.iter().zip(pairs) {
            let (name, digest) = (&input.dataset.name, &input.dataset.digest);
            if known.version == ABSENT {
                change.expect(keys::dataset(experiment, name, digest), ABSENT);
                change.put(
                    keys::dataset(experiment, name, digest),
                    codec::write_dataset(&input.dataset),
                );
            }
            if linked.version == ABSENT {
                change.expect(keys::run_input(run, name, digest), ABSENT);
                change.put(keys::run_input(run, name, digest), codec::write_pairs(&input.tags));
                datasets::note_use(change, experiment, input);
            }
        }
        for model in models {
            change.put(keys::run_model_input(run, model), Vec::new());
        }
        Ok(())
    })
    .await
}
