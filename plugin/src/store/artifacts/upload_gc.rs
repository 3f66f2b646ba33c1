//! Garbage collection of abandoned uploads in parts, pass by pass. First it removes the expired uploads with
//! their parts, then parts that belong to no upload. An upload that cannot be removed is skipped.

use super::uploads;
use crate::domain::upload::UploadId;
use crate::error::{Error, Result};
use crate::host::parts;
use crate::host::records::{ABSENT, get_all, scan, transact_background};
use crate::store::codec::upload::read_upload;
use crate::store::keys;

/// Largest number of uploads that one pass looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// Largest number of uploads that one pass removes.
const REMOVED_MAX: usize = 200;
/// Number of failures that end a pass. With so many it is the storage that fails, not the uploads.
const FAILURES_MAX: usize = 10;
/// First byte of the cursor of a pass that has reached the parts.
const PARTS: u8 = b'p';

/// An upload whose parts are removed, and the host's name of it if it is a direct one.
type Removed = (UploadId, Option<String>);

/// The result of a pass.
#[derive(Debug, Default)]
pub struct UploadGcPass {
    /// Number of uploads that were removed, or whose parts were.
    pub removed: usize,
    /// Number of uploads that have not expired.
    pub alive: usize,
    /// Number of uploads that could not be read or removed.
    pub failed: usize,
    /// The cursor of the next pass. `None`: this pass reached the end.
    pub next: Option<Vec<u8>>,
}

/// True if these bytes are a cursor of a pass.
pub fn is_cursor(bytes: &[u8]) -> bool {
    keys::upload_of(bytes).is_some() || part_of(bytes).is_some()
}

/// Makes one pass after a cursor.
pub async fn pass(after: Option<&[u8]>, now_ms: i64) -> Result<UploadGcPass> {
    match after.and_then(part_of) {
        Some(after) => orphans(after).await,
        None => expired(after, now_ms).await,
    }
}

/// Reads the cursor of a pass that has reached the parts. `Some(None)`: it begins with the first ones.
fn part_of(bytes: &[u8]) -> Option<Option<UploadId>> {
    match bytes.split_first()? {
        (&PARTS, []) => Some(None),
        (&PARTS, id) => id.try_into().ok().map(|id| Some(UploadId(id))),
        _ => None,
    }
}

/// Removes expired uploads.
async fn expired(after: Option<&[u8]>, now_ms: i64) -> Result<UploadGcPass> {
    let mut span = keys::all_uploads();
    if let Some(after) = after {
        span = span.after(after);
    }
    let mut pass = UploadGcPass::default();
    let (mut expired, mut last) = (Vec::new(), None);
    let seen = scan(span, LOOKED_AT_MAX, |key, value| {
        // Uploads beyond the limit of this pass are left to the next, with all after them.
        if expired.len() < REMOVED_MAX {
            last = Some(key.to_vec());
            match (keys::upload_of(key), read_upload(value)) {
                (Some(_), Ok(upload)) if upload.is_alive(now_ms) => pass.alive += 1,
                (Some(id), Ok(upload)) => expired.push((id, upload.direct)),
                _ => pass.failed += 1,
            }
        }
        Ok(())
    })
    .await?;
    forget(&expired).await?;
    remove_parts(&mut pass, &expired).await?;
    let is_last = seen < LOOKED_AT_MAX && expired.len() < REMOVED_MAX;
    pass.next = last.filter(|_| !is_last).or_else(|| Some(vec![PARTS]));
    Ok(pass)
}

/// Removes the records of uploads. Their parts then belong to no upload, until they are removed, too.
async fn forget(uploads: &[Removed]) -> Result<()> {
    transact_background(async |change| {
        uploads.iter().for_each(|(id, _)| change.delete(keys::upload(*id)));
        Ok(())
    })
    .await
}

/// Removes parts that belong to no upload.
async fn orphans(after: Option<UploadId>) -> Result<UploadGcPass> {
    let found = parts::uploads(after, LOOKED_AT_MAX).await?;
    let records = get_all(found.ids.iter().map(|id| keys::upload(*id)).collect()).await?;
    let orphans = found.ids.iter().zip(&records);
    let orphans = orphans
        .filter(|(_, record)| record.version == ABSENT)
        .map(|(id, _)| *id);
    let orphans: Vec<Removed> = orphans.map(|id| (id, None)).take(REMOVED_MAX).collect();
    let mut pass = UploadGcPass::default();
    remove_parts(&mut pass, &orphans).await?;
    let reached = match orphans.last().filter(|_| orphans.len() == REMOVED_MAX) {
        Some((last, _)) => Some(*last),
        None => found.last.filter(|_| !found.is_last),
    };
    pass.next = reached.map(|id| [&[PARTS][..], &id.0].concat());
    Ok(pass)
}

async fn remove_parts(pass: &mut UploadGcPass, uploads: &[Removed]) -> Result<()> {
    let mut failures = 0;
    for (id, direct) in uploads {
        match uploads::remove_parts(*id, direct.as_deref()).await {
            Ok(()) => pass.removed += 1,
            Err(error @ Error::Denied) => return Err(error),
            Err(error) if failures == FAILURES_MAX => return Err(error),
            Err(_) => failures += 1,
        }
    }
    pass.failed += failures;
    Ok(())
}
