//! A directory as one archive, which is made while it is sent.

use super::file_response::disposition;
use super::response::{Answer, Contents};
use super::tar;
use crate::convert::to_u64;
use crate::domain::artifact::ArtifactPath;
use crate::error::{Error, Result};
use crate::host::blobs;
use crate::host::streams::{BodyWriter, filled_by};
use crate::store::artifacts::tree;
use crate::store::artifacts::tree::TreeFile;

const TAR: &str = "application/x-tar";

/// Sends all files below a directory as a tar archive. In it they lie in a directory of this name. The length is known before,
/// so a client sees how much is left, and if the archive broke off.
pub async fn send(directory: &ArtifactPath, name: &str) -> Result<Answer> {
    let files = tree::files_below(directory).await?;
    if files.is_empty() {
        return Err(Error::NotFound(format!("There are no files below '{directory}'.")));
    }
    let length: u64 = files.iter().map(|file| length_of(file, name)).sum::<u64>() + to_u64(tar::END_BYTES);
    let headers = vec![
        ("cache-control", "private, no-cache".to_owned()),
        ("content-disposition", disposition(&format!("{name}.tar"), false)),
        ("content-length", length.to_string()),
        ("x-content-type-options", "nosniff".to_owned()),
    ];
    let name = name.to_owned();
    let body = filled_by(move |writer| write(writer, files, name));
    Ok(Answer::file(TAR, headers, Contents::Filled(body)))
}

fn path_of(file: &TreeFile, name: &str) -> String {
    format!("{name}/{}", file.path)
}

fn length_of(file: &TreeFile, name: &str) -> u64 {
    let header = tar::header(&path_of(file, name), file.size, 0).len();
    to_u64(header) + file.size.next_multiple_of(tar::BLOCK_BYTES)
}

/// Writes the archive. Fails if a file was replaced by one of another size since it was listed.
async fn write(mut writer: BodyWriter, files: Vec<TreeFile>, name: String) -> Result<()> {
    for file in files {
        let changed = || Error::Unavailable(format!("the file '{}' changed while it was sent", file.path));
        let info = blobs::stat(&file.place).await?.ok_or_else(changed)?;
        if info.size != file.size {
            return Err(changed());
        }
        writer
            .send(tar::header(&path_of(&file, &name), file.size, info.modified_ms))
            .await?;
        if file.size > 0 {
            let contents = blobs::read(&file.place, 0, file.size).await?.ok_or_else(changed)?;
            writer.copy(contents, file.size).await?;
        }
        writer.send(tar::padding(file.size)).await?;
    }
    writer.send(vec![0; tar::END_BYTES]).await
}
