//! The files of a data directory.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mlforge::storage::ProjectId;
use mlforge::storage::files::{Checksum, FileBlobs, FoundFile, blob_path, projects_with_blobs, walk_blobs};
use mlforge_plugin::store::inspection::check::{Check, FileCheck, Source, spans_problem};

use super::files::{CheckMode, Fault, FileCounts, SPANS_BYTES_MAX, hex};

/// The files of a data directory, as a check sees them.
pub(super) struct DirectoryFiles {
    directory: PathBuf,
    mode: CheckMode,
}

/// The outcome of comparing a file with its checksum.
enum Comparison {
    Same,
    /// No digest is recorded with the file.
    WithoutDigest,
    /// The reason why it has other bytes than were received.
    Other(String),
}

impl DirectoryFiles {
    /// The files of a data directory. `None`: it has none.
    pub(super) fn of(data: &Path, mode: CheckMode) -> anyhow::Result<Option<Self>> {
        let directory = data.join("blobs");
        let files = Self { directory, mode };
        let projects = files.projects()?;
        Ok((!projects.is_empty()).then_some(files))
    }

    /// The projects that have files.
    pub(super) fn projects(&self) -> anyhow::Result<Vec<ProjectId>> {
        let projects = projects_with_blobs(&self.directory).context("cannot list the projects with files")?;
        Ok(projects.unwrap_or_default())
    }

    pub(super) fn has(&self, project: ProjectId, name: &str) -> bool {
        blob_path(&self.directory, project, name).is_file()
    }

    /// Checks the files of a project, and gives each fault to `note`.
    pub(super) fn check<S: Source>(
        &self,
        project: ProjectId,
        check: &mut Check<S>,
        mut note: impl FnMut(Fault) -> anyhow::Result<()>,
    ) -> anyhow::Result<FileCounts> {
        let mut counts = FileCounts::default();
        walk_blobs(&self.directory, project, |file| {
            counts.files += 1;
            match self.fault(check, &file, &mut counts)? {
                Some(fault) => note(fault),
                None => Ok(()),
            }
        })?;
        Ok(counts)
    }

    fn fault<S: Source>(
        &self,
        check: &mut Check<S>,
        file: &FoundFile,
        counts: &mut FileCounts,
    ) -> anyhow::Result<Option<Fault>> {
        let Some(name) = &file.name else {
            let text = format!("{} is no file of mlforge", file.path.display());
            return Ok(Some(Fault { text, removable: None }));
        };
        let problem = match check.file(name).map_err(|error| anyhow!("{error}"))? {
            FileCheck::Owned => self.problem_of_bytes(name, file, counts)?,
            FileCheck::Orphan { .. } if self.mode.is_in_flight(file.modified) => None,
            FileCheck::Orphan { text, is_useless } => {
                return Ok(Some(Fault {
                    text: format!("{text}: {}", file.path.display()),
                    removable: is_useless.then(|| name.clone()),
                }));
            }
            FileCheck::Part(digest) => match present(digest_of(&file.path))? {
                Some(found) if found != digest => {
                    let text = format!("the part {name:?} has other bytes than its name says");
                    let removable = Some(name.clone());
                    return Ok(Some(Fault { text, removable }));
                }
                _ => None,
            },
            FileCheck::Spans => match problem_of_spans(file)? {
                Some(why) => Some(format!("the file {name:?} has no spans: {why}")),
                None => self.problem_of_bytes(name, file, counts)?,
            },
        };
        Ok(problem.map(|text| Fault { text, removable: None }))
    }

    /// Compares a file with its checksum. `None`: they agree, or there is none.
    fn problem_of_bytes(
        &self,
        name: &str,
        file: &FoundFile,
        counts: &mut FileCounts,
    ) -> anyhow::Result<Option<String>> {
        match present(self.compare(&file.path))? {
            None | Some(Comparison::Same) => Ok(None),
            Some(Comparison::WithoutDigest) => {
                counts.without_digest += 1;
                Ok(None)
            }
            Some(Comparison::Other(why)) => Ok(Some(format!("the file {name:?} {why}: {}", file.path.display()))),
        }
    }

    fn compare(&self, path: &Path) -> io::Result<Comparison> {
        let file = File::open(path)?;
        let (size, recorded) = (file.metadata()?.len(), Checksum::recorded(&file));
        if let Some(recorded) = recorded
            && recorded.size != size
        {
            let why = format!("has {size} bytes, and {} were received", recorded.size);
            return Ok(Comparison::Other(why));
        }
        let digest = recorded.and_then(|recorded| recorded.digest);
        if digest.is_none() && !self.mode.is_alone() {
            return Ok(Comparison::WithoutDigest);
        }
        if digest.is_some() && !self.mode.reads_bytes {
            return Ok(Comparison::Same);
        }
        let computed = Checksum::computed(&file)?;
        Ok(match digest {
            None if computed.record(&file) => Comparison::Same,
            None => Comparison::WithoutDigest,
            Some(digest) if computed.digest == Some(digest) => Comparison::Same,
            Some(_) => Comparison::Other("has other bytes than were received, by their SHA-256".to_owned()),
        })
    }

    /// Opens the files for changes. It fails if a server is running.
    pub(super) fn open(&self) -> anyhow::Result<FileBlobs> {
        FileBlobs::open(&self.directory)
    }
}

/// `None`: the file was removed meanwhile.
fn present<T>(read: io::Result<T>) -> anyhow::Result<Option<T>> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read a file"),
    }
}

/// The reason why a file has no batch of spans. `None`: it has one, or was removed meanwhile.
fn problem_of_spans(file: &FoundFile) -> anyhow::Result<Option<String>> {
    if file.size > SPANS_BYTES_MAX {
        return Ok(Some(format!("{} bytes are too many", file.size)));
    }
    Ok(present(std::fs::read(&file.path))?.and_then(|content| spans_problem(&content)))
}

/// The SHA-256 of a file, in hex.
fn digest_of(path: &Path) -> io::Result<String> {
    let digest = Checksum::computed(&File::open(path)?)?.digest;
    Ok(digest.as_ref().map(hex).unwrap_or_default())
}
