//! The files of a run: one as it is, or a directory as an archive.

use super::view::run_id;
use crate::error::Result;
use crate::pages::files::send;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::store::artifacts;

/// Sends a file of a run.
pub async fn raw(call: Call<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_run(run_id(&call)?).await?;
    send::raw(&call, &root).await
}

/// Sends a directory of a run.
pub async fn archive(call: Call<'_>) -> Result<Answer> {
    let run = run_id(&call)?;
    let (_, root) = artifacts::root_of_run(run).await?;
    send::directory(&call, &root, &run.to_string()).await
}
