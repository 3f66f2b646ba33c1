//! Writers of large pages. A page is written item by item, so that at most a part of its items is in memory
//! twice.

use serde::Serialize;

use super::write_json;
use crate::error::{Error, Result};
use crate::request::params::Params;
use crate::search::cursor::{Cursor, Pages};
use crate::store::top_k::Page;

/// The maximum number of items that are read and written together. Large items are read in smaller groups.
pub const ITEMS_AT_ONCE: usize = 500;

/// The size in bytes after which a page ends, whatever the requested page size. Callers continue with its
/// token.
const PAGE_BYTES: usize = 32 << 20;

/// The maximum size of a page, in bytes: an item is bounded, too.
pub const ANSWER_BYTES_MAX: usize = 2 * PAGE_BYTES;

/// The size in bytes at which the buffer of a page is enlarged to the maximum at once. Growing it by doubling
/// could need twice as much.
const LARGE_BYTES: usize = PAGE_BYTES / 2;

/// The page size that a request asks for. With `default` 0 the parameter is required.
pub fn page_size(params: &Params<'_>, default: i64, max: i64) -> Result<usize> {
    let asked = params.integer("max_results")?.unwrap_or(default);
    usize::try_from(asked)
        .ok()
        .filter(|_| (1..=max).contains(&asked))
        .ok_or_else(|| {
            Error::Invalid(format!(
                "Invalid value {asked} for parameter 'max_results' supplied: it must be at least 1 and at most {max}"
            ))
        })
}

/// A page while it is written: `{"<name>": […], "next_page_token": "…"}`. List and token are omitted when
/// empty.
pub struct PageWriter {
    name: &'static str,
    pages: Pages,
    body: Vec<u8>,
    items: usize,
}

impl PageWriter {
    /// An empty page of a search. `name` is that of the list.
    pub fn new(name: &'static str, pages: Pages) -> Self {
        PageWriter {
            name,
            pages,
            body: b"{".to_vec(),
            items: 0,
        }
    }

    /// Adds an item.
    pub fn add(&mut self, item: &impl Serialize) -> Result<()> {
        write_json(self.begin_item(), item)
    }

    /// Begins an item and returns the buffer to which it is written.
    pub fn begin_item(&mut self) -> &mut Vec<u8> {
        if self.items == 0 {
            self.body.extend_from_slice(format!("\"{}\":[", self.name).as_bytes());
        } else {
            self.body.push(b',');
        }
        self.items += 1;
        if self.body.len() >= LARGE_BYTES && self.body.capacity() < ANSWER_BYTES_MAX {
            self.body.reserve_exact(ANSWER_BYTES_MAX - self.body.len());
        }
        &mut self.body
    }

    /// True if the page must end here.
    pub fn is_full(&self) -> bool {
        self.body.len() >= PAGE_BYTES
    }

    /// The finished page. `next` is the cursor from which the next page continues.
    pub fn finish(mut self, next: Option<&Cursor>) -> Vec<u8> {
        if self.items > 0 {
            self.body.push(b']');
        }
        if let Some(cursor) = next {
            let separator = if self.items == 0 { "" } else { "," };
            let token = format!("{separator}\"next_page_token\":\"{}\"", self.pages.token(cursor));
            self.body.extend_from_slice(token.as_bytes());
        }
        self.body.push(b'}');
        self.body
    }
}

/// Writes a page of the found items, or of the first of them if they are large. `read` reads some of the
/// first items, at least one. It returns `None` for an item that was deleted since. `write` adds an item to
/// the page.
pub async fn write<T, R>(
    name: &'static str,
    pages: Pages,
    found: &Page<T>,
    read: impl AsyncFn(&[T]) -> Result<Vec<Option<R>>>,
    write: impl AsyncFn(&mut PageWriter, R) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut page = PageWriter::new(name, pages);
    let mut done = 0;
    while !page.is_full()
        && let Some(rest) = found.items.get(done..).filter(|rest| !rest.is_empty())
    {
        let some = rest.get(..ITEMS_AT_ONCE).unwrap_or(rest);
        for item in read(some).await? {
            done += 1;
            if let Some(item) = item {
                write(&mut page, item).await?;
            }
            if page.is_full() {
                break;
            }
        }
    }
    Ok(page.finish(found.cursor_after(done).as_ref()))
}

/// Writes a page of items that the search has read whole, or of the first of them if they are large.
pub fn write_found<T>(
    name: &'static str,
    pages: Pages,
    found: &Page<T>,
    write: impl Fn(&mut PageWriter, &T) -> Result<()>,
) -> Result<Vec<u8>> {
    let mut page = PageWriter::new(name, pages);
    let mut done = 0;
    for item in &found.items {
        write(&mut page, item)?;
        done += 1;
        if page.is_full() {
            break;
        }
    }
    Ok(page.finish(found.cursor_after(done).as_ref()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn list_and_token_are_omitted_when_empty() {
        let pages = Pages::of("runs");
        let page = |items: &[u8], next: Option<&Cursor>| {
            let mut page = PageWriter::new("runs", pages);
            items.iter().for_each(|item| page.add(item).unwrap());
            String::from_utf8(page.finish(next)).unwrap()
        };
        let cursor = Cursor::new(vec![0xab]);
        assert_eq!(page(&[], None), "{}");
        assert_eq!(page(&[1, 2], None), "{\"runs\":[1,2]}");
        let token = pages.token(&cursor);
        assert_eq!(page(&[], Some(&cursor)), format!("{{\"next_page_token\":\"{token}\"}}"));
        assert_eq!(
            page(&[1], Some(&cursor)),
            format!("{{\"runs\":[1],\"next_page_token\":\"{token}\"}}")
        );
    }
}
