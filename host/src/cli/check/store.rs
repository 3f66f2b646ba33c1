//! The files in S3: their names are records of the host, which also tell sizes and digests.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::anyhow;
use mlforge::storage::s3::{ComparedFile, S3Blobs};
use mlforge::storage::{Blobs as _, ByteRange, ProjectId, StorageError};
use mlforge_plugin::store::inspection::check::{Check, FileCheck, Source, spans_problem};
use tokio::runtime::Runtime;

use super::files::{CheckMode, Fault, FileCounts, SPANS_BYTES_MAX, hex};

/// The files in a store, as a check sees them.
pub(super) struct StoreFiles<'a> {
    runtime: &'a Runtime,
    blobs: S3Blobs,
    mode: CheckMode,
}

impl<'a> StoreFiles<'a> {
    pub(super) fn new(runtime: &'a Runtime, blobs: S3Blobs, mode: CheckMode) -> Self {
        Self { runtime, blobs, mode }
    }

    pub(super) fn blobs(&self) -> &S3Blobs {
        &self.blobs
    }

    pub(super) fn has(&self, project: ProjectId, name: &str) -> anyhow::Result<bool> {
        Ok(self.wait(self.blobs.stat(project, name))?.is_some())
    }

    /// Checks the files of a project, and gives each fault to `note`.
    pub(super) fn check<S: Source>(
        &self,
        project: ProjectId,
        check: &mut Check<S>,
        mut note: impl FnMut(Fault) -> anyhow::Result<()>,
    ) -> anyhow::Result<FileCounts> {
        let before = self.wait(self.blobs.usage(project))?;
        let (mut counts, mut bytes, mut after) = (FileCounts::default(), 0_u64, None);
        loop {
            let (files, next) = self.wait(self.blobs.compare(project, after.as_deref(), self.mode.reads_bytes))?;
            for file in files {
                counts.files += 1;
                bytes = bytes.saturating_add(file.size);
                counts.without_digest += u64::from(file.digest.is_none());
                if let Some(fault) = self.fault(project, check, &file)? {
                    note(fault)?;
                }
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let sums = self.wait(self.blobs.usage(project))?;
        // A server may have stored or removed files meanwhile.
        if let Some(sums) =
            sums.filter(|sums| before == Some(*sums) && (sums.files, sums.bytes) != (counts.files, bytes))
        {
            let text = format!(
                "the sums of its files are {} files and {} bytes, and it has {} and {bytes}",
                sums.files, sums.bytes, counts.files
            );
            note(Fault { text, removable: None })?;
        }
        Ok(counts)
    }

    fn fault<S: Source>(
        &self,
        project: ProjectId,
        check: &mut Check<S>,
        file: &ComparedFile,
    ) -> anyhow::Result<Option<Fault>> {
        let name = &file.name;
        let modified = UNIX_EPOCH.checked_add(Duration::from_millis(file.modified_ms));
        let (text, is_removable) = match check.file(name).map_err(|error| anyhow!("{error}"))? {
            FileCheck::Orphan { .. } if self.mode.is_in_flight(modified) => return Ok(None),
            FileCheck::Orphan { text, is_useless } => (format!("{text}: {name:?}"), is_useless),
            _ if file.problem.is_some() => match file.problem.filter(|_| self.mode.is_alone()) {
                Some(problem) => (format!("the file {name:?} {problem}"), false),
                None => return self.fault_of_changing(project, file),
            },
            FileCheck::Part(digest) if file.digest.as_ref().is_some_and(|found| hex(found) != digest) => {
                (format!("the part {name:?} has other bytes than its name says"), true)
            }
            FileCheck::Spans => match self.problem_of_spans(project, file)? {
                Some(why) => (format!("the file {name:?} has no spans: {why}"), false),
                None => return Ok(None),
            },
            FileCheck::Owned | FileCheck::Part(_) => return Ok(None),
        };
        Ok(Some(Fault {
            text,
            removable: is_removable.then(|| name.clone()),
        }))
    }

    /// The fault of a file that a server may have deleted or replaced while it was compared.
    fn fault_of_changing(&self, project: ProjectId, file: &ComparedFile) -> anyhow::Result<Option<Fault>> {
        let now = self.wait(self.blobs.stat(project, &file.name))?;
        let is_same = now.is_some_and(|now| (now.size, now.modified_ms) == (file.size, file.modified_ms));
        let problem = file.problem.filter(|_| is_same);
        Ok(problem.map(|problem| Fault {
            text: format!("the file {:?} {problem}", file.name),
            removable: None,
        }))
    }

    /// The reason why a file has no batch of spans. `None`: it has one, or was removed meanwhile.
    fn problem_of_spans(&self, project: ProjectId, file: &ComparedFile) -> anyhow::Result<Option<String>> {
        if file.size > SPANS_BYTES_MAX {
            return Ok(Some(format!("{} bytes are too many", file.size)));
        }
        let read = async {
            let range = ByteRange {
                offset: 0,
                length: file.size,
            };
            let Some(mut opened) = self.blobs.read(project, &file.name, range).await? else {
                return Ok(None);
            };
            let mut content = Vec::new();
            while let Some(piece) = opened.contents.recv().await {
                content.extend_from_slice(&piece?);
            }
            Ok(Some(content))
        };
        Ok(self.wait(read)?.and_then(|content| spans_problem(&content)))
    }

    fn wait<T>(&self, work: impl Future<Output = Result<T, StorageError>>) -> anyhow::Result<T> {
        self.runtime.block_on(work).map_err(|error| anyhow!("{error}"))
    }
}
