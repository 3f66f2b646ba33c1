//! What runs read and made: datasets and models.

use std::rc::Rc;

use super::experiment::Pair;

/// A dataset of an experiment, unique by (name, digest).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// A short hash of its content.
    pub digest: String,
    /// How `source` is to be read.
    pub source_type: String,
    /// JSON text.
    pub source: String,
    /// JSON text.
    pub schema: Option<String>,
    /// JSON text.
    pub profile: Option<String>,
}

/// A dataset as an input of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInput {
    /// Of this input, not of the dataset.
    pub tags: Vec<Pair>,
    /// What was read; runs of one page share it.
    pub dataset: Rc<Dataset>,
}
