//! Listing of one directory, a page at a time. Each page takes one pass over the directory, without a lock.

use std::collections::BinaryHeap;
use std::fs;
use std::io;
use std::path::Path;

use super::absent;
use super::names::{self, Part};
use crate::storage::BlobItem;

/// Limits of a page.
#[derive(Clone, Copy)]
pub(super) struct PageSize {
    /// Maximum number of items.
    pub(super) items: usize,
    /// Number of bytes of names after which the page ends.
    pub(super) name_bytes: usize,
}

/// Lists the items of a directory after the name `after`, in the order of their names. Items that are removed
/// meanwhile may be missing.
pub(super) fn list(directory: &Path, after: Option<&str>, size: PageSize) -> io::Result<Vec<BlobItem>> {
    let mut items = Vec::new();
    let mut name_bytes = 0;
    let mut after = after.map(str::to_owned);
    loop {
        let left = PageSize {
            items: size.items - items.len(),
            name_bytes: size.name_bytes.saturating_sub(name_bytes),
        };
        let mut pass = Pass::new(after.as_deref(), left);
        pass.gather(directory, "")?;
        let is_last = !pass.is_full();
        let names = pass.names.into_sorted_vec();
        let last = names.last().cloned();
        for name in names {
            if let Some(item) = look_at(directory, name)? {
                name_bytes += item.name.len();
                items.push(item);
            }
        }
        // A page is filled up, because the caller takes a short page for the last one.
        if is_last || items.len() >= size.items || name_bytes >= size.name_bytes {
            return Ok(items);
        }
        after = last;
    }
}

fn look_at(directory: &Path, name: String) -> io::Result<Option<BlobItem>> {
    let found = fs::metadata(directory.join(names::path_of(&name)))
        .map(Some)
        .or_else(absent)?;
    Ok(found.map(|found| BlobItem {
        size: found.is_file().then_some(found.len()),
        name,
    }))
}

/// One pass over a directory.
struct Pass<'a> {
    after: Option<&'a str>,
    size: PageSize,
    /// The lowest names seen so far.
    names: BinaryHeap<String>,
    name_bytes: usize,
}

impl<'a> Pass<'a> {
    fn new(after: Option<&'a str>, size: PageSize) -> Self {
        Self {
            after,
            size,
            names: BinaryHeap::new(),
            name_bytes: 0,
        }
    }

    /// True if the directory may have further names.
    fn is_full(&self) -> bool {
        self.names.len() >= self.size.items || self.name_bytes >= self.size.name_bytes
    }

    /// Collects the names of a directory. All of them begin with `begin`, in their encoded form.
    fn gather(&mut self, directory: &Path, begin: &str) -> io::Result<()> {
        let Some(entries) = fs::read_dir(directory).map(Some).or_else(absent)? else {
            return Ok(());
        };
        for entry in entries {
            let entry = entry?;
            let component = entry.file_name();
            match component.to_str().and_then(names::part_of) {
                Some(Part::Begin(part)) => self.gather(&entry.path(), &format!("{begin}{part}"))?,
                Some(Part::End(part)) if begin.is_empty() => self.take(names::decode(part)),
                Some(Part::End(part)) => self.take(names::decode(&format!("{begin}{part}"))),
                None => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, name: Option<String>) {
        let Some(name) = name.filter(|name| self.after.is_none_or(|after| name.as_str() > after)) else {
            return;
        };
        if self.is_full() && self.names.peek().is_some_and(|highest| *highest < name) {
            return;
        }
        self.name_bytes += name.len();
        self.names.push(name);
        // The highest name is removed if the page is full without it.
        while let Some(highest) = self.names.peek().map(String::len)
            && (self.names.len() > self.size.items || self.name_bytes - highest >= self.size.name_bytes)
        {
            self.names.pop();
            self.name_bytes -= highest;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn directory_of(names: &[String]) -> tempfile::TempDir {
        let directory = tempfile::TempDir::new().unwrap();
        for name in names {
            let path = directory.path().join(names::path_of(name));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        directory
    }

    fn pages(directory: &Path, size: PageSize) -> Vec<Vec<String>> {
        let mut pages: Vec<Vec<String>> = Vec::new();
        loop {
            let after = pages.iter().flatten().next_back().cloned();
            let page = list(directory, after.as_deref(), size).unwrap();
            let bytes: usize = page.iter().map(|item| item.name.len()).sum();
            let is_last = page.len() < size.items && bytes < size.name_bytes;
            pages.push(page.into_iter().map(|item| item.name).collect());
            if is_last {
                return pages;
            }
        }
    }

    #[test]
    fn a_page_ends_by_its_items_or_by_the_bytes_of_its_names() {
        // Some names are cut into several parts on disk.
        let mut names: Vec<String> = (0..40).map(|i| format!("{i:02}{}", "L".repeat(i % 8 * 30))).collect();
        let directory = directory_of(&names);
        names.sort_unstable();
        for items in [1, 7, 39, 40, 41] {
            for name_bytes in [1, 100, 1_000, 1_000_000] {
                let pages = pages(directory.path(), PageSize { items, name_bytes });
                assert_eq!(pages.concat(), names, "{items} {name_bytes}");
                let full = pages.split_last().unwrap().1;
                let bytes = |page: &Vec<String>| page.iter().map(String::len).sum::<usize>();
                assert!(full.iter().all(|page| page.len() == items || bytes(page) >= name_bytes));
                assert!(
                    full.iter()
                        .all(|page| bytes(&page[..page.len() - 1].to_vec()) < name_bytes)
                );
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn items_removed_meanwhile_make_no_page_short() {
        let names: Vec<String> = (0..20).map(|i| format!("{i:02}")).collect();
        let directory = directory_of(&names);
        // A dangling link is in the directory, but has no metadata.
        for gone in ["n03", "n04", "n19"] {
            fs::remove_file(directory.path().join(gone)).unwrap();
            std::os::unix::fs::symlink("nothing", directory.path().join(gone)).unwrap();
        }
        let page = |items| {
            list(
                directory.path(),
                None,
                PageSize {
                    items,
                    name_bytes: 1 << 20,
                },
            )
            .unwrap()
        };
        let listed: Vec<String> = page(5).into_iter().map(|item| item.name).collect();
        assert_eq!(listed, ["00", "01", "02", "05", "06"]);
        assert_eq!(page(17).len(), 17);
        assert_eq!(page(18).len(), 17);
    }
}
