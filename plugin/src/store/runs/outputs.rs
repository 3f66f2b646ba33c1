//! The outputs of runs: logged models.

use crate::domain::audit::AuditObject;
use crate::domain::id::RunId;
use crate::domain::run::ModelOutput;
use crate::error::Result;
use crate::host::records::{get_all, transact};
use crate::store::codec::link::{LoggedAt, NS_PER_MS, read_model_output, write_model_output};
use crate::store::{audit, keys, runs};

/// Links logged models to an active run that made them, in order. A model that the run already has gets the
/// new step and stays where it is in the order.
pub async fn log(run: RunId, models: &[ModelOutput], now_ns: i64) -> Result<()> {
    transact(async |change| {
        let stored = runs::load(run).await?;
        stored.ensure_active()?;
        stored.require_unchanged(change, now_ns / NS_PER_MS);
        let key = |output: &ModelOutput| keys::run_model_output(run, &output.model);
        let known = get_all(models.iter().map(key).collect()).await?;
        for ((output, known), now) in models.iter().zip(known).zip(LoggedAt::each(now_ns)) {
            let at = match known.existing() {
                Some(known) => read_model_output(known)?.1,
                None => Some(now),
            };
            // When two requests link one model, the second keeps the position that the first gave it.
            change.require_version(key(output), known.version);
            change.put(key(output), write_model_output(output.step, at));
        }
        audit::note(change, AuditObject::Run(run), "");
        Ok(())
    })
    .await
}
