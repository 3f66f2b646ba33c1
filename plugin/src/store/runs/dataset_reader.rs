//! Reads the datasets of runs, for answers that show them. Runs of one page usually share a few small
//! datasets, which are read together. A large one is read when it is needed, and never kept with others.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::domain::dataset::Dataset;
use crate::domain::id::ExperimentId;
use crate::domain::run::RunInput;
use crate::error::Result;
use crate::host::records::{Span, get};
use crate::store::portion::{ByteBudget, ITEM_BYTES_MAX, as_stored, portion};
use crate::store::{codec, keys};

/// Datasets that were read, by key. `None`: the dataset does not exist.
#[derive(Default)]
pub struct DatasetReader {
    known: BTreeMap<Vec<u8>, Option<Rc<Dataset>>>,
}

impl DatasetReader {
    /// Reads the datasets of some inputs together, as far as they fit into a portion, and removes all others
    /// from memory.
    pub async fn read_ahead<'a>(&mut self, inputs: impl Iterator<Item = (ExperimentId, &'a RunInput)>) -> Result<()> {
        let wanted: BTreeSet<Vec<u8>> = inputs.map(|(experiment, input)| key(experiment, input)).collect();
        self.known.retain(|key, _| wanted.contains(key));
        let missing: Vec<Vec<u8>> = wanted.into_iter().filter(|key| !self.known.contains_key(key)).collect();
        let spans: Vec<_> = missing.iter().map(|key| [Span::of_key(key.clone())]).collect();
        let room = ByteBudget::new(ITEM_BYTES_MAX);
        let read = portion(
            &spans,
            room,
            as_stored,
            |_, dataset: &mut Option<Rc<Dataset>>, _, value| {
                *dataset = Some(Rc::new(codec::read_dataset(value)?));
                Ok(())
            },
        );
        self.known.extend(missing.into_iter().zip(read.await?));
        Ok(())
    }

    /// Returns the dataset of an input. `None`: it does not exist.
    pub async fn read(&self, experiment: ExperimentId, input: &RunInput) -> Result<Option<Rc<Dataset>>> {
        let key = key(experiment, input);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let [record] = get([key]).await?;
        let dataset = record.decode(codec::read_dataset)?;
        Ok(dataset.map(Rc::new))
    }
}

fn key(experiment: ExperimentId, input: &RunInput) -> Vec<u8> {
    keys::dataset(experiment, &input.name, &input.digest)
}
