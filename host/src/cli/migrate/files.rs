//! The copy of the files of one project. A file that the target has already is compared byte by byte.

use anyhow::{Context, ensure};
use mlforge::storage::{BlobStream, Blobs, ByteRange, ListRequest, OpenBlob, ProjectId, is_last_page};
use sha2::{Digest as _, Sha256};

use super::progress::Progress;

/// Maximum number of directories of a project.
const DIRECTORIES_MAX: usize = 100_000_000;
/// Maximum number of pages of a directory.
const PAGES_MAX: usize = 1_000_000;

/// The two sides, and the project.
pub(super) struct Copier<'a, S, T> {
    pub(super) source: &'a S,
    pub(super) target: &'a T,
    pub(super) project: ProjectId,
    pub(super) progress: &'a Progress,
}

impl<S: Blobs, T: Blobs> Copier<'_, S, T> {
    /// Copies the files that the target does not have. Returns the number of all.
    pub(super) async fn copy(&self) -> anyhow::Result<usize> {
        let (mut directories, mut count) = (vec![String::new()], 0);
        for _ in 0..DIRECTORIES_MAX {
            let Some(directory) = directories.pop() else { break };
            for (name, is_file) in self.list(&directory).await? {
                if !is_file {
                    directories.push(name);
                    continue;
                }
                self.copy_file(&name).await.with_context(|| name.clone())?;
                count += 1;
                self.progress
                    .show(&format!("project {}: {count} files copied", self.project.0));
            }
        }
        ensure!(directories.is_empty(), "there are too many directories");
        Ok(count)
    }

    /// The entries of a directory with their whole names, and whether each is a file.
    async fn list(&self, directory: &str) -> anyhow::Result<Vec<(String, bool)>> {
        let mut all: Vec<(String, bool)> = Vec::new();
        let mut last: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let request = ListRequest {
                after: last.as_deref(),
                ..ListRequest::first(directory)
            };
            let items = self.source.list(self.project, request).await?;
            let is_last = is_last_page(&items, request.limit);
            last = items.last().map(|item| item.name.clone());
            let whole = |name: String| match directory {
                "" => name,
                directory => format!("{directory}/{name}"),
            };
            all.extend(items.into_iter().map(|item| (whole(item.name), item.size.is_some())));
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    async fn copy_file(&self, name: &str) -> anyhow::Result<()> {
        let size = open(self.source, self.project, name).await?.info.size;
        let copy = self.target.stat(self.project, name).await?;
        if copy.is_some_and(|copy| copy.size == size) && self.digest_of_source(name).await? == self.digest(name).await?
        {
            return Ok(());
        }
        let contents = open(self.source, self.project, name).await?.contents;
        let staged = self.target.stage(self.project, contents, u64::MAX).await?;
        ensure!(staged.size() == size, "{} bytes came of {size}", staged.size());
        self.target.commit(self.project, staged, name).await?;
        ensure!(
            self.digest_of_source(name).await? == self.digest(name).await?,
            "the copy differs"
        );
        Ok(())
    }

    async fn digest_of_source(&self, name: &str) -> anyhow::Result<[u8; 32]> {
        digest(open(self.source, self.project, name).await?.contents).await
    }

    async fn digest(&self, name: &str) -> anyhow::Result<[u8; 32]> {
        digest(open(self.target, self.project, name).await?.contents).await
    }
}

async fn open(blobs: &impl Blobs, project: ProjectId, name: &str) -> anyhow::Result<OpenBlob> {
    let opened = blobs.read(project, name, ByteRange::ALL).await?;
    opened.context("the file is gone")
}

async fn digest(mut contents: BlobStream) -> anyhow::Result<[u8; 32]> {
    let mut digest = Sha256::new();
    while let Some(bytes) = contents.recv().await {
        digest.update(&bytes?);
    }
    Ok(digest.finalize().into())
}
