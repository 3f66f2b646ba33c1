//! The artifact location of an experiment: it may not lie among the files of a run or a logged model.

use crate::domain::artifact::ArtifactPath;
use crate::domain::source::{possible_models, possible_runs};
use crate::error::{Error, Result};
use crate::host::records::get;
use crate::store::keys::Tombstone;
use crate::store::{codec, keys};

/// Refuses an experiment's location among the files of a run or a logged model. That includes a purged one
/// whose files are not removed yet. No later one can have such an id, since ids are made here and never
/// twice.
pub(super) async fn must_lie_outside_artifacts(location: &str) -> Result<()> {
    let Some(path) = ArtifactPath::of_uri(location) else {
        return Ok(());
    };
    let of_runs = possible_runs(path.as_str())
        .into_iter()
        .map(|id| (keys::run(id), Tombstone::Run(id), format!("run {id}")));
    let of_models = possible_models(path.as_str());
    let of_models = of_models.into_iter().map(|id| {
        (
            keys::logged_models::model(id),
            Tombstone::Logged(id),
            format!("logged model {id}"),
        )
    });
    for (key, tombstone, named) in of_runs.chain(of_models) {
        let [whole, left] = get([key, keys::tombstone(&tombstone)]).await?;
        let uri = match (whole.existing(), left.existing(), tombstone) {
            (Some(bytes), _, Tombstone::Run(id)) => codec::read_run(id, bytes)?.artifact_uri,
            (Some(bytes), _, Tombstone::Logged(id)) => codec::logged_models::read_logged_model(id, bytes)?.artifact_uri,
            (_, Some(note), _) => codec::purge::read_note(note)?.artifact_uri,
            _ => continue,
        };
        if path.is_within_uri(&uri) {
            return Err(Error::Invalid(format!(
                "Invalid value '{location}' for parameter 'artifact_location' supplied: it lies among the artifacts of \
                 {named}, with which they would be deleted."
            )));
        }
    }
    Ok(())
}
