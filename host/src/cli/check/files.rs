//! The files of a place: each belongs to something, and has the content that its name or record promises.

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use mlforge::storage::{Blobs, ProjectId};
use mlforge_plugin::store::inspection::check::{Check, Source};
use tokio::runtime::Runtime;

use super::directory::DirectoryFiles;
#[cfg(feature = "s3")]
use super::store::StoreFiles;

/// A file may be stored this long before or after the record that refers to it, while a server is running.
const IN_FLIGHT: Duration = Duration::from_secs(3_600);
/// Maximum size of a file of spans, in bytes: the component stores no larger one.
pub(super) const SPANS_BYTES_MAX: u64 = 64 << 20;

/// The files, wherever they are.
pub(super) enum Files<'a> {
    Directory(DirectoryFiles),
    #[cfg(feature = "s3")]
    Store(StoreFiles<'a>),
    #[cfg(not(feature = "s3"))]
    #[expect(dead_code, reason = "it uses the lifetime, and has no value")]
    Store(&'a std::convert::Infallible),
}

/// The mode of a check.
#[derive(Clone, Copy)]
pub(super) struct CheckMode {
    /// Younger files may belong to records that are not there yet. `None`: no server is running, and what others determine is
    /// repaired.
    judged_until: Option<SystemTime>,
    /// True if the bytes of all files are read and compared with their digests.
    pub(super) reads_bytes: bool,
}

/// Counts of the files of a project.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FileCounts {
    pub(super) files: u64,
    /// Files of these without a recorded digest.
    pub(super) without_digest: u64,
}

/// Something that is wrong with a file.
pub(super) struct Fault {
    pub(super) text: String,
    /// The name of the file, if it can be removed without loss.
    pub(super) removable: Option<String>,
}

impl CheckMode {
    /// `is_alone`: no server is running.
    pub(super) fn new(is_alone: bool, reads_bytes: bool) -> Self {
        Self {
            judged_until: (!is_alone).then(|| SystemTime::now() - IN_FLIGHT),
            reads_bytes,
        }
    }

    /// True if no server is running.
    pub(super) fn is_alone(&self) -> bool {
        self.judged_until.is_none()
    }

    /// True if a file of this time may be newer than the records that are looked at.
    pub(super) fn is_in_flight(&self, modified: Option<SystemTime>) -> bool {
        match (self.judged_until, modified) {
            (Some(until), Some(modified)) => modified > until,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

impl Files<'_> {
    /// The files of a data directory. `None`: it has none; they may be in S3.
    pub(super) fn of_directory(data: &Path, mode: CheckMode) -> anyhow::Result<Option<Self>> {
        Ok(DirectoryFiles::of(data, mode)?.map(Files::Directory))
    }

    /// Projects that have files. Those in a store have records too.
    pub(super) fn projects(&self) -> anyhow::Result<Vec<ProjectId>> {
        match self {
            Files::Directory(files) => files.projects(),
            Files::Store(_) => Ok(Vec::new()),
        }
    }

    /// True if a project has this file.
    pub(super) fn has(&self, project: ProjectId, name: &str) -> anyhow::Result<bool> {
        match self {
            Files::Directory(files) => Ok(files.has(project, name)),
            #[cfg(feature = "s3")]
            Files::Store(files) => files.has(project, name),
            #[cfg(not(feature = "s3"))]
            Files::Store(never) => match **never {},
        }
    }

    /// Checks the files of a project, and gives each fault to `note`.
    pub(super) fn check<S: Source>(
        &self,
        project: ProjectId,
        check: &mut Check<S>,
        note: impl FnMut(Fault) -> anyhow::Result<()>,
    ) -> anyhow::Result<FileCounts> {
        match self {
            Files::Directory(files) => files.check(project, check, note),
            #[cfg(feature = "s3")]
            Files::Store(files) => files.check(project, check, note),
            #[cfg(not(feature = "s3"))]
            Files::Store(never) => match **never {},
        }
    }

    /// Tells what a missing digest of some files means.
    pub(super) fn without_digest(&self, count: u64, is_repair: bool) -> String {
        match (count, self) {
            (0, _) => String::new(),
            (_, Files::Store(_)) => format!(" ({count} without a digest: their bytes came in parts)"),
            (_, Files::Directory(_)) if is_repair => {
                format!(" ({count} without a digest: their file system keeps no extended attributes)")
            }
            (_, Files::Directory(_)) => format!(" ({count} without a digest; --repair records it)"),
        }
    }

    /// Removes files. It fails if a server is running.
    pub(super) fn remove(&self, runtime: &Runtime, names: &[(ProjectId, String)]) -> anyhow::Result<usize> {
        match self {
            _ if names.is_empty() => Ok(0),
            Files::Directory(files) => remove(&files.open()?, runtime, names),
            #[cfg(feature = "s3")]
            Files::Store(files) => remove(files.blobs(), runtime, names),
            #[cfg(not(feature = "s3"))]
            Files::Store(never) => match **never {},
        }
    }
}

fn remove(blobs: &impl Blobs, runtime: &Runtime, names: &[(ProjectId, String)]) -> anyhow::Result<usize> {
    let mut removed = 0;
    for (project, name) in names {
        let deleted = runtime.block_on(blobs.delete(*project, name));
        removed += usize::from(deleted.map_err(|error| anyhow!("{error}"))?);
    }
    Ok(removed)
}

/// A digest in hex.
pub(super) fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
