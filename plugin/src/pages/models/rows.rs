//! The facts about a model that a row of the list shows.

use crate::domain::id::ModelId;
use crate::domain::model::FullModel;
use crate::error::Result;
use crate::store::registry::{latest, model_list, version_list};

/// Versions are counted up to this number.
pub(super) const COUNTED_MAX: usize = 100;

/// A row of the list.
pub(super) struct Row<'a> {
    /// The model with its tags and aliases.
    pub(super) full: &'a FullModel,
    /// Semantic version and number of its latest version. `None`: it has no version.
    pub(super) latest: Option<(String, u64)>,
    /// The number of its versions, `COUNTED_MAX` and one more at most.
    pub(super) versions: usize,
}

/// Reads the rows of some models, with three reads for all of them.
pub(super) async fn read(models: &[FullModel]) -> Result<Vec<Row<'_>>> {
    let ids: Vec<ModelId> = models.iter().map(|full| full.model.id).collect();
    let latest = latest::of_models(&ids).await?;
    let counts = model_list::count_versions(&ids, COUNTED_MAX + 1).await?;
    // No version has the number 0.
    let wanted = ids.iter().zip(&latest);
    let wanted: Vec<(ModelId, u64)> = wanted.map(|(id, latest)| (*id, latest.number().unwrap_or(0))).collect();
    let versions = version_list::read_of_models(&wanted).await?;
    let rows = models
        .iter()
        .zip(versions)
        .zip(counts)
        .map(|((full, version), versions)| Row {
            full,
            latest: version.map(|version| (version.semver.to_string(), version.number)),
            versions,
        });
    Ok(rows.collect())
}
