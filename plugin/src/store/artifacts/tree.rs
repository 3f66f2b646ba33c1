//! Directories of artifacts for pages: a page of one, and all files below one.

use super::earlier_place;
use crate::domain::artifact::ArtifactPath;
use crate::domain::artifact_name;
use crate::error::{Error, Result};
use crate::host::blobs;
use crate::host::blobs::Item;

/// Largest number of files in an archive.
const FILES_MAX: usize = 20_000;
/// Largest number of directories in an archive.
const DIRECTORIES_MAX: usize = 5_000;

/// A page of a directory.
pub struct DirectoryPage {
    /// The items, by their stored names.
    pub items: Vec<Item>,
    /// The stored name after which the next page begins. `None`: this is the last.
    pub next: Option<String>,
}

/// Reads at most `count` items of a directory, after a stored name. The page ends before an item for whose name, as it is
/// listed, `fits` is false, but has at least one.
pub async fn page(
    directory: &ArtifactPath,
    after: Option<&str>,
    count: usize,
    mut fits: impl FnMut(&str) -> bool,
) -> Result<DirectoryPage> {
    // One item more than the page has shows if there is another page.
    let read = async |place: &ArtifactPath| blobs::page(blobs::name(place), after.map(str::to_owned), count + 1).await;
    let mut items = read(directory).await?.items;
    if items.is_empty()
        && let Some(earlier) = earlier_place(directory).await?
    {
        items = read(&earlier).await?.items;
    }
    let fitting = items.iter().take(count).enumerate();
    let count = fitting
        .take_while(|(index, item)| fits(&artifact_name::listed(&item.name)) || *index == 0)
        .count();
    let has_more = items.len() > count;
    items.truncate(count);
    let next = items.last().filter(|_| has_more).map(|item| item.name.clone());
    for item in &mut items {
        item.name = artifact_name::listed(&item.name).into_owned();
    }
    Ok(DirectoryPage { items, next })
}

/// A file below a directory.
#[derive(Debug)]
pub struct TreeFile {
    /// The path below the directory, as it is listed.
    pub path: String,
    /// The stored path.
    pub place: ArtifactPath,
    /// The size in bytes.
    pub size: u64,
}

/// Returns all files below a directory, each directory's in order. Fails if there are more than 20,000 in 5,000 directories.
pub async fn files_below(directory: &ArtifactPath) -> Result<Vec<TreeFile>> {
    let mut files = Vec::new();
    let mut looked_at = 0;
    let root = match blobs::is_directory(directory).await? {
        true => None,
        false => earlier_place(directory).await?,
    };
    let mut waiting = vec![(root.unwrap_or_else(|| directory.clone()), String::new())];
    while let Some((place, path)) = waiting.pop() {
        let items = blobs::list(Some(&place), FILES_MAX).await?;
        looked_at += 1;
        if files.len() + items.len() > FILES_MAX || looked_at + waiting.len() > DIRECTORIES_MAX {
            return Err(Error::TooLarge(format!(
                "An archive has at most {FILES_MAX} files in {DIRECTORIES_MAX} directories; download a directory further down."
            )));
        }
        for item in items {
            let listed = artifact_name::listed(&item.name);
            let path = if path.is_empty() {
                listed.into_owned()
            } else {
                format!("{path}/{listed}")
            };
            let place = place.item(&item.name);
            match item.size {
                Some(size) => files.push(TreeFile { path, place, size }),
                None => waiting.push((place, path)),
            }
        }
    }
    Ok(files)
}
