//! A large page, written item by item, so that no more than a part of it is ever there twice.

use serde::Serialize;

use super::write_json;
use crate::error::Result;
use crate::search::cursor::{Cursor, Pages};
use crate::store::top_k::Page;

/// Items that are read and written at once, at most: fewer where they are large.
pub const ITEMS_AT_ONCE: usize = 500;

/// A page ends with the item that makes it so large, however many were asked for: whoever asked goes on from its token.
const PAGE_BYTES: usize = 32 << 20;

/// No page is larger: what is read of one item is bounded, too.
pub const ANSWER_BYTES_MAX: usize = 2 * PAGE_BYTES;

/// A page that is so large gets room for as much as it may become, at once: growing by halves would take that twice.
const LARGE_BYTES: usize = PAGE_BYTES / 2;

/// A page while it is written: `{"<name>": […], "next_page_token": "…"}`, each left out when empty.
pub struct PageWriter {
    name: &'static str,
    pages: Pages,
    body: Vec<u8>,
    items: usize,
}

impl PageWriter {
    /// A page of a search, whose list has this name.
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

    /// Where the next item is to be written.
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

    /// True if the page is to end here.
    pub fn is_full(&self) -> bool {
        self.body.len() >= PAGE_BYTES
    }

    /// The page, and where the next one begins.
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

/// Writes a page of what was found, or of the beginning of it where that is large. `read` reads the first of some items, at
/// least one: none of one that is no more. `write` adds one to the page.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn list_and_token_are_left_out_when_empty() {
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
