//! The files of a run: one as it is, or a directory as an archive.

use super::view::run_id;
use crate::domain::artifact::Purpose;
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::{archive, file_response};
use crate::store::artifacts;

/// Sends a file of a run, or a part of it, so that a page can show it. With `in=frame` it is shown within a frame.
pub async fn raw(call: Call<'_>) -> Result<Answer> {
    let (_, root) = artifacts::root_of_run(run_id(&call)?).await?;
    let path = root.below(call.params.required_text("path")?, Purpose::Read)?;
    match call.params.text("in")? {
        Some("frame") => file_response::show_framed(&path, call.wanted).await,
        _ => file_response::show(&path, call.wanted).await,
    }
}

/// Sends a directory of a run as an archive.
pub async fn archive(call: Call<'_>) -> Result<Answer> {
    let run = run_id(&call)?;
    let (_, root) = artifacts::root_of_run(run).await?;
    let directory = root.below(call.params.text("path")?.unwrap_or_default(), Purpose::Read)?;
    let name = if directory == root {
        run.to_string()
    } else {
        directory.name().to_owned()
    };
    archive::send(&directory, &name).await
}
