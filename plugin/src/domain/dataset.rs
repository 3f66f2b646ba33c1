//! Datasets and their use as inputs of runs.

use std::rc::Rc;

use super::experiment::Pair;
use super::id::ExperimentId;

/// The tag of an input that says what the dataset was used for, such as training.
pub const CONTEXT_TAG: &str = "mlflow.data.context";

/// A dataset of an experiment, unique by (name, digest).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its name.
    pub name: String,
    /// A short hash of its content.
    pub digest: String,
    /// The kind of `source`, which says how to read it.
    pub source_type: String,
    /// The source, as JSON text.
    pub source: String,
    /// The schema, as JSON text.
    pub schema: Option<String>,
    /// The profile, as JSON text.
    pub profile: Option<String>,
}

/// A dataset as an input of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetInput {
    /// The tags of the input, not of the dataset.
    pub tags: Vec<Pair>,
    /// The dataset, shared by the runs of one page.
    pub dataset: Rc<Dataset>,
}

/// The use of a dataset by some run of an experiment, and its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetUse {
    /// The experiment of the run.
    pub experiment: ExperimentId,
    /// The dataset's name.
    pub name: String,
    /// The dataset's digest.
    pub digest: String,
    /// The value of the input's `CONTEXT_TAG`. `None`: it has no such tag.
    pub context: Option<String>,
}
