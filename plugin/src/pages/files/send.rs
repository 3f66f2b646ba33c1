//! Files as they are, and directories as archives.

use crate::domain::artifact::{ArtifactPath, Purpose};
use crate::error::Result;
use crate::request::call::Call;
use crate::request::response::Answer;
use crate::request::{archive, file_response};

/// Sends the file below a directory that the parameter `path` names, or a part of it, so that a page can show it. With
/// `in=frame` it is shown within a frame.
pub async fn raw(call: &Call<'_>, root: &ArtifactPath) -> Result<Answer> {
    let path = root.below(call.params.required_text("path")?, Purpose::Read)?;
    match call.params.text("in")? {
        Some("frame") => file_response::show_framed(&path, call.wanted).await,
        _ => file_response::show(&path, call.wanted).await,
    }
}

/// Sends the directory that the parameter `path` names as an archive. That of all files has this name.
pub async fn directory(call: &Call<'_>, root: &ArtifactPath, name: &str) -> Result<Answer> {
    let directory = root.below(call.params.text("path")?.unwrap_or_default(), Purpose::Read)?;
    let name = if directory == *root { name } else { directory.name() };
    archive::send(&directory, name).await
}
