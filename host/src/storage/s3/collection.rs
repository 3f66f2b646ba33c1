//! The collection: removes objects that no name leads to. A content that lost its name is kept for a while, since downloads of it
//! may be under way. Its objects are found by records. An object that never got a name, because its host died, is found by a
//! listing of the bucket, which looks at each object once.
//!
//! Several hosts may collect at once. Each step is safe by itself: before objects of some age are looked at, the index refuses to
//! name them. So whatever is unused stays unused.

use super::bucket::Bucket;
use super::index::Index;
use super::index::collection::Nameless;
use super::object_id::{ObjectId, now_ms};
use crate::storage::{Collected, ProjectId, StorageError};

/// Time for which an object without a name is kept.
pub(super) const KEPT_MS: u64 = 24 * 60 * 60 * 1_000;
/// The listing goes on when so much time is new to it.
const LISTED_AT_ONCE_MS: u64 = 60 * 60 * 1_000;
/// Number of contents that a pass releases.
const CONTENTS_AT_ONCE: u32 = 200;
/// Number of objects whose references are read together.
const OBJECTS_AT_ONCE: usize = 1_000;
/// Number of times that the other users of an object are looked for, if they change meanwhile.
const LOOKS_MAX: usize = 100;

/// Collects a project for one pass.
pub(super) async fn pass(bucket: &Bucket, index: &Index, project: ProjectId) -> Result<Collected, StorageError> {
    pass_before(bucket, index, project, now_ms().saturating_sub(KEPT_MS)).await
}

/// Collects what has no name since before a time.
pub(super) async fn pass_before(
    bucket: &Bucket,
    index: &Index,
    project: ProjectId,
    before_ms: u64,
) -> Result<Collected, StorageError> {
    let nameless = index.nameless(project, before_ms, CONTENTS_AT_ONCE).await?;
    let is_more = u32::try_from(nameless.len()).is_ok_and(|count| count == CONTENTS_AT_ONCE);
    for nameless in nameless {
        release(bucket, index, project, nameless).await?;
    }
    let is_listed = list_further(bucket, index, project, before_ms).await?;
    Ok(Collected {
        is_more: is_more || !is_listed,
        is_left: !index.nameless(project, u64::MAX, 1).await?.is_empty(),
    })
}

/// Deletes the objects of a content that no other has.
async fn release(bucket: &Bucket, index: &Index, project: ProjectId, nameless: Nameless) -> Result<(), StorageError> {
    let objects = index.seal(project, &nameless).await?;
    for some in objects.chunks(OBJECTS_AT_ONCE) {
        let mut is_released = false;
        for _ in 0..LOOKS_MAX {
            let shares = index.shares(project, &nameless, some).await?;
            // They go before the last record of them does.
            bucket.delete(project, &shares.sole).await?;
            is_released = index.release(project, shares).await?;
            if is_released {
                break;
            }
        }
        if !is_released {
            return Err(StorageError::Unavailable(
                "the users of an object changed all the time".to_owned(),
            ));
        }
    }
    index.forget(project, nameless).await
}

/// Looks at the next objects that are old enough, and deletes those that never got a name. Returns `true` when there are no more.
async fn list_further(
    bucket: &Bucket,
    index: &Index,
    project: ProjectId,
    before_ms: u64,
) -> Result<bool, StorageError> {
    let cursor = index.cursor(project).await?;
    if before_ms < cursor.made_ms.saturating_add(LISTED_AT_ONCE_MS) || !index.refuse_older(project, before_ms).await? {
        return Ok(true);
    }
    for (object, upload) in bucket.unfinished(project).await? {
        if object.made_ms < before_ms {
            bucket.abort(project, object, &upload).await?;
        }
    }
    let (listed, is_all) = bucket.list(project, cursor).await?;
    let mut old = listed.clone();
    old.retain(|object| object.made_ms < before_ms);
    let unused = index.unused(project, &old).await?;
    bucket.delete(project, &unused).await?;
    let is_end = is_all || old.len() < listed.len();
    let last = match old.last() {
        Some(last) if !is_end => *last,
        _ => ObjectId::first_of(before_ms),
    };
    index.set_cursor(project, last).await?;
    Ok(is_end)
}
