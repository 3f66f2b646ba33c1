//! A walk over a directory of blobs for tools, beside a server that may be running.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::mirror::if_present;
use super::names::{Part, decode, part_of, path_of};
use super::tree::PROJECTS;
use crate::storage::ProjectId;

/// A file below a directory of blobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path on disk.
    pub path: PathBuf,
    /// The name of the blob. `None`: mlforge writes no such path.
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: u64,
    /// The time at which its last byte was written. `None`: the file system does not tell.
    pub modified: Option<SystemTime>,
}

/// A directory that is still to be read.
struct Pending {
    path: PathBuf,
    /// The name of the directory; empty for that of the project.
    name: String,
    /// The beginning of a segment whose rest is in the names of its entries.
    begun: String,
}

/// The projects that have a directory of blobs, by number. `None`: there is no directory of projects.
///
/// # Errors
/// Fails when the directory cannot be read.
pub fn projects_with_blobs(directory: &Path) -> io::Result<Option<Vec<ProjectId>>> {
    let Some(entries) = if_present(fs::read_dir(directory.join(PROJECTS)))? else {
        return Ok(None);
    };
    let mut projects = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        projects.extend(name.to_str().and_then(|name| name.parse().ok()).map(ProjectId));
    }
    projects.sort_unstable();
    Ok(Some(projects))
}

/// The path on disk of a blob with a valid name.
pub fn blob_path(directory: &Path, project: ProjectId, name: &str) -> PathBuf {
    directory.join(PROJECTS).join(project.0.to_string()).join(path_of(name))
}

/// Gives each file of a project to `each`, those directly in one directory one after the other. Files that come or go
/// meanwhile may be among them or not.
///
/// # Errors
/// Fails when a directory cannot be read, or with the first error of `each`.
pub fn walk_blobs<E: From<io::Error>>(
    directory: &Path,
    project: ProjectId,
    mut each: impl FnMut(FoundFile) -> Result<(), E>,
) -> Result<(), E> {
    let mut pending = vec![Pending {
        path: directory.join(PROJECTS).join(project.0.to_string()),
        name: String::new(),
        begun: String::new(),
    }];
    while let Some(read) = pending.pop() {
        let Some(entries) = if_present(fs::read_dir(&read.path))? else {
            continue;
        };
        for entry in entries {
            let entry = entry?;
            let Some(found) = if_present(entry.metadata())? else {
                continue;
            };
            let below = read.below(&entry);
            if found.is_dir()
                && let Some(below) = below
            {
                pending.push(below);
                continue;
            }
            each(FoundFile {
                path: entry.path(),
                name: below
                    .filter(|below| below.begun.is_empty() && found.is_file())
                    .map(|below| below.name),
                size: found.len(),
                modified: found.modified().ok(),
            })?;
        }
    }
    Ok(())
}

impl Pending {
    /// An entry, as a directory that could be read next. `None`: mlforge writes no such name.
    fn below(&self, entry: &fs::DirEntry) -> Option<Self> {
        let (path, component) = (entry.path(), entry.file_name());
        let below = |name, begun| {
            Some(Self {
                path: path.clone(),
                name,
                begun,
            })
        };
        match part_of(component.to_str()?)? {
            Part::Begin(part) => below(self.name.clone(), format!("{}{part}", self.begun)),
            Part::End(part) => {
                let segment = decode(&format!("{}{part}", self.begun))?;
                let slash = if self.name.is_empty() { "" } else { "/" };
                below(format!("{}{slash}{segment}", self.name), String::new())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_found_by_its_name_and_every_other_path_is_told() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path();
        assert_eq!(projects_with_blobs(root).unwrap(), None);
        let names = ["a/0/Model A/x.txt", &format!("p/{}", "Ü".repeat(120)), "s/tr-1/0a"];
        for name in names {
            let path = blob_path(root, ProjectId(7), name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        fs::write(root.join("projects/7/na/.hidden"), "").unwrap();
        fs::create_dir(root.join("projects/7/x")).unwrap();
        let mut found = Vec::new();
        walk_blobs(root, ProjectId(7), |file| {
            found.push((file.name.clone(), file.size));
            io::Result::Ok(())
        })
        .unwrap();
        let mut of_names: Vec<_> = found
            .iter()
            .filter_map(|(name, size)| Some((name.clone()?, *size)))
            .collect();
        of_names.sort();
        assert_eq!(of_names, names.map(|name| (name.to_owned(), name.len() as u64)));
        assert_eq!(found.len(), names.len() + 2, "{found:?}");
        assert_eq!(projects_with_blobs(root).unwrap(), Some(vec![ProjectId(7)]));
    }
}
