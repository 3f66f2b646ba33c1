//! Removes what uploads in parts left behind that nobody ended, pass by pass: first the uploads whose time is over, with their
//! parts, then parts that belong to no upload. One that cannot be removed is passed over.

use crate::domain::upload::UploadId;
use crate::error::{Error, Result};
use crate::host::parts;
use crate::host::records::{ABSENT, get_all, scan, transact_background};
use crate::store::codec::upload::read_upload;
use crate::store::keys;

/// Uploads that one pass looks at.
const LOOKED_AT_MAX: usize = 2_000;
/// Uploads that one pass removes.
const REMOVED_MAX: usize = 200;
/// So many that cannot be removed end a pass: the storage fails, and not they.
const FAILURES_MAX: usize = 10;
/// What the place of a pass begins with that has come to the parts.
const PARTS: u8 = b'p';

/// What a pass did.
#[derive(Debug, Default)]
pub struct UploadGcPass {
    /// Uploads that were removed, or whose parts were.
    pub removed: usize,
    /// Uploads that still may go on.
    pub alive: usize,
    /// Uploads that could not be read or removed.
    pub failed: usize,
    /// Where the next pass begins; none: this one came to the end.
    pub next: Option<Vec<u8>>,
}

/// True if a pass can begin at this place.
pub fn is_cursor(bytes: &[u8]) -> bool {
    keys::upload_of(bytes).is_some() || part_of(bytes).is_some()
}

/// Makes one pass from a place on.
pub async fn pass(after: Option<&[u8]>, now_ms: i64) -> Result<UploadGcPass> {
    match after.and_then(part_of) {
        Some(after) => orphans(after).await,
        None => expired(after, now_ms).await,
    }
}

/// The place of a pass that has come to these parts; of no upload: to the first ones.
fn part_of(bytes: &[u8]) -> Option<Option<UploadId>> {
    match bytes.split_first()? {
        (&PARTS, []) => Some(None),
        (&PARTS, id) => id.try_into().ok().map(|id| Some(UploadId(id))),
        _ => None,
    }
}

/// Removes uploads whose time is over.
async fn expired(after: Option<&[u8]>, now_ms: i64) -> Result<UploadGcPass> {
    let mut span = keys::all_uploads();
    if let Some(after) = after {
        span = span.after(after);
    }
    let mut pass = UploadGcPass::default();
    let (mut expired, mut last) = (Vec::new(), None);
    let seen = scan(span, LOOKED_AT_MAX, |key, value| {
        // What would be too much for this pass is left to the next, with all behind it.
        if expired.len() < REMOVED_MAX {
            last = Some(key.to_vec());
            match (keys::upload_of(key), read_upload(value)) {
                (Some(_), Ok(upload)) if upload.is_alive(now_ms) => pass.alive += 1,
                (Some(id), Ok(_)) => expired.push(id),
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

/// Removes the records of uploads. Their parts then belong to none, until they are removed, too.
async fn forget(ids: &[UploadId]) -> Result<()> {
    transact_background(async |change| {
        ids.iter().for_each(|id| change.delete(keys::upload(*id)));
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
    let orphans: Vec<UploadId> = orphans.take(REMOVED_MAX).collect();
    let mut pass = UploadGcPass::default();
    remove_parts(&mut pass, &orphans).await?;
    let reached = match orphans.last().filter(|_| orphans.len() == REMOVED_MAX) {
        Some(last) => Some(*last),
        None => found.last.filter(|_| !found.is_last),
    };
    pass.next = reached.map(|id| [&[PARTS][..], &id.0].concat());
    Ok(pass)
}

async fn remove_parts(pass: &mut UploadGcPass, ids: &[UploadId]) -> Result<()> {
    let mut failures = 0;
    for id in ids {
        match parts::delete_all(*id).await {
            Ok(()) => pass.removed += 1,
            Err(error @ Error::Denied) => return Err(error),
            Err(error) if failures == FAILURES_MAX => return Err(error),
            Err(_) => failures += 1,
        }
    }
    pass.failed += failures;
    Ok(())
}
