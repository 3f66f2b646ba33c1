//! What runs made: logged models.

use super::records::transact;
use super::{codec, keys, runs};
use crate::domain::id::RunId;
use crate::domain::run::ModelOutput;
use crate::error::Result;

/// Links logged models to an active run that made them. Of a model that the run has already, the step is the new one.
pub async fn log(run: RunId, models: &[ModelOutput], now_ms: i64) -> Result<()> {
    transact(async |change| {
        let stored = runs::load(run).await?;
        stored.must_be_active()?;
        stored.rely_on(change, now_ms);
        for output in models {
            let step = codec::write_number(output.step.cast_unsigned());
            change.put(keys::run_model_output(run, &output.model), step);
        }
        Ok(())
    })
    .await
}
