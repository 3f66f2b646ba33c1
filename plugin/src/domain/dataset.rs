//! What runs read and made: datasets and models.

use std::rc::Rc;

use super::experiment::Pair;
use super::id::ExperimentId;

/// The tag of an input that says what the dataset was read for.
pub const CONTEXT_TAG: &str = "mlflow.data.context";

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

/// That some run of an experiment read a dataset, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetUse {
    /// Of the run.
    pub experiment: ExperimentId,
    /// The dataset's name.
    pub name: String,
    /// The dataset's digest.
    pub digest: String,
    /// The value of the input's `CONTEXT_TAG`, if it has one.
    pub context: Option<String>,
}
