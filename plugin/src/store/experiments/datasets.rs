//! The datasets that an experiment's runs read, with their contexts.

use crate::domain::dataset::{CONTEXT_TAG, DatasetInput, DatasetUse};
use crate::domain::id::ExperimentId;
use crate::error::{Error, Result};
use crate::host::records::{Change, scan};
use crate::store::keys;

/// Records the use of a dataset by a new input: once for each context, or once without a context. Nothing is
/// read, so runs that log the same dataset at once do not conflict.
pub fn note_use(change: &mut Change, experiment: ExperimentId, input: &DatasetInput) {
    let (name, digest) = (&input.dataset.name, &input.dataset.digest);
    let mut contexts = input.tags.iter().filter(|(key, _)| key == CONTEXT_TAG).peekable();
    if contexts.peek().is_none() {
        change.put(keys::dataset_use(experiment, name, digest, None), Vec::new());
    }
    for (_, context) in contexts {
        let key = keys::dataset_use(experiment, name, digest, Some(context));
        change.put(key, context.clone().into_bytes());
    }
}

/// Returns the first `count` uses of datasets by (experiment, name, digest, context). An experiment that does
/// not exist has none.
pub async fn uses(experiments: &[ExperimentId], count: usize) -> Result<Vec<DatasetUse>> {
    let mut found: Vec<DatasetUse> = Vec::new();
    for experiment in experiments {
        let left = count - found.len();
        if left == 0 {
            break;
        }
        scan(keys::dataset_uses(*experiment), left, |key, value| {
            let (name, digest, has_context) = keys::read_dataset_use(key).ok_or_else(corrupt)?;
            let context = String::from_utf8(value.to_vec()).map_err(|_| corrupt())?;
            found.push(DatasetUse {
                experiment: *experiment,
                name,
                digest,
                context: has_context.then_some(context),
            });
            Ok(())
        })
        .await?;
    }
    Ok(found)
}

fn corrupt() -> Error {
    Error::Corrupt("a dataset's use".to_owned())
}
