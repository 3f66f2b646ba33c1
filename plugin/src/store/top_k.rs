//! The first k items of an order after a cursor.

use std::collections::BTreeMap;

use crate::search::cursor::Cursor;

/// Largest number of bytes of the keys and items of one page. A larger page has fewer items than asked for,
/// but always may have two.
const BYTES_MAX: usize = 24 << 20;

/// The first items after a cursor, and one more that shows that there are more. No two items have the same
/// key.
pub struct TopK<T> {
    after: Option<Cursor>,
    count: usize,
    kept: BTreeMap<Vec<u8>, Kept<T>>,
    bytes: usize,
}

struct Kept<T> {
    item: T,
    bytes: usize,
}

/// A page of results.
#[derive(Debug)]
pub struct Page<T> {
    /// The results in order.
    pub items: Vec<T>,
    /// The sort key of each result.
    keys: Vec<Vec<u8>>,
    has_more: bool,
}

impl<T> Page<T> {
    /// An empty page that is the last.
    pub fn empty() -> Self {
        Page {
            items: Vec::new(),
            keys: Vec::new(),
            has_more: false,
        }
    }

    /// Returns the cursor of the next page if this one ends with its first `count` items. `None`: there are
    /// no more items.
    pub fn cursor_after(&self, count: usize) -> Option<Cursor> {
        let is_end = count >= self.keys.len() && !self.has_more;
        let last = self.keys.get(count.min(self.keys.len()).checked_sub(1)?);
        last.filter(|_| !is_end).map(|key| Cursor::new(key.clone()))
    }
}

impl<T> TopK<T> {
    /// Starts with no items; keeps `count` of those after the cursor.
    pub fn new(after: Option<Cursor>, count: usize) -> Self {
        TopK {
            after,
            count,
            kept: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// Adds an item if it belongs to the page.
    pub fn offer(&mut self, key: &[u8], item: T) {
        self.offer_large(key, item, 0);
    }

    /// Adds an item that has `bytes` bytes besides the size of its type.
    pub fn offer_large(&mut self, key: &[u8], item: T, bytes: usize) {
        if self.after.as_ref().is_some_and(|after| key <= after.bytes()) || self.is_after(key) {
            return;
        }
        let bytes = size_of::<Vec<u8>>() + key.len() + size_of::<Kept<T>>() + bytes;
        self.bytes += bytes;
        if let Some(twin) = self.kept.insert(key.to_vec(), Kept { item, bytes }) {
            self.bytes -= twin.bytes;
        }
        while self.kept.len() > self.count + 1 || (self.bytes > BYTES_MAX && self.kept.len() > 2) {
            let last = self.kept.pop_last();
            self.bytes -= last.map_or(0, |(_, last)| last.bytes);
            // The removed item shows that there are more items than the page takes.
            self.count = self.count.min(self.kept.len() - 1);
        }
    }

    /// True if an item with this key, or a later one, cannot belong to the page.
    pub fn is_after(&self, key: &[u8]) -> bool {
        let last = self.kept.last_key_value().filter(|_| self.is_full());
        last.is_some_and(|(last, _)| last.as_slice() <= key)
    }

    /// True if only an item with a lower key could change the page.
    pub fn is_full(&self) -> bool {
        self.kept.len() > self.count
    }

    /// Number of items found so far, at most one more than the page has.
    pub fn found(&self) -> usize {
        self.kept.len()
    }

    /// Number of items that are still needed: those of the page and one more.
    pub fn missing(&self) -> usize {
        (self.count + 1).saturating_sub(self.kept.len())
    }

    /// Returns the page.
    pub fn into_page(mut self) -> Page<T> {
        let has_more = self.is_full();
        if has_more {
            self.kept.pop_last();
        }
        let (keys, items) = self.kept.into_iter().map(|(key, kept)| (key, kept.item)).unzip();
        Page { items, keys, has_more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pages_of_large_items_are_shorter_and_skip_none(
            sizes in prop::collection::vec(0_usize..20 << 20, 0..30), count in 1_usize..9,
        ) {
            let (mut after, mut walked) = (None, Vec::new());
            loop {
                let mut top = TopK::new(after, count);
                // The items are offered in another order than theirs.
                for index in (0..sizes.len()).map(|index| index * 31 % sizes.len().max(1)).chain(0..sizes.len()) {
                    top.offer_large(&[u8::try_from(index).unwrap_or(0)], index, sizes.get(index).copied().unwrap_or(0));
                }
                let page = top.into_page();
                let bytes: usize = page.items.iter().filter_map(|index| sizes.get(*index)).sum();
                prop_assert!(page.items.len() <= count && (page.items.len() <= 2 || bytes <= BYTES_MAX));
                after = page.cursor_after(page.items.len());
                walked.extend(page.items);
                if after.is_none() {
                    break;
                }
            }
            prop_assert!(walked.into_iter().eq(0..sizes.len()));
        }
    }

    #[test]
    fn a_shortened_page_has_a_cursor_after_its_last_item() {
        let mut top = TopK::new(None, 3);
        (0..3_u8).for_each(|key| top.offer(&[key], key));
        let page = top.into_page();
        assert_eq!(page.cursor_after(2), Some(Cursor::new(vec![1])));
        assert_eq!(page.cursor_after(3), None);
        assert_eq!(Page::<u8>::empty().cursor_after(0), None);
    }
}
