//! The services of the host that a component may call: storage, the forge, the clock and random bytes.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::commit_statuses::CommitStatuses;
use super::environment::{Clock, Rng};
use super::forge_rest::ForgeRest;
use super::retry_locks::RetryLocks;
use crate::auth::upload_token::UploadTokens;
use crate::forge::cache::CachedForge;
use crate::storage::postgres::SharedState;
use crate::storage::quota::{Quota, Reservation};
use crate::storage::{BlobStream, Blobs, ProjectId, Records, Staged, StorageError};

/// The services of the host that the imports of an instance call.
pub(crate) struct HostServices {
    pub(crate) records: Arc<dyn Records>,
    pub(crate) blobs: Arc<dyn Blobs>,
    pub(crate) forge: CachedForge,
    /// `None`: the host sets no commit statuses.
    pub(crate) commit_statuses: Option<CommitStatuses>,
    pub(crate) forge_rest: ForgeRest,
    pub(crate) clock: Clock,
    pub(crate) randomness: Rng,
    /// Maximum size of a file, in bytes.
    pub(crate) file_bytes_max: u64,
    pub(crate) upload_tokens: UploadTokens,
    pub(crate) turns: RetryLocks,
    /// Counts the bytes that each project keeps, if they are bounded. Then `blobs` is this quota.
    pub(crate) quota: Option<Quota>,
    /// The channel between the hosts of a database. `None`: this host has its data alone.
    pub(crate) shared: Option<Arc<SharedState>>,
}

impl HostServices {
    /// Stages as [`Blobs::stage`] does, drawing on the quota that the request has reserved, if any.
    pub(crate) async fn stage(
        &self,
        project: ProjectId,
        contents: BlobStream,
        bytes_max: u64,
        reserved: Option<Reservation>,
    ) -> Result<Box<dyn Staged>, StorageError> {
        match &self.quota {
            Some(quota) => quota.stage_within(project, contents, bytes_max, reserved).await,
            None => self.blobs.stage(project, contents, bytes_max).await,
        }
    }

    /// The time of day, in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
