//! The storage that each project uses. It is measured now and then, since it costs a listing of all files.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::host::Host;
use crate::storage::FileUsage;
use crate::storage::usage::files_of;
use crate::storage::{ProjectId, StorageError};

/// Maximum number of projects that are measured, and so of labels in the metrics.
const PROJECTS_MAX: usize = 1_000;
/// Maximum number of files and directories of one project that are looked at. A larger project is shown too small.
const ITEMS_MAX: u64 = 1_000_000;

/// The last measurement.
#[derive(Debug, Default)]
pub(crate) struct StorageUsage {
    last: Mutex<Option<Measurement>>,
}

/// The use of storage at a moment.
#[derive(Clone, Debug)]
pub(super) struct Measurement {
    pub(super) at: SystemTime,
    /// The number of each project as text, and its files.
    pub(super) projects: Vec<(String, FileUsage)>,
}

impl StorageUsage {
    pub(super) fn last(&self) -> Option<Measurement> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Measurement>> {
        // No code that may panic runs under the lock.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Host {
    /// Measures the files of these projects for the metrics: of the first 1,000, and at most about a million files of each.
    /// On this machine it lists all files, so it is to be called at most a few times a day.
    ///
    /// # Errors
    /// Fails when the files cannot be listed. The former measurement stays.
    pub async fn measure_storage(&self, projects: &[ProjectId]) -> Result<(), StorageError> {
        let state = self.state();
        let mut measured = Vec::new();
        for project in projects.iter().take(PROJECTS_MAX) {
            let usage = files_of(&*state.services.blobs, *project, ITEMS_MAX).await?;
            measured.push((project.0.to_string(), usage));
        }
        *state.storage_usage.lock() = Some(Measurement {
            at: SystemTime::now(),
            projects: measured,
        });
        Ok(())
    }
}
