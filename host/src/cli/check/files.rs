//! The files of a data directory: each belongs to something, and has the content that its name or record promises.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use mlforge::storage::ProjectId;
use mlforge::storage::files::{FileBlobs, FoundFile, blob_path, projects_with_blobs, walk_blobs};
use mlforge_plugin::store::inspection::check::{Check, FileCheck, Source, spans_problem};
use sha2::{Digest, Sha256};

/// A file may be stored this long before or after the record that refers to it, while a server is running.
const IN_FLIGHT: Duration = Duration::from_secs(3_600);
/// Maximum size of a file of spans, in bytes: the component stores no larger one.
const SPANS_BYTES_MAX: u64 = 64 << 20;

/// The files of a data directory, as a check sees them.
pub(super) struct Files {
    directory: PathBuf,
    /// Younger files may belong to records that are not there yet. `None`: no server is running.
    judged_until: Option<SystemTime>,
}

/// Something that is wrong with a file.
pub(super) struct Fault {
    pub(super) text: String,
    /// The name of the file, if it can be removed without loss.
    pub(super) removable: Option<String>,
}

impl Files {
    /// The files of a data directory. `None`: it has none; they may be in S3. `is_alone`: no server is running.
    pub(super) fn of(data: &Path, is_alone: bool) -> anyhow::Result<Option<Self>> {
        let files = Self {
            directory: data.join("blobs"),
            judged_until: (!is_alone).then(|| SystemTime::now() - IN_FLIGHT),
        };
        let projects = projects_with_blobs(&files.directory).context("cannot list the projects with files")?;
        Ok(projects.filter(|projects| !projects.is_empty()).map(|_| files))
    }

    /// The projects that have files.
    pub(super) fn projects(&self) -> anyhow::Result<Vec<ProjectId>> {
        let projects = projects_with_blobs(&self.directory).context("cannot list the projects with files")?;
        Ok(projects.unwrap_or_default())
    }

    pub(super) fn has(&self, project: ProjectId, name: &str) -> bool {
        blob_path(&self.directory, project, name).is_file()
    }

    /// True while no server changes the files.
    pub(super) fn are_still(&self) -> bool {
        self.judged_until.is_none()
    }

    /// Checks the files of a project, and gives each fault to `note`. Returns the number of files.
    pub(super) fn check<S: Source>(
        &self,
        project: ProjectId,
        check: &mut Check<S>,
        mut note: impl FnMut(Fault) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut count = 0;
        walk_blobs(&self.directory, project, |file| {
            count += 1;
            match self.fault(check, &file)? {
                Some(fault) => note(fault),
                None => Ok(()),
            }
        })?;
        Ok(count)
    }

    fn fault<S: Source>(&self, check: &mut Check<S>, file: &FoundFile) -> anyhow::Result<Option<Fault>> {
        let Some(name) = &file.name else {
            let text = format!("{} is no file of mlforge", file.path.display());
            return Ok(Some(Fault { text, removable: None }));
        };
        let said = check.file(name).map_err(|error| anyhow!("{error}"))?;
        let text = match said {
            FileCheck::Owned => return Ok(None),
            FileCheck::Orphan { .. } if self.is_in_flight(file) => return Ok(None),
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
                _ => return Ok(None),
            },
            FileCheck::Spans if file.size > SPANS_BYTES_MAX => Some(format!("{} bytes are too many", file.size)),
            FileCheck::Spans => present(std::fs::read(&file.path))?.and_then(|content| spans_problem(&content)),
        };
        Ok(text.map(|why| Fault {
            text: format!("the file {name:?} has no spans: {why}"),
            removable: None,
        }))
    }

    /// True if a file may be newer than the records that are looked at.
    fn is_in_flight(&self, file: &FoundFile) -> bool {
        match (self.judged_until, file.modified) {
            (Some(until), Some(modified)) => modified > until,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Removes files. It fails if a server is running.
    pub(super) fn remove(
        &self,
        runtime: &tokio::runtime::Runtime,
        names: &[(ProjectId, String)],
    ) -> anyhow::Result<usize> {
        if names.is_empty() {
            return Ok(0);
        }
        let blobs = FileBlobs::open(&self.directory)?;
        let mut removed = 0;
        for (project, name) in names {
            let deleted = runtime.block_on(mlforge::storage::Blobs::delete(&blobs, *project, name));
            removed += usize::from(deleted.map_err(|error| anyhow!("{error}"))?);
        }
        Ok(removed)
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

/// The SHA-256 of a file, in hex.
fn digest_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        match buffer.get(..read) {
            Some([]) | None => break,
            Some(bytes) => digest.update(bytes),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
