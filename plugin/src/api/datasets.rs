//! The endpoint `experiments/search-datasets`.

use serde::Serialize;

use super::json;
use crate::domain::dataset::DatasetUse;
use crate::domain::id::ExperimentId;
use crate::domain::limits::{DATASETS_PER_SEARCH_MAX, EXPERIMENTS_PER_DATASETS_MAX};
use crate::error::{Error, Result};
use crate::request::call::Call;
use crate::store::experiments::datasets;

#[derive(Serialize)]
struct DatasetSummaries<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_summaries: Vec<Summary<'a>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    experiment_id: String,
    name: &'a str,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<&'a str>,
}

impl<'a> From<&'a DatasetUse> for Summary<'a> {
    fn from(used: &'a DatasetUse) -> Self {
        Summary {
            experiment_id: used.experiment.to_string(),
            name: &used.name,
            digest: &used.digest,
            // An empty context is omitted, as in MLflow.
            context: used.context.as_deref().filter(|context| !context.is_empty()),
        }
    }
}

/// Lists the datasets that the runs of some experiments used: one item for each dataset and context, at most
/// 1,000.
pub async fn search(call: Call<'_>) -> Result<Vec<u8>> {
    let asked = call.params.texts("experiment_ids")?;
    if asked.is_empty() {
        return Err(Error::Invalid(
            "SearchDatasets request must specify at least one experiment_id.".to_owned(),
        ));
    }
    if asked.len() > EXPERIMENTS_PER_DATASETS_MAX {
        return Err(Error::Invalid(format!(
            "SearchDatasets request cannot specify more than {EXPERIMENTS_PER_DATASETS_MAX} experiment_ids. Received {} \
             experiment_ids.",
            asked.len()
        )));
    }
    let uses = datasets::uses(&ExperimentId::parse_all(&asked)?, DATASETS_PER_SEARCH_MAX).await?;
    json(&DatasetSummaries {
        dataset_summaries: uses.iter().map(Summary::from).collect(),
    })
}
