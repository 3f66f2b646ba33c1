//! A large page, written item by item, so that no more than a part of it is ever there twice.

use serde::Serialize;

use super::write_json;
use crate::error::{Error, Result};
use crate::search::page::{Pages, Place};

/// Items that are read and written at once: bounds the memory of a large page.
pub const ITEMS_AT_ONCE: usize = 500;

/// The largest page.
const BYTES_MAX: usize = 96 << 20;

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

    /// Adds an item. Fails when the page becomes larger than an answer can be.
    pub fn add(&mut self, item: &impl Serialize) -> Result<()> {
        self.add_with(|bytes| write_json(bytes, item))
    }

    /// Adds an item that is written by a function. Fails likewise.
    pub fn add_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        if self.items == 0 {
            self.body.extend_from_slice(format!("\"{}\":[", self.name).as_bytes());
        } else {
            self.body.push(b',');
        }
        write(&mut self.body)?;
        self.items += 1;
        if self.body.len() > BYTES_MAX {
            return Err(Error::TooLarge(format!(
                "{} {} are larger than 96 MiB; ask for smaller pages",
                self.items, self.name
            )));
        }
        Ok(())
    }

    /// The page, and where the next one begins.
    pub fn finish(mut self, next: Option<&Place>) -> Vec<u8> {
        if self.items > 0 {
            self.body.push(b']');
        }
        if let Some(place) = next {
            let separator = if self.items == 0 { "" } else { "," };
            let token = format!("{separator}\"next_page_token\":\"{}\"", self.pages.token(place));
            self.body.extend_from_slice(token.as_bytes());
        }
        self.body.push(b'}');
        self.body
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn list_and_token_are_left_out_when_empty() {
        let pages = Pages::of("runs");
        let page = |items: &[u8], next: Option<&Place>| {
            let mut page = PageWriter::new("runs", pages);
            items.iter().for_each(|item| page.add(item).unwrap());
            String::from_utf8(page.finish(next)).unwrap()
        };
        let place = Place::new(vec![0xab]);
        assert_eq!(page(&[], None), "{}");
        assert_eq!(page(&[1, 2], None), "{\"runs\":[1,2]}");
        let token = pages.token(&place);
        assert_eq!(page(&[], Some(&place)), format!("{{\"next_page_token\":\"{token}\"}}"));
        assert_eq!(
            page(&[1], Some(&place)),
            format!("{{\"runs\":[1],\"next_page_token\":\"{token}\"}}")
        );
    }
}
