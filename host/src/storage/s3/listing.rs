//! One directory in the order of its names, and all that lies below one. S3 orders whole keys instead, where a directory's
//! name is followed by `/`: it lists `a-b` and `a.b` before what lies in `a`.

use std::collections::BTreeMap;

use object_store::list::{PaginatedListOptions, PaginatedListResult};

use super::bucket::Bucket;
use crate::storage::{BlobItem, LIST_NAME_BYTES, StorageError};

/// The most keys that S3 tells at once.
const PAGE_ITEMS_MAX: usize = 1_000;

/// The names behind `after` directly below `root`, which is empty or ends with `/`: at most `limit`.
pub(super) async fn list(
    bucket: &Bucket,
    root: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<BlobItem>, StorageError> {
    let mut found = Found {
        after,
        items: BTreeMap::new(),
        name_bytes: 0,
        last: String::new(),
    };
    let mut token = None;
    loop {
        let options = PaginatedListOptions {
            // A directory that is not behind `after` by its name, but by its key, is dropped below.
            offset: after.map(|after| format!("{root}{after}")),
            delimiter: Some("/".into()),
            max_keys: Some(limit.saturating_add(1).min(PAGE_ITEMS_MAX)),
            page_token: token,
            ..PaginatedListOptions::default()
        };
        let page = bucket.page(root, options).await?;
        found.add(root, &page);
        token = page.page_token;
        if token.is_none() {
            break;
        }
        if found.items.len() >= limit || found.name_bytes >= LIST_NAME_BYTES {
            for directory in found.may_still_come() {
                if bucket.holds_any(&format!("{root}{directory}/")).await? {
                    found.items.insert(directory, None);
                }
            }
            break;
        }
    }
    let items = found.items.into_iter().take(limit);
    Ok(items.map(|(name, size)| BlobItem { name, size }).collect())
}

/// Removes all objects below `root`, which ends with `/`; `false` when there are none.
pub(super) async fn delete_below(bucket: &Bucket, root: &str) -> Result<bool, StorageError> {
    let (mut any, mut token) = (false, None);
    loop {
        let options = PaginatedListOptions {
            page_token: token,
            ..PaginatedListOptions::default()
        };
        let page = bucket.page(root, options).await?;
        let keys: Vec<_> = page.result.objects.into_iter().map(|object| object.location).collect();
        if !keys.is_empty() {
            any = true;
            bucket.delete_all(keys).await?;
        }
        token = page.page_token;
        if token.is_none() {
            return Ok(any);
        }
    }
}

/// What was found so far.
struct Found<'a> {
    after: Option<&'a str>,
    /// By name; directories have no size.
    items: BTreeMap<String, Option<u64>>,
    /// Of the names of all items together.
    name_bytes: usize,
    /// The last key, without what all have.
    last: String,
}

impl Found<'_> {
    fn add(&mut self, root: &str, page: &PaginatedListResult) {
        let files = page
            .result
            .objects
            .iter()
            .map(|file| (file.location.as_ref(), Some(file.size)));
        let directories = page.result.common_prefixes.iter().map(|path| (path.as_ref(), None));
        for (key, size) in files.chain(directories) {
            // An object that stands for a directory, as some programs make them, has the directory's own key.
            let Some(name) = key.strip_prefix(root).filter(|name| !name.is_empty()) else {
                continue;
            };
            let key = match size {
                Some(_) => name.to_owned(),
                None => format!("{name}/"),
            };
            self.last = std::mem::take(&mut self.last).max(key);
            if self.after.is_none_or(|after| name > after) && self.items.insert(name.to_owned(), size).is_none() {
                self.name_bytes += name.len();
            }
        }
    }

    /// The directories whose names come before some that were found, though their keys come behind: each is the
    /// beginning of the last key, up to a character below `/`.
    fn may_still_come(&self) -> Vec<String> {
        let ends = self.last.char_indices().filter(|(_, next)| *next < '/');
        let names = ends.filter_map(|(end, _)| self.last.get(..end));
        names
            .filter(|name| !name.is_empty() && self.after.is_none_or(|after| *name > after))
            .filter(|name| !self.items.contains_key(*name))
            .map(str::to_owned)
            .collect()
    }
}
