//! Listing of one directory in the order of its names, and deletion of everything below one. S3 orders by
//! whole keys, in which `/` follows a directory's name. So it lists `a-b` and `a.b` before the contents of
//! `a`.

use std::collections::BTreeMap;

use object_store::list::{PaginatedListOptions, PaginatedListResult};

use super::bucket::Bucket;
use crate::storage::{BlobItem, LIST_NAME_BYTES, StorageError};

/// Maximum number of keys in one answer of S3.
const PAGE_ITEMS_MAX: usize = 1_000;

/// Lists the names directly below `root` after `after`: at most `limit`. `root` is empty or ends with `/`.
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
            // The offset compares keys. It keeps some directories whose names are not after `after`; they are
            // dropped below.
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

/// Removes all objects below `root`, which ends with `/`. Returns `false` when there are none.
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

/// The entries found so far.
struct Found<'a> {
    after: Option<&'a str>,
    /// Sizes by name; `None` for directories.
    items: BTreeMap<String, Option<u64>>,
    /// Number of bytes of all names together.
    name_bytes: usize,
    /// The last key, without the common prefix.
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
            // Some programs create an object that stands for a directory. It has the directory's own key.
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

    /// Directories whose names come before a found one although their keys come after it. Each is a prefix of
    /// the last key that ends before a character below `/`.
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
