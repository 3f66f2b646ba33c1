//! Maxima of what a project keeps.

use crate::storage::FileUsage;

/// Maxima of what one project keeps. `u64::MAX`: no bound. A kind that no project has bounded is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProjectMaxima {
    /// Bytes of files.
    pub bytes: u64,
    /// Files, parts of uploads included.
    pub files: u64,
    /// Runs, deleted ones included until they are purged.
    pub runs: u64,
    /// Points of metrics of runs.
    pub points: u64,
    /// Traces.
    pub traces: u64,
}

impl ProjectMaxima {
    /// No bound at all.
    pub const NONE: Self = Self {
        bytes: u64::MAX,
        files: u64::MAX,
        runs: u64::MAX,
        points: u64::MAX,
        traces: u64::MAX,
    };

    /// The maxima of files.
    pub(crate) fn of_files(&self) -> FileUsage {
        FileUsage {
            files: self.files,
            bytes: self.bytes,
        }
    }
}

impl Default for ProjectMaxima {
    fn default() -> Self {
        Self::NONE
    }
}
